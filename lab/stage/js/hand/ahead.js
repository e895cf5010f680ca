// What the net says of the next step, enlarged: the mixture around the nib, the step that was drawn, and the numbers.

import { make, setAll, setText, sharpen, show } from "../core/dom.js";
import { fixed } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { mapping } from "../draw/box.js";
import { disc, outline, pen, rule } from "../draw/pen.js";
import { paintCross, paintMixture, paintNib } from "./paint.js";
import { letterOf, meanOf } from "./writing.js";

const LENS = 220; // px

export class Ahead {
  constructor() {
    this.title = make("h2", { class: "hand-title" });
    this.canvas = make("canvas", { role: "img", "data-testid": "hand-ahead" });
    this.numbers = {};
    this.names = {};
    const rows = ["lift", "loss", "sum", "letter"].map((name) => make("div", {}, (this.names[name] = make("span")), (this.numbers[name] = make("b", { "data-testid": `hand-${name}` }))));
    this.keys = make("p", { class: "hand-keys" });
    this.element = make("div", { class: "hand-ahead" }, this.title, make("div", { class: "hand-lens" }, this.canvas, make("div", { class: "hand-numbers" }, ...rows)), this.keys);
  }

  build(words, facts) {
    this.words = words;
    this.facts = facts;
    setText(this.title, words.ahead);
    for (const [name, element] of Object.entries(this.names)) setText(element, words[name]);
    for (const name of ["lift", "letter"]) show(this.names[name].parentElement, facts.kind === "words");
    setText(this.keys, facts.kind === "words" ? `${words.aheadKeys} ${words.liftKeys}` : words.aheadKeys);
  }

  /** Before the step after n; `next` is null where nothing follows. */
  show(writing, n, next, palette) {
    const { words } = this;
    const letter = next ? letterOf(next.phi) : -1;
    setText(this.numbers.lift, next ? fixed(next.lift, 2) : "\u2013");
    setText(this.numbers.loss, next ? fixed(next.loss, 2) : "\u2013");
    setText(this.numbers.sum, writing.way ? fixed(writing.loss(Math.min(n, writing.reach)), 1) : "\u2013");
    setText(this.numbers.letter, writing.text[letter] ?? (next ? words.end : "\u2013"));
    const side = Math.min(LENS, this.element.clientWidth || LENS);
    const ctx = sharpen(this.canvas, side, side);
    const reach = next ? this.reachOf(next) : this.facts.step;
    const map = mapping([-reach, reach, -reach, reach], { x: 0, y: 0, w: side, h: side });
    this.grid(ctx, map, reach, palette);
    if (next) {
      if (this.facts.output === "mixture") paintMixture(ctx, map, [0, 0], next.components, palette.roles.model.ink);
      const mean = meanOf(next.components);
      paintCross(ctx, [map.x(mean[0]), map.y(mean[1])], palette);
      disc(ctx, next.drawn.map((one, axis) => [map.x, map.y][axis](one)), 5, palette.roles[next.given ? "data" : "model"].ink, palette.background);
    }
    paintNib(ctx, [map.x(0), map.y(0)], next?.lift ?? 0, palette);
    outline(ctx, map.area, palette.faint);
    const heavy = next ? next.components.filter(({ pi }) => pi >= 0.05).length : 0;
    setAll(this.canvas, { "aria-label": next ? fill(words.aheadSays, { n: heavy, of: next.components.length }) : words.aheadNone });
  }

  /** How far the lens sees: a step of the data times a power of 2, so that its scale seldom jumps. */
  reachOf({ components, drawn }) {
    const far = components.filter(({ pi }) => pi >= 0.05).map(({ mu, axes }) => Math.max(...mu.map(Math.abs)) + 2 * axes.long);
    const most = Math.max(...far, ...drawn.map(Math.abs));
    return this.facts.step * 2 ** Math.min(6, Math.max(0, Math.ceil(Math.log2((1.08 * most) / this.facts.step))));
  }

  /** Lines one step of the data apart. */
  grid(ctx, map, reach, palette) {
    pen(ctx, palette.faint, 1);
    const { step } = this.facts;
    const lines = Math.round(reach / step);
    if (lines > 16) return;
    for (let i = 1 - lines; i < lines; i++) {
      ctx.globalAlpha = i ? 0.5 : 1;
      rule(ctx, map.x(i * step), 0, map.x(i * step), map.area.h);
      rule(ctx, 0, map.y(i * step), map.area.w, map.y(i * step));
    }
    ctx.globalAlpha = 1;
  }
}
