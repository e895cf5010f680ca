// The player of all cards of a page: one clock, and only what is in sight is drawn.

import { sharpen } from "../core/dom.js";
import { clamp } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { fetchReel } from "./reel.js";
import { CARD_WORDS } from "./words.js";

const PICTURE = 420; // ms from one picture to the next
const REST = 2400; // ms on the last one
const TICK = 50; // ms between two drawings

export class Player {
  constructor() {
    this.cards = new Map(); // canvas -> {reels, seen, last}
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.sight = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => this.see(target, isIntersecting)), { rootMargin: "60px" });
  }

  /** Play these runs, side by side or in a square of four, on a canvas; `most` = 1: their last picture, which rests. */
  play(canvas, runs, most = 0) {
    this.cards.set(canvas, { runs, most, reels: null, seen: false, began: 0 });
    this.sight.observe(canvas);
  }

  forget(canvas) {
    this.sight.unobserve(canvas);
    this.cards.delete(canvas);
  }

  wear(palette) {
    this.palette = palette;
    for (const [canvas, card] of this.cards) if (card.reels && card.seen) this.draw(canvas, card);
  }

  async see(canvas, seen) {
    const card = this.cards.get(canvas);
    if (!card) return;
    card.seen = seen;
    if (seen && !card.asked) {
      card.asked = true;
      card.reels = (await Promise.all(card.runs.map((run) => fetchReel(run, card.most).catch(() => null)))).filter(Boolean);
      card.began = performance.now();
      const told = card.reels.map(({ kind }) => CARD_WORDS[kind] ?? CARD_WORDS.other);
      if (told.length && !card.most) canvas.setAttribute("aria-label", fill(CARD_WORDS.says, { what: [...new Set(told)].join(" ") }));
      if (this.palette) this.draw(canvas, card);
    }
    this.wake();
  }

  wake() {
    this.clock ??= requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.clock = null;
    const moving = [...this.cards].filter(([, { seen, reels }]) => seen && reels?.some(({ frames }) => frames.length > 1));
    if (!moving.length || this.still.matches) return;
    if (now - (this.drawn ?? 0) >= TICK) {
      this.drawn = now;
      for (const [canvas, card] of moving) this.draw(canvas, card, now);
    }
    this.wake();
  }

  /** With no `now` the last picture, at rest, which is what one sees without motion. */
  draw(canvas, card, now) {
    const [w, h] = [canvas.clientWidth, canvas.clientHeight];
    if (!w || !card.reels.length) return;
    const ctx = sharpen(canvas, w, h);
    canvas.style.width = canvas.style.height = ""; // the style sheet's
    card.reels.forEach((reel, i) => {
      const last = reel.frames.length - 1;
      const length = last * PICTURE + REST;
      const at = now === undefined || this.still.matches ? last : clamp(((now - card.began) % length) / PICTURE, 0, last);
      reel.draw(ctx, areaOf(i, card.reels.length, w, h), at, this.palette);
    });
    canvas.dataset.drawn = Number(canvas.dataset.drawn ?? 0) + 1;
  }

  close() {
    cancelAnimationFrame(this.clock);
    this.sight.disconnect();
    this.cards.clear();
  }
}

/** Where the i-th of n pictures lies. */
function areaOf(i, n, w, h) {
  const columns = n > 3 ? 2 : n;
  const rows = Math.ceil(n / columns);
  const gap = n > 1 ? 3 : 0;
  const [wide, high] = [(w - gap * (columns - 1)) / columns, (h - gap * (rows - 1)) / rows];
  return { x: (i % columns) * (wide + gap), y: Math.floor(i / columns) * (high + gap), w: wide, h: high };
}
