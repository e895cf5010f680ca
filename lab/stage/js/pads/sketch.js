// A pad to draw a target on. The points keep an even spacing, however fast the hand moves.

import { make, makeButton, placesOf, setAll, setText, sharpen, show } from "../core/dom.js";
import { clamp, count } from "../core/numbers.js";
import { wearPalette } from "../core/palette.js";
import { fill } from "../core/words.js";
import { drawFrame } from "../draw/axes.js";
import { mapping } from "../draw/box.js";
import { dotImage, pen, rule, stamp } from "../draw/pen.js";

const SKETCH_WORDS = {
  hint: "Draw a shape here, with one line or several",
  clear: "Clear",
  use: "Use this drawing",
  pad: "Drawing pad. The horizontal and vertical axes go from \u22123 to 3.",
  points: "{n} points",
};
const REACH = 3; // the pad shows [-3, 3] x [-3, 3]
const SPACING = 0.03;
const MOST_POINTS = 2000;

export default class Sketch {
  constructor(parent) {
    this.strokes = [];
    this.canvas = make("canvas", { role: "img", "data-testid": "sketch-pad" });
    this.hint = make("p", { class: "hint" });
    this.clear = makeButton("sketch-clear", "", () => this.wipe());
    this.use = makeButton("sketch-use", "", () => this.trigger("drawn", { points: this.points() }), { class: "primary" });
    this.number = make("span", { class: "readout", "aria-live": "polite" });
    this.pad = make("div", { class: "pad" }, this.canvas, this.hint);
    const bar = make("div", { class: "bar" }, this.use, this.clear, this.number);
    this.root = make("div", { class: "stage sketch", "data-testid": "sketch" }, this.pad, make("div", { class: "controls" }, bar));
    parent.append(this.root);
    this.listen();
  }

  listen() {
    const on = (name, act) => this.canvas.addEventListener(name, act);
    on("pointerdown", (event) => this.begin(event));
    on("pointermove", (event) => event.pointerId === this.drawing && this.extend(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, () => this.end());
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.pad);
  }

  update({ data, setTriggerValue }) {
    this.trigger = setTriggerValue;
    this.words = { ...SKETCH_WORDS, ...data?.labels };
    this.pad.style.maxWidth = `${data?.height ?? 420}px`;
    this.palette = wearPalette(this.root);
    for (const part of ["hint", "clear", "use"]) setText(this[part], this.words[part]);
    setAll(this.canvas, { "aria-label": this.words.pad });
    this.draw();
  }

  begin(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.drawing = event.pointerId;
    this.strokes.push(placed(this.canvas, event).slice(0, 1));
    this.draw();
  }

  extend(event) {
    for (const place of placed(this.canvas, event)) this.reach(place);
    this.draw();
  }

  end() {
    this.drawing = null;
    this.draw();
  }

  /** Add points every SPACING from the end of the stroke towards `place`. */
  reach(place) {
    const points = this.strokes.at(-1);
    let [x, y] = points.at(-1);
    for (;;) {
      const [dx, dy] = [place[0] - x, place[1] - y];
      const far = Math.hypot(dx, dy);
      if (far < SPACING) return;
      [x, y] = [x + (dx * SPACING) / far, y + (dy * SPACING) / far];
      points.push([x, y]);
    }
  }

  wipe() {
    this.strokes = [];
    this.draw();
  }

  /** All points, thinned evenly to at most MOST_POINTS. */
  points() {
    const all = this.strokes.flat();
    const n = Math.min(all.length, MOST_POINTS);
    const tidy = (value) => Math.round(value * 1e4) / 1e4;
    return Array.from({ length: n }, (_, i) => all[Math.floor((i * all.length) / n)].map(tidy));
  }

  draw() {
    const side = this.pad.clientWidth;
    if (!side || !this.palette) return;
    const ctx = sharpen(this.canvas, side, side);
    const map = mapping([-REACH, REACH, -REACH, REACH], { x: 0, y: 0, w: side, h: side });
    this.drawGrid(ctx, map);
    const dot = dotImage(this.palette.roles.data.ink, 2.6, this.palette);
    const points = this.strokes.flat();
    for (const [x, y] of points) stamp(ctx, dot, map.x(x), map.y(y));
    const n = points.length;
    show(this.hint, n === 0);
    this.use.disabled = n < 2 || this.drawing != null;
    this.clear.disabled = n === 0;
    setText(this.number, n ? fill(this.words.points, { n: count(Math.min(n, MOST_POINTS)) }) : "");
  }

  drawGrid(ctx, map) {
    pen(ctx, this.palette.faint, 1);
    for (let i = 1 - REACH; i < REACH; i++) {
      const [x, y] = [Math.round(map.x(i)) + 0.5, Math.round(map.y(i)) + 0.5];
      ctx.globalAlpha = i === 0 ? 1 : 0.55;
      rule(ctx, x, 0, x, map.area.h);
      rule(ctx, 0, y, map.area.w, y);
    }
    ctx.globalAlpha = 1;
    drawFrame(ctx, map, { palette: this.palette });
  }

  close() {
    this.resizing.disconnect();
    this.root.remove();
  }
}

/** Where a pointer has moved, in the pad's numbers. */
function placed(canvas, event) {
  const places = placesOf(canvas, event).map(([u, v]) => [u * 2 * REACH - REACH, REACH - v * 2 * REACH]);
  return places.map((place) => place.map((value) => clamp(value, -REACH, REACH)));
}
