// The large sheet: the pen of the model writes on it, and a hand may draw on it.

import { make, placesOf, setAll, setText, sharpen, show } from "../core/dom.js";
import { ARROWS } from "../core/keys.js";
import { clamp } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { mapping } from "../draw/box.js";
import { disc, outline, pen, rule } from "../draw/pen.js";
import { paintCross, paintInk, paintMixture, paintNib, paintStrokes } from "./paint.js";

const LARGEST = 400; // px along a side of the sheet of a digit
const SMALLER = 320; // where all stands in one column, so that the controls are in sight
const LOWEST = 130; // px: the least height of the sheet of a word
const HIGHEST = 280;
const KEY = 1 / 40; // of the sheet: how far an arrow key moves the cross; with Shift four times as far

export class Sheet {
  /** `act` has key(event) for the keys of the clock, and drew() when the drawing is another. */
  constructor(drawing, act) {
    Object.assign(this, { drawing, act, cross: null, pointer: null, open: false });
    this.canvas = make("canvas", { role: "img", class: "canvas", tabindex: 0, "data-testid": "hand-sheet" });
    this.hint = make("p", { class: "hand-empty", hidden: true });
    this.element = make("div", { class: "hand-sheet" }, this.canvas, this.hint);
    this.listen();
  }

  listen() {
    const on = (name, act) => this.canvas.addEventListener(name, act);
    on("pointerdown", (event) => this.open && event.button === 0 && this.begin(event));
    on("pointermove", (event) => event.pointerId === this.pointer && this.extend(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, () => this.end());
    on("keydown", (event) => this.keyed(event));
  }

  /** Whether a hand may draw. */
  turn(open) {
    this.open = open;
    this.end();
    this.cross = null;
    this.canvas.classList.toggle("open", open);
  }

  // --- a hand draws ----------------------------------------------------------------------------------------

  placed(event) {
    const { map } = this;
    const { width, height } = this.canvas.getBoundingClientRect();
    const [w, h] = [this.canvas.clientWidth || width, this.canvas.clientHeight || height];
    return placesOf(this.canvas, event).map(([u, v]) => this.kept([map.worldX(u * w), map.worldY(v * h)]));
  }

  /** A place on the sheet. */
  kept([x, y]) {
    const [x0, x1, y0, y1] = this.map.box;
    return [clamp(x, x0, x1), clamp(y, y0, y1)];
  }

  begin(event) {
    if (!this.map || this.pointer != null) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.cross = null;
    this.drawing.begin(this.placed(event)[0]);
    this.act.drew();
  }

  extend(event) {
    for (const place of this.placed(event)) this.drawing.extend(place, this.width);
    this.act.drew();
  }

  end() {
    if (this.pointer == null) return;
    this.pointer = null;
    this.drawing.lift();
    this.act.drew();
  }

  keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!this.open || !this.handKey(event)) return this.act.key(event);
    event.preventDefault();
    event.stopPropagation();
    this.act.drew();
  }

  /** The keys of a hand that draws: arrows move a cross, Enter puts a place, L lifts the pen, Backspace takes one back. */
  handKey({ key, shiftKey }) {
    const { box } = this.map;
    const from = this.cross ?? this.drawing.strokes.at(-1)?.at(-1) ?? [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];
    if (ARROWS[key]) this.cross = this.kept(ARROWS[key].map((way, axis) => from[axis] + way * KEY * (box[3] - box[2]) * (shiftKey ? 4 : 1)));
    else if (key === "Enter") this.drawing.put((this.cross = from));
    else if (key.toLowerCase() === "l") this.drawing.lift();
    else if (key === "Backspace") this.drawing.undo();
    else return false;
    return true;
  }

  // --- what is shown ---------------------------------------------------------------------------------------

  get width() {
    return this.map.box[1] - this.map.box[0];
  }

  /** Lay the box over the sheet, both ways on one scale. */
  lay(kind, [x0, x1, y0, y1]) {
    const room = this.element.clientWidth;
    const w = kind === "digits" ? Math.min(room, room < LARGEST ? SMALLER : LARGEST) : room;
    const h = kind === "digits" ? w : clamp((w * (y1 - y0)) / (x1 - x0), LOWEST, HIGHEST);
    const scale = Math.min(w / (x1 - x0), h / (y1 - y0));
    const [spareX, spareY] = [w / scale - (x1 - x0), h / scale - (y1 - y0)];
    const left = kind === "digits" ? spareX / 2 : 0; // words begin at the left
    this.map = mapping([x0 - left, x1 + spareX - left, y0 - spareY / 2, y1 + spareY / 2], { x: 0, y: 0, w, h });
    return sharpen(this.canvas, w, h);
  }

  /** `view` has kind, box, lines (heights that guide the eye), palette, writing, n, share, next, `limp`: whether the way of
   * the mean is shown, and `marks`, the places of the drawing that the net sees. */
  draw(view) {
    if (!this.element.clientWidth) return;
    const { palette, writing } = view;
    const ctx = this.lay(view.kind, view.box);
    const { map } = this;
    this.guide(ctx, view);
    const width = clamp(map.area.h / 70, 2.2, 5);
    const model = palette.roles.model.ink;
    if (this.open) {
      paintStrokes(ctx, map, this.drawing.strokes, palette.roles.data.ink, width);
      for (const [x, y] of view.marks) disc(ctx, [map.x(x), map.y(y)], width, palette.roles.data.ink, palette.background);
      if (this.cross) paintCross(ctx, [map.x(this.cross[0]), map.y(this.cross[1])], palette);
    } else if (writing.way) {
      const { n, share, next } = view;
      const { given, way } = writing;
      const nib = writing.nib(n, share);
      if (given) for (const other of writing.ways) if (other !== way) paintInk(ctx, map, other.places, given, Math.min(n, other.length, other.places.length), { colour: model, width: width / 2, alpha: 0.3 });
      if (view.limp) paintInk(ctx, map, writing.limp, 0, Math.min(n, writing.limp.length), { colour: palette.muted, width: width * 0.7, dash: [6, 6] });
      if (next) paintMixture(ctx, map, writing.nib(n), next.components, model);
      const mine = Math.min(n, given);
      paintInk(ctx, map, way.places, 0, mine, { colour: palette.roles.data.ink, width });
      paintInk(ctx, map, way.places, mine, n, { colour: model, width }, nib);
      paintNib(ctx, [map.x(nib[0]), map.y(nib[1])], next?.lift ?? 0, palette);
    }
    outline(ctx, map.area, palette.faint);
  }

  guide(ctx, { kind, frame, lines, palette }) {
    const { map } = this;
    pen(ctx, palette.faint, 1);
    for (const y of lines) rule(ctx, 0, map.y(y), map.area.w, map.y(y));
    if (kind !== "digits") return;
    const [x0, x1, y0, y1] = frame;
    ctx.strokeRect(map.x(x0), map.y(y1), map.x(x1) - map.x(x0), map.y(y0) - map.y(y1));
  }

  /** The sheet in words. */
  say(words, text, hint) {
    setAll(this.canvas, { "aria-label": this.open ? fill(words.pad, { strokes: this.drawing.strokes.length }) : text });
    setText(this.hint, hint);
    show(this.hint, this.open && this.drawing.empty);
  }
}
