// A small matrix as a picture: its entries in brackets, the larger the darker; where one is 0, nothing.

import { make } from "../core/dom.js";
import { fixed, short } from "../core/numbers.js";
import { fill } from "../core/words.js";

/** `values` (2, 2), row by row. */
export function matrixPicture(values, name, words) {
  const most = Math.max(...[...values].map(Math.abs)) || 1;
  const entries = [...values].map((value) => {
    const says = entrySays(value);
    if (value === 0) return make("span", { class: "entry empty" });
    const strength = Math.round(10 + (45 * Math.abs(value)) / most);
    return make("span", { class: "entry", style: `--strength: ${strength}%` }, says);
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
export function shapeOf([a, b, c, d]) {
  if (b === 0 && c === 0) return "diagonal";
  if (b === 0) return "lower";
  if (c === 0) return "upper";
  return a && d ? "full" : "";
}
