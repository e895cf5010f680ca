// The time of a film: one clock for all its rows. It counts t where t rises and T - t where t falls, so that
// films of different numbers of steps show the same t at the same time.

import { clamp } from "../core/numbers.js";
import { fill } from "../core/words.js";

const FILM_LENGTH = 4000; // ms for a whole film at speed 1
const NUDGE = 0.1; // of the way between two frames, for a key

export class FilmTime {
  /** `changed()` is called whenever another frame may be due. */
  constructor(changed) {
    this.changed = changed;
    this.rows = [];
    this.now = 0;
    this.speed = 1;
    this.playing = false;
    this.tween = false; // whether there is something between two frames, too
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  /** A film begins: it plays. With less motion the newest frame is shown as it comes. */
  began() {
    this.now = this.span().start;
    this.playing = !this.calm;
    this.follows = this.calm;
    this.before = null;
    this.changed();
  }

  grew() {
    if (this.follows) this.now = Math.min(this.reach(), this.span().end);
    this.changed();
  }

  /** The rows that have something to show. */
  live() {
    return this.rows.filter((row) => row.parts.length);
  }

  span() {
    const rows = this.live();
    if (!rows.length) return { start: 0, end: 1 };
    const end = Math.max(...rows.map((row) => (row.growing && !row.waiting ? row.T : row.time(-1))));
    return { start: Math.min(...rows.map((row) => row.time(0))), end };
  }

  /** Up to which time every row has its frames. */
  reach() {
    const growing = this.rows.filter((row) => row.growing);
    return Math.min(Infinity, ...growing.map((row) => (row.waiting || !row.parts.length ? this.span().start : row.time(-1))));
  }

  /** The times of all frames of all rows. */
  stops() {
    const times = this.live().flatMap((row) => row.parts.map((_, i) => row.time(i)));
    return [...new Set(times)].sort((a, b) => a - b);
  }

  nearest() {
    return this.stops().reduce((best, one) => (Math.abs(one - this.now) < Math.abs(best - this.now) ? one : best), Infinity);
  }

  /** The shown place in words: {t, T} of the frame that lies nearest, or where it is between two. */
  says(words) {
    const [row] = this.live();
    if (this.tween) return row.place(this.now, words);
    const time = this.nearest();
    return fill(words.t, { t: row.reverse ? row.T - time : time, T: row.T });
  }

  /** Rest at this time, if there is one. */
  rest(time) {
    this.playing = this.follows = false;
    if (Number.isFinite(time)) this.now = time;
    this.changed();
  }

  /** Play or pause; at the end, play once more. */
  toggle() {
    if (this.playing) return this.rest(this.tween ? this.now : this.nearest());
    const { start, end } = this.span();
    if (this.now >= end) this.now = start;
    this.playing = true;
    this.follows = false;
    this.before = null;
    this.changed();
  }

  step(by) {
    const stops = this.stops();
    this.rest(by > 0 ? stops.find((one) => one > this.now + 1e-6) : stops.findLast((one) => one < this.now - 1e-6));
  }

  /** A key: one frame on; where there is something between, only a part of the way (all of it if `far`). */
  nudge(by, far) {
    if (!this.tween || far) return this.step(by);
    const { start, end } = this.span();
    this.rest(clamp(this.now + by * NUDGE, start, Math.min(end, this.reach())));
  }

  /** To the first frame (0) or to the last one (-1). */
  jump(to) {
    this.rest(this.stops().at(to));
  }

  /** Go on to the moment `now` of the display; where frames are still to come, wait for them. */
  move(now) {
    const { start, end } = this.span();
    const past = Math.min(100, now - (this.before ?? now));
    this.before = now;
    this.now = Math.min(this.reach(), this.now + (past * this.speed * (end - start)) / FILM_LENGTH);
    if (this.now >= end && !this.rows.some((row) => row.growing)) this.rest(end);
  }
}
