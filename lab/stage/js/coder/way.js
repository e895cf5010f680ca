// The way of one picture through a model with codes: boxes in a row, and under them the numbers and further draws.

import { make, setAll, setText, show } from "../core/dom.js";
import { fixed } from "../core/numbers.js";
import { mix, rgb } from "../core/palette.js";
import { fill } from "../core/words.js";
import { onesOf, paintPixels, paintShaped } from "../draw/pixels.js";
import { onPointed } from "./listing.js";

const MOST_ROWS = 10; // latent dimensions with numbers of their own
const LEAST_REACH = 3; // a bar of mu, eps or z is full at this value, or at the largest if that is more
const ERROR_FULL = 1; // a difference of half the range from black to white has the full colour
const COLUMNS = ["mu", "sigma", "eps", "z"];
const NUMBERS = ["log_p", "kl", "elbo", "elbo_mean", "square"];

export class Way {
  /** `lit` is called with the boxes that are pointed at. */
  constructor(lit) {
    this.lit = lit;
    this.boxes = new Map();
    this.row = make("div", { class: "way", role: "group" });
    this.numbers = make("div", { class: "way-numbers" });
    this.spread = make("div", { class: "way-spread", "data-testid": "spread" });
    this.spreadTitle = make("p", { class: "way-title" });
    this.element = make("div", { class: "way-holder" }, this.row, this.numbers, this.spreadTitle, this.spread);
  }

  /** Boxes for what this answer has, made anew only when that has changed. */
  build(arrays, numbers, words) {
    const columns = COLUMNS.filter((name) => arrays.has(name));
    const size = arrays.get("z").shape[0];
    const form = `${columns} ${size} ${Object.keys(numbers)}`;
    if (form === this.form) return;
    this.form = form;
    this.words = words;
    this.columns = columns;
    this.shownRows = Math.min(size, MOST_ROWS);
    this.boxes.clear();
    const codes = make("div", { class: "codes" }, ...columns.map((name) => this.codeBox(name, size)));
    const wire = () => make("span", { class: "way-arrow", "aria-hidden": "true" });
    const parts = [
      this.pictureBox("x", "data"), this.box("encoder", "latent"), codes,
      this.box("decoder", "model"), this.pictureBox("reconstruction", "model"), this.pictureBox("error", ""),
    ];
    const key = (role, says) => make("span", { class: `way-key ${role}` }, says);
    this.boxes.get("error").append(key("model", words.errorMore), key("data", words.errorLess));
    setAll(this.row, { "aria-label": words.way });
    this.row.replaceChildren(...parts.flatMap((part, i) => (i ? [wire(), part] : [part])));
    const number = (name) => this.box(name, "", make("b", { "data-testid": `number-${name}` }));
    this.numbers.replaceChildren(...NUMBERS.filter((name) => name in numbers).map(number));
    setText(this.spreadTitle, words.spread);
  }

  box(id, role, ...children) {
    const title = make("span", { class: `box-title ${role}` }, this.words[`box-${id}`]);
    const element = make("div", { class: "box", tabindex: 0, "data-box": id, "data-testid": `box-${id}` }, title, ...children);
    onPointed(element, [id], this.lit);
    this.boxes.set(id, element);
    return element;
  }

  pictureBox(id, role) {
    return this.box(id, role, make("canvas", { role: "img", "aria-label": this.words[`says-${id}`], "data-testid": `picture-${id}` }));
  }

  /** One number and one small bar for each latent dimension. */
  codeBox(id, size) {
    const rows = Array.from({ length: this.shownRows }, () => make("div", { class: "code-row" }, make("span"), make("i")));
    const element = this.box(id, "latent", ...rows);
    if (this.columns.length === 1) setText(element.firstChild, this.words["box-code"]);
    if (size > this.shownRows) element.append(make("div", { class: "code-rest", title: this.words.restSays }));
    return element;
  }

  draw({ arrays, meta }, words, palette) {
    this.build(arrays, meta.numbers, words);
    for (const id of ["x", "reconstruction"]) paintShaped(this.boxes.get(id).querySelector("canvas"), arrays.get(id));
    this.drawError(arrays.get("error"), palette);
    for (const id of this.columns) this.drawCodes(id, arrays);
    for (const [id, value] of Object.entries(meta.numbers)) {
      setText(this.boxes.get(id).querySelector("b"), value === null ? words.infinite : fixed(value, 1));
    }
    this.drawSpread(arrays.get("spread"));
  }

  drawCodes(id, arrays) {
    const values = [...arrays.get(id).data];
    const all = this.columns.filter((name) => name !== "sigma").flatMap((name) => [...arrays.get(name).data]);
    const full = id === "sigma" ? Math.max(1, ...values) : Math.max(LEAST_REACH, ...all.map(Math.abs));
    const element = this.boxes.get(id);
    element.querySelectorAll(".code-row").forEach((row, i) => {
      const share = values[i] / full;
      setText(row.firstChild, fixed(values[i], 2));
      const [from, size] = id === "sigma" ? [0, share] : [0.5 + Math.min(0, share) / 2, Math.abs(share) / 2];
      setAll(row.lastChild, { style: `--from: ${from}; --size: ${size}` });
    });
    const rest = values.slice(this.shownRows);
    const size = Math.sqrt(rest.reduce((sum, one) => sum + one * one, 0) / rest.length);
    const line = element.querySelector(".code-rest");
    if (line) setText(line, fill(this.words.rest, { n: rest.length, size: size.toFixed(2) }));
  }

  /** Ink that the model adds is of the model's colour; ink of the data that it leaves out of theirs. */
  drawError({ shape: [high, wide], data }, palette) {
    const [more, less] = [palette.roles.model, palette.roles.data].map((role) => rgb(role.ink));
    paintPixels(this.boxes.get("error").querySelector("canvas"), high, wide, (i) =>
      mix(palette.pageRgb, data[i] > 0 ? more : less, Math.min(1, Math.abs(data[i]) / ERROR_FULL)));
  }

  drawSpread(pictures) {
    for (const part of [this.spread, this.spreadTitle]) show(part, Boolean(pictures));
    if (!pictures) return;
    this.spread.replaceChildren(...onesOf(pictures).map((picture, i) => {
      const canvas = make("canvas", { role: "img", "aria-label": fill(this.words.oneOfSpread, { n: i + 1 }) });
      paintShaped(canvas, picture);
      return canvas;
    }));
  }

  light(ids) {
    for (const [id, element] of this.boxes) element.classList.toggle("lit", ids.includes(id));
  }
}
