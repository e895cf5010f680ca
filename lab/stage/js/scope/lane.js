// One sound on the scope: its wave, a button that plays it, a link that saves it.

import { icon, iconButton, make, placeOn, setAll, setText, sharpen, show } from "../core/dom.js";
import { clamp, fixed } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { TIMES } from "./audio.js";
import { amplitudeOf, finer, levelOf, valueOf, wavOf } from "./sound.js";

const HEIGHT = 46; // CSS pixels

export class Lane {
  /** `act` has play(lane), choose(lane, sample) and key(event, lane). */
  constructor(name, role, act) {
    Object.assign(this, { name, role, act, stamp: 0, n: 0, v: new Float32Array(0), bits: null, judged: 0 });
    this.title = make("b", { class: `scope-title ${role}` });
    this.says = make("span", { class: "scope-bits", "data-testid": `scope-bits-${name}` });
    this.play = iconButton(`scope-play-${name}`, "play", "icon", () => act.play(this));
    this.link = make("a", { class: "scope-save", "data-testid": `scope-save-${name}`, href: "#" });
    this.link.addEventListener("click", () => this.save());
    this.more = make("div", { class: "scope-more" });
    this.canvas = make("canvas", { class: "canvas", role: "img", tabindex: 0, "data-testid": `scope-wave-${name}` });
    const head = make("div", { class: "scope-head" }, this.title, this.play, this.link, this.more);
    this.room = make("div", { class: "scope-room" }, this.canvas, this.says);
    this.element = make("section", { class: "scope-lane", "data-testid": `scope-lane-${name}` }, head, this.room);
    this.canvas.addEventListener("pointerdown", (event) => event.button === 0 && act.choose(this, this.at(event)));
    this.canvas.addEventListener("keydown", (event) => act.key(event, this));
  }

  /** Another sound of D samples, of which none is there yet. */
  begin(D) {
    this.hold(new Float32Array(D), 0);
  }

  /** Another sound: values under the mu-law, of which the first `n` are there. */
  hold(v, n = v.length) {
    Object.assign(this, { v, n, bits: null });
    this.stamp += 1;
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
  }

  /** The levels of the samples that come next, of K. */
  take(values) {
    this.v.set(values.subarray(0, this.v.length - this.n), this.n);
    this.n += values.length;
  }

  get complete() {
    return this.n > 0 && this.n >= this.v.length;
  }

  /** Whether nothing can be heard in K levels, of which the two in the middle are silence. */
  silent(K) {
    return this.v.every((one) => Math.abs(2 * levelOf(one, K) - K + 1) <= 1);
  }

  /** The sample that is loudest. */
  get loudest() {
    return this.v.reduce((best, one, i) => (Math.abs(one) > Math.abs(this.v[best]) ? i : best), 0);
  }

  at(event) {
    const [x] = placeOn(this.canvas, event);
    return clamp(Math.floor((x / this.canvas.clientWidth) * this.v.length), 0, Math.max(0, this.n - 1));
  }

  /** Just before the link is followed, it gets something to save. */
  save() {
    this.url ??= URL.createObjectURL(new Blob([wavOf(finer(this.v, TIMES), TIMES * this.rate)], { type: "audio/wav" }));
    setAll(this.link, { href: this.url, download: `${this.name}.wav` });
  }

  /** `heard` is the share that has been played, or null; `view`, the samples that lie under the lens, or null. */
  draw({ palette, words, rate, heard, view, cursor, title }) {
    this.rate = rate;
    setText(this.title, title);
    const playing = heard !== null;
    if (this.playing !== playing) this.play.firstChild.replaceWith(icon(playing ? "pause" : "play"));
    this.playing = playing;
    this.play.say(playing ? words.stop : words.play, fill(playing ? words.stopSays : words.playSays, { title }));
    this.play.disabled = !this.complete;
    show(this.link, this.complete);
    setText(this.link, words.save);
    setAll(this.link, { "aria-label": fill(words.saveSays, { title }) });
    setText(this.says, this.bits === null ? "" : fill(words.bits, { bits: fixed(this.bits, 2) }));
    setAll(this.element, { "data-chosen": Boolean(view), "data-n": this.n });
    setAll(this.canvas, { "aria-label": fill(words.wave, { title, n: this.n, of: this.v.length }) });
    show(this.room, this.v.length > 0);
    const width = this.room.clientWidth;
    if (width) this.paint(sharpen(this.canvas, width, HEIGHT), width, { palette, heard, view, cursor });
  }

  paint(ctx, width, { palette, heard, view, cursor }) {
    const { v, n, role } = this;
    const x = (at) => (at / v.length) * width;
    const y = (amplitude) => HEIGHT / 2 - amplitude * (HEIGHT / 2 - 2);
    ctx.fillStyle = palette.faint;
    if (view) ctx.fillRect(x(Math.max(0, view.from)), 0, x(Math.min(v.length, view.to)) - x(Math.max(0, view.from)), HEIGHT);
    ctx.fillRect(0, HEIGHT / 2 - 0.5, width, 1);
    ctx.strokeStyle = palette.roles[role].ink;
    ctx.lineWidth = 1.2;
    ctx.beginPath();
    for (let i = 0; i < n; i += 1) ctx.lineTo(x(i + 0.5), y(amplitudeOf(v[i])));
    ctx.stroke();
    ctx.fillStyle = palette.text;
    if (view) ctx.fillRect(x(cursor + 0.5) - 0.75, 0, 1.5, HEIGHT);
    if (heard !== null) ctx.fillRect(heard * width - 1, 0, 2, HEIGHT);
  }

  close() {
    if (this.url) URL.revokeObjectURL(this.url);
  }
}

/** A sound with only so many levels. */
export function coarse(v, levels) {
  return v.map((one) => valueOf(levelOf(one, levels), levels));
}
