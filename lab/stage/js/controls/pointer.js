// Pointers over the picture: a bubble that says what lies there, clicks, and presses that hold on.

import { make, placeOn, setText, show } from "../core/dom.js";
import { clamp } from "../core/numbers.js";
import { enlarge } from "../draw/tiles.js";

const HOLD = 350; // ms a finger must rest before the read-out follows it

export class Pointer {
  /** `read(px, py, touch)` gives {lines, tile} for the bubble, or null; `pick(px, py, touch)` is a click or
   * a tap; `grab(phase, px, py)` is a press that holds on ("press", "drag", "lift"), and tells whether
   * anything takes it. */
  constructor(canvas, { read, pick, grab }) {
    Object.assign(this, { canvas, read, pick, grab });
    this.large = make("canvas", { class: "enlarged" });
    this.words = make("span");
    this.bubble = make("div", { class: "bubble", hidden: true, "data-testid": "hover" }, this.large, this.words);
    this.listen();
  }

  listen() {
    const on = (name, act, options) => this.canvas.addEventListener(name, act, options);
    on("pointermove", (event) => this.moved(event));
    on("pointerdown", (event) => this.pressed(event));
    on("pointerup", (event) => (this.lift(), event.pointerType === "touch" && this.left()));
    on("pointercancel", () => (this.lift(), this.left()));
    on("pointerleave", () => this.left());
    on("click", (event) => this.pick(...this.where(event), event.pointerType === "touch"));
    // A finger that holds reads the field; one that moves at once scrolls the page.
    on("touchmove", (event) => this.held && event.cancelable && event.preventDefault(), { passive: false });
    on("contextmenu", (event) => this.held && event.preventDefault());
  }

  moved(event) {
    const touch = event.pointerType === "touch";
    if (touch && !this.held) return clearTimeout(this.holding);
    if (this.grabbed) this.grab("drag", ...this.where(event));
    this.follow(event);
  }

  pressed(event) {
    if (event.pointerType === "touch") this.holding = setTimeout(() => this.hold(event), HOLD);
    else if (event.button === 0) this.grabbed = this.grab("press", ...this.where(event));
    if (this.grabbed) this.canvas.setPointerCapture(event.pointerId);
  }

  hold(event) {
    this.held = true;
    this.grabbed = this.grab("press", ...this.where(event), true);
    this.follow(event);
  }

  lift() {
    if (this.grabbed) this.grab("lift");
    this.grabbed = false;
  }

  left() {
    clearTimeout(this.holding);
    this.held = false;
    this.at = null;
    this.refresh();
  }

  follow(event) {
    this.at = [...this.where(event), event.pointerType === "touch"];
    this.refresh();
  }

  where(event) {
    return placeOn(this.canvas, event);
  }

  /** Called after each drawing too: the picture changes under a pointer that rests. */
  refresh() {
    const { tile, lines = [] } = this.read(...(this.at ?? [NaN, NaN])) ?? {};
    show(this.bubble, Boolean(tile || lines.length));
    if (this.bubble.hidden) return;
    show(this.large, Boolean(tile));
    if (tile?.paint) tile.paint(this.large);
    else if (tile) enlarge(this.large, tile);
    show(this.words, lines.length > 0);
    setText(this.words, lines.join("\n"));
    this.put(...this.at);
  }

  /** Beside the pointer, inside the picture, clear of a finger. */
  put(px, py, touch) {
    const { canvas, bubble } = this;
    const right = px > canvas.clientWidth / 2;
    const half = bubble.offsetHeight / 2;
    const x = right ? px - 14 - bubble.offsetWidth : px + 14;
    const y = clamp(py - (touch ? 64 : 12), half, Math.max(half, canvas.clientHeight - half)) - half;
    bubble.style.transform = `translate(${clamp(x, 0, Math.max(0, canvas.clientWidth - bubble.offsetWidth))}px, ${y}px)`;
  }
}
