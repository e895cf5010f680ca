// The masks of MADE: an output is chosen, and its ancestors light up.

import { make, makeButton, setAll, setText, sharpen, show } from "../core/dom.js";
import { mix, rgb } from "../core/palette.js";
import { fill } from "../core/words.js";
import { cellSize, paintCells, paintChosen } from "../draw/cells.js";
import { paintPixels } from "../draw/pixels.js";
import { Panel } from "./panel.js";
import { placeOf } from "./writing.js";

const SMALL = 132; // CSS pixels along a side of a picture
const UNITS = 25; // in a row of hidden units

export class Masks extends Panel {
  constructor(act) {
    super("masks", act);
    this.which = 0;
    this.says = make("p", { class: "desk-sees", role: "status", "data-testid": "desk-ancestors" });
    this.orders = make("div", { class: "buttons desk-field", role: "group", "data-testid": "desk-orders" });
    this.row = make("div", { class: "desk-row desk-layers" });
    this.body.append(this.orders, this.says, this.row);
  }

  forget() {
    this.which = 0;
    this.row.replaceChildren();
  }

  point(pixel) {
    if (pixel !== null) this.want("ancestors", { pixel, which: this.which });
    this.pixel = pixel;
  }

  choose(which) {
    this.which = which;
    this.point(this.pixel);
  }

  answered(name, { arrays, meta }, { arguments: { pixel } }) {
    this.say("");
    this.done = true;
    const { words, facts } = this.desk;
    this.offer(meta.orders);
    const rank = Int32Array.from(arrays.get("rank").data);
    const inputs = arrays.get("inputs").data;
    const itself = inputs[pixel] > 0;
    const numbers = { ...placeOf(facts, pixel), rank: rank[pixel] + 1, n: meta.ancestors - (itself ? 1 : 0), past: rank[pixel] };
    const sentences = [words.ancestors, ...(itself ? [this.desk.verdict ? `${words.leakItself} ${words.leak}` : words.lensItself] : [])];
    setText(this.says, sentences.map((sentence) => fill(sentence, numbers)).join(" "));
    const mask = (number) => this.mask(arrays.get(`mask/${number}`), number);
    const figures = [this.picture(words.inputs, (place) => inputs[place] > 0, pixel)];
    for (let layer = 1; layer <= meta.layers; layer++) figures.push(mask(layer), this.units(layer, arrays.get(`hidden/${layer}`).data));
    figures.push(mask(meta.layers + 1), this.picture(words.outputs, () => false, pixel, true));
    this.row.replaceChildren(...figures);
    setAll(this.element, { "data-pixel": pixel, "data-ancestors": meta.ancestors });
  }

  offer(orders) {
    show(this.orders, orders > 1);
    this.orders.replaceChildren(make("span", {}, this.words.whichOrder), ...Array.from({ length: orders }, (_, which) =>
      makeButton(`desk-order-${which}`, String(which + 1), () => this.choose(which), { class: "small", "aria-pressed": String(which === this.which) })));
  }

  /** The input or the output, with the chosen pixel; a press on the output chooses another. */
  picture(caption, lit, pixel, output = false) {
    const { facts, palette } = this.desk;
    const cell = cellSize(facts, SMALL);
    const canvas = make("canvas", { role: "img", "aria-label": caption });
    const ctx = sharpen(canvas, cell * facts.W, cell * facts.H);
    paintCells(ctx, facts.D, facts.W, cell, (place) => this.ink(lit(place)));
    if (output) paintChosen(ctx, facts, pixel, cell, palette);
    if (output) canvas.addEventListener("click", ({ offsetX, offsetY }) => this.act.choose(Math.floor(offsetY / cell) * facts.W + Math.floor(offsetX / cell)));
    return make("figure", { class: output ? "desk-pressed" : "" }, canvas, make("figcaption", {}, caption));
  }

  units(layer, lit) {
    const cell = Math.max(2, Math.floor(SMALL / UNITS));
    const n = lit.reduce((sum, one) => sum + (one ? 1 : 0), 0);
    const says = fill(this.words.units, { layer, n, of: lit.length });
    const canvas = make("canvas", { role: "img", "aria-label": says });
    const ctx = sharpen(canvas, cell * UNITS, cell * Math.ceil(lit.length / UNITS));
    paintCells(ctx, lit.length, UNITS, cell, (unit) => this.ink(lit[unit] > 0));
    return make("figure", { "data-layer": layer, "data-lit": n }, canvas, make("figcaption", {}, says));
  }

  mask({ shape: [high, wide], data }, number) {
    const { palette, words } = this.desk;
    const [off, on] = [mix(palette.pageRgb, palette.textRgb, 0.08), palette.textRgb];
    const says = fill(words.mask, { number });
    const canvas = make("canvas", { role: "img", "aria-label": says, class: "desk-mask" });
    paintPixels(canvas, high, wide, (i) => (data[i] ? on : off));
    return make("figure", {}, canvas, make("figcaption", {}, says));
  }

  ink(lit) {
    const { palette } = this.desk;
    return lit ? rgb(palette.roles.gradient.ink) : mix(palette.pageRgb, palette.textRgb, 0.1);
  }
}
