// A pad of 28 x 28 pixels and a soft round brush, for mouse, finger and pen.

import { make, placesOf, show } from "../core/dom.js";
import { clamp } from "../core/numbers.js";
import { paintShaped } from "../draw/pixels.js";

const PAD_SIDE = 28;
const BRUSH = 1.05; // pixels from a stroke's middle line that are white
const SOFT = 1.0; // pixels in which the white fades

export class Pad {
  /** `changed` is called whenever the ink is another one. */
  constructor(changed) {
    this.changed = changed;
    this.strokes = [];
    this.base = null;
    this.ink = new Uint8Array(PAD_SIDE * PAD_SIDE);
    this.canvas = make("canvas", { role: "img", width: PAD_SIDE, height: PAD_SIDE, "data-testid": "pad" });
    this.hint = make("p", { class: "pad-hint" });
    this.element = make("div", { class: "digit-pad" }, this.canvas, this.hint);
    const on = (name, act) => this.canvas.addEventListener(name, act);
    on("pointerdown", (event) => this.begin(event));
    on("pointermove", (event) => event.pointerId === this.pointer && this.reach(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, () => (this.pointer = null));
  }

  get blank() {
    return !this.ink.some((value) => value > 0);
  }

  begin(event) {
    if (event.button !== 0 || this.pointer != null) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.strokes.push([]);
    this.reach(event);
  }

  reach(event) {
    const stroke = this.strokes.at(-1);
    for (const place of placesOf(this.canvas, event).map((share) => share.map((one) => one * PAD_SIDE))) {
      inkLine(this.ink, stroke.at(-1) ?? place, place);
      stroke.push(place);
    }
    this.show();
  }

  /** Put this picture (784 bytes, or null for none) on the pad in place of all that is drawn. */
  put(base) {
    this.base = base;
    this.strokes = [];
    this.again();
  }

  undo() {
    if (this.strokes.length) this.strokes.pop();
    else this.base = null;
    this.again();
  }

  again() {
    this.pointer = null;
    this.ink.fill(0);
    if (this.base) this.ink.set(this.base);
    for (const stroke of this.strokes) stroke.forEach((place, i) => inkLine(this.ink, stroke[Math.max(0, i - 1)], place));
    this.show();
  }

  show() {
    paintShaped(this.canvas, { shape: [PAD_SIDE, PAD_SIDE], data: this.ink });
    show(this.hint, this.blank);
    this.changed();
  }

  /** The ink as the server takes it. */
  base64() {
    return btoa(String.fromCharCode(...this.ink));
  }
}

/** Whiten what lies near the line from a to b, [x, y] in pixels from the upper left corner. */
function inkLine(ink, a, b) {
  const reach = BRUSH + SOFT;
  const [left, right] = [Math.min(a[0], b[0]) - reach, Math.max(a[0], b[0]) + reach].map(Math.floor);
  const [top, bottom] = [Math.min(a[1], b[1]) - reach, Math.max(a[1], b[1]) + reach].map(Math.floor);
  for (let y = Math.max(0, top); y <= Math.min(PAD_SIDE - 1, bottom); y++) {
    for (let x = Math.max(0, left); x <= Math.min(PAD_SIDE - 1, right); x++) {
      const white = clamp((reach - farFromLine([x + 0.5, y + 0.5], a, b)) / SOFT, 0, 1);
      const i = y * PAD_SIDE + x;
      ink[i] = Math.max(ink[i], Math.round(255 * white));
    }
  }
}

/** How far the place p lies from the line from a to b. */
function farFromLine(p, a, b) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = dx * dx + dy * dy;
  const along = length ? clamp(((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length, 0, 1) : 0;
  return Math.hypot(p[0] - a[0] - along * dx, p[1] - a[1] - along * dy);
}
