// The way of a place in numbers: one row for each layer, with its Jacobian, and log p(x) as the sum of these rows.

import { make, setAll, withSubscripts } from "../core/dom.js";
import { fixed, short, subscript, vector } from "../core/numbers.js";
import { fill } from "../core/words.js";

export class PassageTable {
  /** `light(l)` is told which h is pointed at, or null. */
  constructor(light) {
    this.light = light;
    this.sum = make("div", { class: "passage-sum", "data-testid": "passage-sum" });
    this.head = make("thead", {});
    this.body = make("tbody", {});
    const table = make("table", { class: "passage-table", "data-testid": "passage-table" }, this.head, this.body);
    this.whole = make("div", { class: "passage-whole", "data-testid": "passage-whole" });
    this.element = make("div", { class: "passage-numbers" }, this.sum, this.whole, make("div", { class: "passage-scroll" }, table));
  }

  /** An answer of the probe `point`. */
  write({ meta, arrays }, words) {
    const { numbers, titles } = meta;
    const logDets = [...arrays.get("log_dets").data];
    const total = logDets.reduce((a, b) => a + b, 0);
    this.writeSum(numbers, total, words);
    this.writeWhole(arrays.get("jacobian").data, words);
    this.head.replaceChildren(rowOfCells("th", [words.layer, words.jacobian, withSubscripts(words.logDet), words.runningSum]));
    const h = (l) => [...arrays.get("way").data.slice(2 * l, 2 * l + 2)];
    const rows = [this.row(0, placeOfH(0, titles.length, h(0)))];
    let sum = 0;
    titles.forEach((title, i) => {
      const l = i + 1;
      sum += logDets[i];
      const layer = [make("b", {}, `f${subscript(l)} ${title}`), make("br"), placeOfH(l, titles.length, h(l))];
      const matrix = matrixPicture(arrays.get("jacobians").data.slice(4 * i, 4 * l), `${words.jacobian}${subscript(l)}`, words);
      rows.push(this.row(l, layer, matrix, nats(logDets[i], words), nats(sum, words)));
    });
    rows.push(this.row(titles.length, withSubscripts(words.logPz), "", nats(numbers.log_pz, words), nats(sum + numbers.log_pz, words)));
    rows.at(-1).classList.add("last");
    this.body.replaceChildren(...rows);
  }

  row(l, ...cells) {
    while (cells.length < 4) cells.push("");
    const row = rowOfCells("td", cells);
    setAll(row, { "data-l": l });
    row.addEventListener("pointerenter", () => this.light(l));
    row.addEventListener("pointerleave", () => this.light(null));
    return row;
  }

  /** log p_x(x) = log p_z(z) + sum of log|det|, each with its number below it. */
  writeSum(numbers, total, words) {
    const term = (id, says, value) => make("span", { class: "term", "data-number": id }, make("span", {}, ...withSubscripts(says)), make("b", {}, nats(value, words)));
    const sign = (text) => make("span", { class: "sign" }, text);
    const { log_px, log_pz, truth, inversion } = numbers;
    const asides = [make("span", { "data-number": "inversion" }, `${words.inversion}: `, make("b", {}, short(inversion)))];
    if (truth !== undefined) asides.unshift(make("span", { "data-number": "truth" }, `${words.logTruth}: `, make("b", {}, nats(truth, words))));
    this.sum.replaceChildren(
      make("div", { class: "terms" }, term("log_px", words.logPx, log_px), sign("="), term("log_pz", words.logPz, log_pz), sign("+"), term("log_dets", words.logDets, total), make("span", { class: "quiet" }, words.nats)),
      make("div", { class: "asides" }, ...asides),
    );
  }

  writeWhole(values, words) {
    const says = words[shapeOf(values)] ?? "";
    const matrix = matrixPicture(values, words.wholeJacobian, words);
    this.whole.replaceChildren(make("span", {}, words.wholeJacobian), matrix, make("span", { class: "quiet" }, says));
  }
}

function rowOfCells(tag, cells) {
  return make("tr", {}, ...cells.map((cell) => make(tag, {}, ...(Array.isArray(cell) ? cell : [cell]))));
}

/** "h\u2081 = (0.12, \u22121.03)"; the first is x and the last is z, too. */
function placeOfH(l, L, values) {
  const name = l === 0 ? "x = h\u2080" : l === L ? `z = h${subscript(l)}` : `h${subscript(l)}`;
  return make("span", { class: l === L ? "latent" : "" }, `${name} = ${vector(values)}`);
}

/** A logarithm with three decimals; null is that of 0. */
function nats(value, words) {
  return value === null ? words.infinitely : fixed(value, 3);
}

/** A matrix as a picture: its entries (2, 2), row by row, in brackets. The larger, the darker; a 0 is an empty place. */
export function matrixPicture(values, name, words) {
  const most = Math.max(...[...values].map(Math.abs)) || 1;
  const entries = [...values].map((value) => {
    if (value === 0) return make("span", { class: "entry empty" });
    const strength = Math.round(10 + (45 * Math.abs(value)) / most);
    return make("span", { class: "entry", style: `--strength: ${strength}%` }, entrySays(value));
  });
  const says = fill(words.matrixSays, { name, entries: [...values].map(entrySays).join("; ") });
  return make("span", { class: "matrix", role: "img", "aria-label": says, title: says, "data-shape": shapeOf(values) }, ...entries);
}

function entrySays(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 0.005 || size >= 1000 ? short(value) : fixed(value, 2);
}

/** "lower" and "upper" triangular, "diagonal", or "full": which entries are exactly 0; else none of these. */
function shapeOf([a, b, c, d]) {
  if (b === 0 && c === 0) return "diagonal";
  if (b === 0) return "lower";
  if (c === 0) return "upper";
  return a && d ? "full" : "";
}
