// The clock of what is written number by number, and its bar: one after another, at a pace that can be followed.

import { icon, iconButton, make, setAll, setText } from "../core/dom.js";
import { clamp, count } from "../core/numbers.js";
import { fill } from "../core/words.js";

/** A component that shows what its clock `play` says: `draw` is called once for each picture of the browser, if something has
 * changed or is playing, and only while the component is `visible` and has a `writing`. */
export class Played {
  request() {
    this.raf ||= requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.raf = 0;
    if (!this.visible || !this.writing) return;
    if (this.play.playing) this.play.move(now);
    this.draw();
    if (this.play.playing) this.request();
  }
}

export class Play {
  /** `name` is that of whose clock it is; `paces` {name: how many are written in a second, given how many there are}; `act`
   * has anew(), which begins another writing and says nothing, and moved(). A writing has its `length` and its `reach`: how
   * many have come. */
  constructor(name, paces, act) {
    Object.assign(this, { name, paces, act });
    this.at = 0; // how many are shown, and a share of the next
    this.goal = 0; // how many are wanted while it rests
    this.pace = "steady";
    this.playing = false;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.build();
  }

  build() {
    const { name } = this;
    this.play = iconButton(`${name}-play`, "play", "primary", () => this.toggle());
    this.one = iconButton(`${name}-step`, "step", "", () => this.step());
    this.slider = make("input", { type: "range", min: 0, max: 1, value: 0, step: 1, "data-testid": `${name}-slider` });
    this.slider.addEventListener("input", () => this.rest(Number(this.slider.value)));
    this.readout = make("span", { class: "play-count", "data-testid": `${name}-count` });
    this.select = make("select", { "data-testid": `${name}-pace` });
    this.select.addEventListener("change", () => (this.pace = this.select.value));
    const buttons = make("div", { class: "buttons" }, this.play, this.one, this.select);
    this.element = make("div", { class: "bar play-bar" }, buttons, this.slider, this.readout);
  }

  update(words) {
    this.words = words;
    this.shows = null;
    this.one.say(words.step, words.stepSays);
    setAll(this.slider, { "aria-label": words.scrub, title: words.scrub });
    setAll(this.select, { "aria-label": words.pace, title: words.pace });
    this.select.replaceChildren(...Object.keys(this.paces).map((one) => make("option", { value: one, selected: one === this.pace }, words[`pace-${one}`])));
  }

  get D() {
    return this.writing?.length ?? 0;
  }

  get pos() {
    return Math.min(Math.floor(this.at + 1e-6), this.D);
  }

  get ended() {
    return Boolean(this.writing) && this.pos === this.D;
  }

  /** Another writing, of which so many are there at once: then it plays, or shows all as they come (`mode` "whole"), or
   * rests ("rest"). */
  begin(writing, from, mode) {
    this.writing = writing;
    this.at = from;
    this.before = null;
    const whole = mode === "whole" || (this.calm && mode !== "rest");
    this.playing = !whole && mode !== "rest";
    this.goal = whole ? writing.length : from;
    this.grew();
  }

  /** More has come. While it rests, what is wanted and has come is shown. */
  grew() {
    if (!this.playing) this.at = Math.min(this.goal, this.writing.reach);
    this.act.moved();
  }

  toggle() {
    if (this.playing) return this.rest(this.pos);
    if (this.ended) return this.act.anew("play");
    this.before = null;
    this.playing = true;
    this.act.moved();
  }

  step() {
    if (this.ended || !this.writing) this.act.anew("rest");
    this.rest(this.pos + 1);
  }

  rest(n) {
    this.playing = false;
    this.goal = clamp(n, 0, this.D);
    if (this.writing) this.grew();
  }

  /** Go on to the moment `now` of the display, no further than they have come. */
  move(now) {
    const past = Math.min(100, now - (this.before ?? now)) / 1000;
    this.before = now;
    this.at = Math.min(this.writing.reach, this.at + past * this.paces[this.pace](this.D));
    if (this.ended) this.rest(this.D);
  }

  render() {
    const { words, pos, D } = this;
    const word = this.playing ? "pause" : this.ended || !pos ? "write" : "goOn";
    if (this.shows !== word) {
      this.shows = word;
      this.play.say(words[word]);
      this.play.firstChild.replaceWith(icon(this.playing ? "pause" : "play"));
    }
    setText(this.readout, D ? fill(words.count, { n: count(pos), of: count(D) }) : "");
    setAll(this.slider, { max: D || 1, "aria-valuetext": this.readout.textContent });
    this.slider.value = pos;
    this.slider.style.setProperty("--done", `${D ? (100 * pos) / D : 0}%`);
    for (const one of [this.play, this.one, this.slider]) one.disabled = !D;
  }
}
