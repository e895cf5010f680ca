// One row of a film: asks its question, keeps the frames that come, and knows which one lies at a time t.

import { Numbers } from "../charts/numbers.js";
import { make, setAll, setText, show } from "../core/dom.js";
import { clamp, count, subscript } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { boxAround } from "../draw/box.js";
import { Asker } from "../live/asker.js";
import { FilmScreen, splitScreens } from "./screens.js";

export class FilmRow {
  /** `hear` has began(), grew() and said(): a new film, another frame of it, something to tell. */
  constructor(hear) {
    this.hear = hear;
    this.parts = [];
    this.still = {};
    this.told = ""; // why there is no film
    this.title = make("h2", { class: "film-title" });
    this.at = make("span", { class: "readout" });
    this.screens = make("div", { class: "film-screens" });
    this.numbers = new Numbers();
    this.note = make("p", { class: "film-note" });
    this.key = make("span", { class: "film-key" });
    const head = make("div", { class: "film-head" }, this.title, this.at, this.key);
    this.element = make("section", { class: "film-row" }, head, this.screens, this.numbers.element, this.note);
    this.asker = new Asker(this);
  }

  /** Ask `question` of `run` at `round`, [name, arguments], or null for nothing; the same one only `anew`. */
  want(run, round, question, words, anew) {
    this.words = words;
    this.asker.at(round);
    const wanted = JSON.stringify([run, round, question]);
    if (wanted === this.wanted && !anew) return;
    this.wanted = wanted;
    this.question = question;
    this.complete = this.barred = false;
    if (run !== this.run) this.asker.connect(run);
    else this.ask();
    this.run = run;
  }

  ask() {
    if (!this.question) return;
    const [name, given] = this.question;
    this.waiting = true; // for the first frame
    this.say("");
    this.asker.instead(name, () => ({ arguments: given }));
  }

  /** A link that is new, or new again, needs no film that is complete. A run that comes to rest has another model
   * than the film. */
  stated({ state, round }) {
    const rests = this.state === "training" && state !== "training";
    this.state = state;
    if (this.barred) return;
    if (this.told) this.say("");
    const late = rests && this.asker.round === null && (this.asker.asked || round !== this.round);
    if (late) this.complete = false;
    if (late || (!this.complete && !this.asker.asked)) this.ask();
  }

  /** One frame more; the first one of a film ends the film before. */
  answered(name, { meta, arrays }) {
    const screens = splitScreens(arrays);
    const first = !meta.part;
    const { round, columns, box = null, measures } = meta;
    const film = { parts: [], waiting: false, fresh: true, still: screens.still, T: meta.T ?? meta.t, round, columns, box, measures };
    if (first) Object.assign(this, film);
    this.parts.push({ t: meta.t, numbers: meta.numbers ?? {}, note: meta.note ?? "", screens });
    if (meta.part === undefined) this.ended();
    if (first) this.hear.began(this);
    else this.hear.grew(this);
  }

  ended() {
    this.complete = true;
    this.hear.grew(this);
  }

  refused() {
    this.barred = true; // until something else is wanted
    this.waiting = false;
  }

  say(why) {
    this.told = why;
    this.hear.said(this);
  }

  /** Whether more frames are to come. */
  get growing() {
    return Boolean(this.question) && !this.complete && !this.barred;
  }

  /** Whether t falls from frame to frame. */
  get reverse() {
    const [first, last] = [this.parts[0], this.parts.at(-1)];
    return first === last ? first?.t > 0 : first.t > last.t;
  }

  /** How far along frame i is: t where t rises, T - t where it falls. */
  time(i) {
    const { t } = this.parts.at(i);
    return this.reverse ? this.T - t : t;
  }

  /** The frame before this time and the share of the way to the next; or (`whole`) the frame nearest. */
  find(time, whole) {
    const last = this.parts.length - 1;
    const later = this.parts.findIndex((_, i) => i > 0 && (i === last || this.time(i) > time));
    const [low, high] = later < 0 ? [0, last] : [later - 1, later];
    const [from, to] = [this.time(low), this.time(high)];
    const share = to > from ? clamp((time - from) / (to - from), 0, 1) : 0;
    if (whole || share === 1) return { i: share >= 0.5 ? high : low, share: 0 };
    return { i: low, share };
  }

  /** Where a time lies between the frames, in words; h with its number, as the lecture counts layers. */
  place(time, words) {
    const { i, share } = this.find(time);
    const [t, T] = [this.parts[i].t, this.T];
    const says = share ? words.tweenIn : t === T ? words.tweenFirst : t ? words.tweenAt : words.tweenLast;
    const next = this.parts[share ? i + 1 : i].t;
    return fill(says, { t, T, next, done: T - t, h: subscript(t), hNext: subscript(next), hT: subscript(T) });
  }

  /** A screen for each name; the first of a film of many pictures is the grid of `large`. */
  seat(names, large, choose) {
    const key = JSON.stringify([names, large]);
    if (key === this.seated) return;
    this.seated = key;
    const screens = names.map((name) => new FilmScreen(name));
    this.list = large ? [new FilmScreen(large, choose), ...screens] : screens;
    setAll(this.screens, { style: `--n: ${this.list.length}` });
    this.screens.replaceChildren(...this.list.map((screen) => screen.element));
    this.drawn = null;
  }

  /** Whether its frames hold arrays of one of these kinds, "points/" say, that are not still. */
  has(kinds) {
    const [part] = this.parts;
    const names = Object.entries(part?.screens ?? {}).flatMap(([screen, arrays]) => (screen === "still" ? [] : [...arrays.keys()]));
    return names.some((name) => kinds.some((kind) => name.startsWith(kind)));
  }

  /** Which colour is which class. */
  writeKey() {
    const coloured = this.has(["points/"]) ? Object.values(this.still) : [];
    const labels = coloured.flatMap((arrays) => [...(arrays.get("label")?.data ?? [])]);
    const classes = [...new Set(labels)].sort((a, b) => a - b);
    const swatches = classes.map((label) => make("span", {}, make("i", { style: `--own: var(--label-${label % 10})` }), String(label)));
    this.key.replaceChildren(...(classes.length ? [this.words.classes, ...swatches] : []));
  }

  /** Draw what belongs to this time: while it plays also what lies between two frames. */
  draw(time, look) {
    const at = this.parts.length ? this.find(time.now, !time.playing && !time.tween) : null;
    const drawn = at && `${at.i} ${at.share}`;
    const anew = drawn !== this.drawn || this.fresh;
    if (at && anew) {
      for (const screen of this.list) screen.put(this, at);
      this.write(this.parts[at.share < 0.5 || time.tween ? at.i : at.i + 1], time);
    }
    if (at && !this.box) this.box = boxAround(this.list[0].layers);
    if (anew || look.again) for (const screen of this.list) screen.draw(look, this.box ?? [-1, 1, -1, 1]);
    this.drawn = drawn;
    this.fresh = false;
  }

  write(part, time) {
    const { words } = this;
    const place = time.tween ? this.place(time.now, words) : `t = ${part.t}`;
    const numbers = Object.entries(part.numbers).map(([name, value]) => [`number/${name}`, { data: [value] }]);
    this.numbers.update(new Map(numbers), { words, measures: this.measures });
    const of = this.round === undefined ? "" : fill(words.filmRound, { round: count(this.round) });
    setText(this.at, [this.alone ? "" : place, of].filter(Boolean).join(", "));
    const { t, note } = part;
    setText(this.note, time.tween && note ? fill(words.tweenNote, { h: subscript(t), note }) : note);
    show(this.note, Boolean(part.note) || time.tween); // with the place of a layer there is no jump
  }

  close() {
    this.asker.close();
    this.numbers.forget();
    this.element.remove();
  }
}
