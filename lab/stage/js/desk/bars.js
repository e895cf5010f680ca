// The distribution of one pixel over its values, as bars in their own colours: press one to put it there.

import { make, makeButton, setAll, setText, sharpen } from "../core/dom.js";
import { clamp } from "../core/numbers.js";
import { hex } from "../core/palette.js";
import { fill } from "../core/words.js";
import { cellSize, paintOrder } from "../draw/cells.js";
import { chance, nats, orderName, placeOf, valueName } from "./writing.js";

const ORDER_SIDE = 84; // CSS pixels
const SCALES = [0.25, 0.5, 1.01]; // of many values: what a full bar is
const FEW = 4; // values whose numbers stand under their bars

export class Bars {
  /** `put(value)` is called when a bar is pressed, `key(event)` for keys that are none of the bars'. */
  constructor(put, key) {
    this.put = put;
    this.key = key;
    this.where = make("p", { class: "desk-where", "data-testid": "desk-where" });
    this.title = make("h2", { class: "desk-title" });
    this.holder = make("div", { class: "desk-bars", role: "group", "data-testid": "desk-bars" });
    this.scale = make("span", { class: "desk-scale", "aria-hidden": "true" });
    this.holder.addEventListener("keydown", (event) => this.keyed(event));
    this.reading = make("p", { class: "desk-reading", "data-testid": "desk-reading" });
    this.numbers = {};
    this.terms = make("div", { class: "desk-terms" });
    this.order = make("canvas", { role: "img", "data-testid": "desk-order" });
    this.orderSays = make("figcaption");
    this.says = make("p", { class: "desk-says", role: "status", "data-testid": "desk-says" });
    this.told = make("div", { class: "desk-told" }, this.says, make("figure", { class: "desk-order" }, this.order, this.orderSays));
    const head = make("div", { class: "desk-head" }, this.title, this.where);
    this.element = make("div", { class: "desk-beside" }, head, make("div", { class: "desk-numbers" }, this.holder, this.terms), this.reading);
  }

  build(facts, words) {
    Object.assign(this, { facts, words });
    const form = JSON.stringify([facts.colours, words, orderName(facts)]);
    if (form === this.form) return; // so that a bar keeps the focus
    this.form = form;
    setText(this.title, words.bars);
    setAll(this.element, { style: `--bars: ${facts.K}`, "data-few": facts.K <= FEW });
    setAll(this.holder, { "aria-label": words.barsSays });
    this.buttons = facts.colours.map((colour, k) => this.bar(k, hex(colour)));
    this.holder.replaceChildren(...this.buttons, this.scale);
    const term = (id, says) => make("div", {}, make("span", {}, says), (this.numbers[id] = make("b", { "data-testid": `desk-${id}` })));
    this.terms.replaceChildren(term("log", words.logOne), term("sum", words.logSum));
    this.orderName = words[`order-${orderName(facts)}`];
    setText(this.orderSays, `${words.order}: ${this.orderName}`);
    this.shown = null;
  }

  bar(k, colour) {
    const parts = [make("span", { class: "desk-bar-room" }, make("i")), make("span", { class: "desk-swatch" }), make("span", { class: "desk-p" })];
    const button = makeButton(`desk-bar-${k}`, parts, () => this.put(k), { class: "desk-bar", tabindex: k ? -1 : 0, style: `--ink: ${colour}` });
    for (const name of ["pointerenter", "focus"]) button.addEventListener(name, () => this.point(k));
    for (const name of ["pointerleave", "blur"]) button.addEventListener(name, () => this.point(null));
    return button;
  }

  point(k) {
    this.pointed = k;
    if (this.shown) this.read();
  }

  /** Left and right go from bar to bar; other keys are the desk's. */
  keyed(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return this.key(event);
    event.preventDefault();
    event.stopPropagation();
    const now = this.buttons.indexOf(this.holder.getRootNode().activeElement);
    const next = clamp(now + by, 0, this.buttons.length - 1);
    this.buttons.forEach((button, k) => setAll(button, { tabindex: k === next ? 0 : -1 }));
    this.buttons[next].focus();
  }

  /** `pixel` has its place, the distribution p and the value, or null where it is not written; and the sum of the logarithms
   * up to it. So far n are written. */
  show(pixel, n, palette) {
    const { facts, words } = this;
    const { place, p, value, log, sum } = pixel;
    this.shown = pixel;
    const where = place === null ? "" : fill(words.where, { ...placeOf(facts, place), rank: facts.rank[place] + 1, of: facts.D });
    setText(this.where, where);
    const full = facts.K <= FEW || !p ? 1 : SCALES.find((scale) => p.every((one) => one <= scale));
    setText(this.scale, facts.K <= FEW ? "" : String(Math.floor(4 * full) / 4));
    this.buttons.forEach((button, k) => {
      const share = p ? p[k] : 0;
      button.style.setProperty("--p", (share / full).toFixed(4));
      const says = fill(words.barSays, { value: valueName(facts, k, words), p: chance(share) });
      setAll(button, { "aria-pressed": String(k === value), "aria-disabled": p ? null : "true", "aria-label": p ? says : valueName(facts, k, words) });
      if (facts.K <= FEW) setText(button.lastChild, p ? chance(share) : "");
    });
    setText(this.numbers.log, p ? nats(log) : "\u2013");
    setText(this.numbers.sum, p ? nats(sum) : "\u2013");
    this.read();
    const cell = cellSize(facts, ORDER_SIDE);
    paintOrder(sharpen(this.order, cell * facts.W, cell * facts.H), facts, n, cell, palette);
    setAll(this.order, { "aria-label": fill(words.orderSays, { name: this.orderName, n }) });
  }

  /** The chance of the bar that is pointed at, or else of the value that was drawn. */
  read() {
    const { facts, words } = this;
    const { place, p, value, put } = this.shown;
    if (!p) return setText(this.reading, place === null ? "" : words.unwritten);
    const k = this.pointed ?? value;
    const says = k !== value ? words.readOther : put ? words.readPut : words.readDrawn;
    setText(this.reading, fill(says, { value: valueName(facts, k, words), p: chance(p[k]) }));
  }
}
