// The time axis: the loss of each step, and under it which letters the window reads. A press goes to a step.

import { make, placeOn, setAll, setText, sharpen, show } from "../core/dom.js";
import { clamp } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { lettering, pen, rule } from "../draw/pen.js";

const BARS = 54; // px: the height of the losses
const LONGEST = 5; // bars, in those of the median
const ROW = 15; // px: of a letter
const GUTTER = 30;
const END = "\u220e"; // stands after the last letter

export class Strip {
  /** `seek(n)` shows the first n steps. */
  constructor(seek) {
    this.canvas = make("canvas", { role: "img", class: "canvas", "data-testid": "hand-strip" });
    this.caption = make("figcaption");
    this.element = make("figure", { class: "hand-strip" }, this.canvas, this.caption);
    const to = (event) => this.seekable && seek(clamp(Math.floor((placeOn(this.canvas, event)[0] - GUTTER) / this.wide) + 1, 0, this.columns));
    const touch = (event) => event.pointerType === "touch";
    this.canvas.addEventListener("pointerdown", (event) => !touch(event) && event.button === 0 && to(event));
    this.canvas.addEventListener("pointermove", (event) => !touch(event) && event.buttons === 1 && to(event));
    this.canvas.addEventListener("click", (event) => touch(event) && to(event)); // a finger that moves scrolls the page
  }

  /** The losses of all steps, of which n are shown; `phi` (T, U) and the text, where there is a window. */
  draw({ writing, n, palette, words, own = false }) {
    const { way } = writing;
    show(this.element, Boolean(way));
    const room = this.element.clientWidth;
    if (!room || !way) return;
    this.seekable = !own;
    const letters = way.phi.length ? [...writing.text, END] : [];
    const height = BARS + (letters.length ? 10 + ROW * letters.length : 0);
    const ctx = sharpen(this.canvas, room, height);
    const columns = (this.columns = Math.max(1, writing.length));
    const wide = (this.wide = (room - GUTTER - 2) / columns);
    const at = clamp(n, 0, columns - 1);
    ctx.fillStyle = palette.faint;
    if (!own) ctx.fillRect(GUTTER + at * wide, 0, Math.max(1.5, wide), height);
    this.bars(ctx, writing, n, wide, palette);
    if (letters.length) this.window(ctx, way.phi, letters, { n, at, wide, reach: writing.reach, palette, room });
    lettering(ctx, palette, "12px", "left", "top", palette.muted);
    ctx.fillText("nats", 0, 0);
    setAll(this.canvas, { "aria-label": fill(letters.length ? words.stripWindow : words.strip, { n: columns }) });
    setText(this.caption, own ? words.stripOwnSays : letters.length ? words.stripWindowSays : words.stripSays);
  }

  bars(ctx, writing, n, wide, palette) {
    const losses = writing.way.losses.slice(0, writing.reach);
    const usual = losses.map(Math.abs).sort((one, other) => one - other)[Math.floor(losses.length / 2)] ?? 0;
    const far = LONGEST * usual + 0.5; // a few spikes may leave the picture
    const [low, high] = [Math.max(-far, Math.min(0, ...losses)), Math.min(far, Math.max(0.5, ...losses))];
    const y = (loss) => 2 + ((high - clamp(loss, low, high)) / (high - low)) * (BARS - 4);
    losses.forEach((loss, t) => {
      ctx.globalAlpha = t < n ? 1 : 0.3;
      ctx.fillStyle = palette.roles[t < writing.given ? "data" : "model"].ink;
      const [top, end] = [Math.min(y(loss), y(0)), Math.max(y(loss), y(0))];
      ctx.fillRect(GUTTER + t * wide + wide * 0.1, top, wide * 0.8, Math.max(1, end - top));
    });
    ctx.globalAlpha = 1;
    pen(ctx, palette.muted, 1);
    rule(ctx, GUTTER, y(0), GUTTER + wide * Math.max(1, writing.length), y(0));
  }

  /** A staircase: how much each letter weighs at each step. */
  window(ctx, phi, letters, { n, at, wide, reach, palette, room }) {
    const top = BARS + 10;
    const most = Math.max(0.2, ...phi.slice(0, reach).map((row) => Math.max(...row.subarray(0, letters.length))));
    const now = phi[Math.min(at, phi.length - 1)];
    letters.forEach((letter, u) => {
      const y = top + u * ROW;
      ctx.fillStyle = palette.roles.latent.ink;
      for (let t = 0; t < reach; t++) {
        ctx.globalAlpha = clamp(phi[t][u] / most, 0, 1) * (t <= n ? 1 : 0.4);
        if (ctx.globalAlpha > 0.02) ctx.fillRect(GUTTER + t * wide, y, wide + 0.3, ROW - 1);
      }
      ctx.globalAlpha = clamp(now[u] / most, 0, 1);
      ctx.fillRect(0, y, GUTTER - 8, ROW - 1);
      ctx.globalAlpha = 1;
      lettering(ctx, palette, "600 13px", "center", "middle");
      ctx.fillText(letter, (GUTTER - 8) / 2, y + ROW / 2);
    });
    pen(ctx, palette.faint, 1);
    for (let u = 0; u <= letters.length; u++) rule(ctx, GUTTER, top + u * ROW - 0.5, room, top + u * ROW - 0.5);
  }
}
