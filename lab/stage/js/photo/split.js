// A handle over a picture: left of it one picture, right of it another.

import { icon, layOver, make, placeOn, setAll, show } from "../core/dom.js";
import { clamp } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { clip, lettering } from "../draw/pen.js";
import { paintPhoto } from "../draw/pixels.js";

const SPLIT_STEP = 0.02; // of the width, at a press of an arrow key; with Shift five times as far
const SPLIT_MEANT = 6; // px that a finger moves before it drags; until then it may want to scroll the page

export class Split {
  /** `moved()` is called when the handle stands elsewhere. */
  constructor(moved) {
    this.moved = moved;
    this.share = 0; // of the width that is left of the handle
    this.line = make("div", { class: "split-line" });
    this.knob = make("div", { class: "split-knob", role: "slider", tabindex: 0, "aria-orientation": "horizontal", "aria-valuemin": 0, "aria-valuemax": 100, "data-testid": "split" }, icon("back"), icon("forth"));
    this.element = make("div", { class: "split", hidden: true, "data-testid": "split-area" }, this.line, this.knob);
    const on = (name, act) => this.element.addEventListener(name, act);
    on("pointerdown", (event) => event.button === 0 && this.pressed(event));
    on("pointermove", (event) => this.start && this.dragged(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, () => (this.start = null)); // or the finger scrolls the page
    on("mousedown", (event) => (event.preventDefault(), this.knob.focus({ preventScroll: true })));
    on("dblclick", () => this.to(0));
    this.knob.addEventListener("keydown", (event) => this.key(event));
  }

  /** The names of the two pictures, and the stage's sentences. */
  use(words, left, right) {
    Object.assign(this, { words, left, right });
    setAll(this.knob, { "aria-label": fill(words.split, { left, right }), title: fill(words.splitHint, { left, right }) });
    this.render();
  }

  /** Lie over this rectangle of the picture, or (null) nowhere. */
  put(area) {
    show(this.element, Boolean(area));
    if (!area) return;
    layOver(this.element, area);
  }

  to(share) {
    this.share = clamp(share, 0, 1);
    this.render();
    this.moved();
  }

  render() {
    const percent = Math.round(100 * this.share);
    this.element.style.setProperty("--split", `${100 * this.share}%`);
    const { words, left, right } = this;
    const says = percent === 0 ? words.splitOnly : percent === 100 ? words.splitAll : words.splitSays;
    setAll(this.knob, { "aria-valuenow": percent, "aria-valuetext": fill(says, { left, right, percent }) });
  }

  pressed(event) {
    this.start = { x: event.clientX, waits: event.pointerType === "touch" };
    this.element.setPointerCapture(event.pointerId);
    this.dragged(event);
  }

  dragged(event) {
    if (this.start.waits && Math.abs(event.clientX - this.start.x) < SPLIT_MEANT) return;
    this.start.waits = false;
    this.to(placeOn(this.element, event)[0] / this.element.getBoundingClientRect().width);
  }

  key(event) {
    const step = SPLIT_STEP * (event.shiftKey ? 5 : 1);
    const places = {
      ArrowLeft: this.share - step, ArrowDown: this.share - step, ArrowRight: this.share + step, ArrowUp: this.share + step,
      PageDown: this.share - 5 * SPLIT_STEP, PageUp: this.share + 5 * SPLIT_STEP, Home: 0, End: 1, Enter: 0,
    };
    if (!(event.key in places) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // no step of the run
    this.to(places[event.key]);
  }
}

/** Two pictures in one place, each on its side of the handle, with their names in the corners. */
export function paintSplit(ctx, area, left, right, split, palette) {
  paintPhoto(ctx, area, right);
  const x = area.x + area.w * split.share;
  clip(ctx, { ...area, w: x - area.x }, 0);
  paintPhoto(ctx, area, left);
  ctx.restore();
  if (split.share === 0) return;
  paintName(ctx, split.left, area, area.x, x, "left", palette);
  paintName(ctx, split.right, area, x, area.x + area.w, "right", palette);
}

/** A word in the upper corner of its side, where there is room for it. */
function paintName(ctx, text, area, from, to, side, palette) {
  lettering(ctx, palette, "600 13px", "left", "middle", palette.background);
  const wide = ctx.measureText(text).width + 16;
  if (wide + 12 > to - from) return;
  const x = side === "left" ? from + 6 : to - 6 - wide;
  ctx.globalAlpha = 0.85;
  ctx.beginPath();
  ctx.roundRect(x, area.y + 6, wide, 22, 11);
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.fillStyle = palette.text;
  ctx.fillText(text, x + 8, area.y + 17.5);
}
