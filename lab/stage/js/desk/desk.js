// The desk: a model writes a picture pixel by pixel, and all that it knew when it wrote each pixel can be asked.

import { Play, Played } from "../controls/play.js";
import { make, setAll, setText, show, watch } from "../core/dom.js";
import { count } from "../core/numbers.js";
import { wearPalette } from "../core/palette.js";
import { fill, WORDS } from "../core/words.js";
import { Asker } from "../live/asker.js";
import { Bars } from "./bars.js";
import { Halves } from "./halves.js";
import { Lens, Nets } from "./lens.js";
import { Masks } from "./masks.js";
import { Sheet } from "./sheet.js";
import { Tools } from "./tools.js";
import { DESK_WORDS } from "./words.js";
import { base64Of, changeSays, factsOf, labelOf, valueName, Writing } from "./writing.js";

const DESK_AGAIN = 1000; // ms until the model is asked anew while it trains,
const DESK_SHARE = 4; // and as many times as long as the answer took: most of the time is for training
const PACES = { slow: () => 4, steady: (D) => D / 14, fast: (D) => D / 3 }; // pixels a second

export default class Desk extends Played {
  constructor(parent) {
    super();
    Object.assign(this, { seed: 1, stamp: 0, rests: 0, answers: 0, pinned: null, hovered: null, told: "" });
    const changed = () => this.request();
    const choose = (place) => this.choose(place, true);
    const press = (place, stays) => this.choose(place, stays || !this.data.verdict);
    this.asker = new Asker(this);
    this.sheet = new Sheet({ hover: (place) => changed((this.hovered = place)), choose: press, key: (event) => this.keyed(event), cursor: () => this.cursor });
    this.bars = new Bars((value) => this.put(value), (event) => this.keyed(event));
    this.play = new Play("desk", PACES, { anew: (mode) => this.anew(this.data.verdict ? mode : "whole"), moved: changed });
    this.lens = new Lens({ changed });
    this.panels = { halves: new Halves({ changed, place: (values, label) => this.place(values, label) }), nets: new Nets({ changed }), masks: new Masks({ changed, choose }) };
    this.tools = new Tools({ turn: (name, on) => this.turn(name, on), set: () => this.set() });
    this.build(parent);
    this.unwatch = watch(this.root, changed, (visible) => this.see(visible));
  }

  build(parent) {
    this.note = make("p", { class: "desk-note", role: "status", hidden: true, "data-testid": "desk-note" });
    this.of = make("span", { class: "desk-of", "data-testid": "desk-round" });
    const panels = Object.values(this.panels).map(({ element }) => element);
    this.frame = make("div", { class: "desk-frame" }, this.sheet.element, this.bars.element, this.play.element, this.tools.element, this.lens.element, ...panels, this.bars.told);
    this.bars.told.append(this.of);
    this.root = make("div", { class: "stage desk controls", "data-testid": "desk", role: "region" }, this.note, this.frame);
    parent.append(this.root);
  }

  update({ data }) {
    if (!this.data && !data.verdict) this.turn("lens", true);
    this.data = data;
    this.words = { ...WORDS, ...DESK_WORDS, ...data.labels };
    this.palette = wearPalette(this.root);
    setAll(this.root, { "data-quiet": !data.verdict, "aria-label": this.words.desk });
    this.play.update(this.words);
    const other = this.asker.at(data.round);
    if (data.run !== this.run) {
      this.run = data.run;
      this.facts = this.writing = this.change = null;
      this.looked = this.pinned ?? this.looked;
      this.pinned = this.hovered = null;
      this.asker.connect(data.run);
    } else if (other && this.writing) this.again(this.writing.question);
    this.dress();
    this.request();
  }

  /** All that depends on the words, the colours and the model. */
  dress() {
    show(this.frame, Boolean(this.facts));
    if (!this.facts) return;
    this.bars.build(this.facts, this.words);
    this.tools.update(this.words, this.facts, this.data);
    this.aim();
  }

  aim() {
    if (!this.facts) return;
    const { run, data, visible, words, palette, facts, rests } = this;
    const desk = { run, round: data.round, visible, words, palette, facts, rests, verdict: data.verdict, temperature: this.tools.temperature };
    for (const panel of [this.lens, ...Object.values(this.panels)]) panel.aim(desk);
  }

  // --- what is asked ---------------------------------------------------------------------------------------

  see(visible) {
    this.visible = visible;
    this.aim();
    this.look();
    this.request();
  }

  stated({ state, round }) {
    if (this.state === "training" && state !== "training") this.rests += 1;
    Object.assign(this, { state, round });
    this.aim();
    this.look();
  }

  /** Ask for what is missing, or is of an older round; a desk that nobody has in sight asks nothing. */
  look() {
    if (!this.visible || !this.state || this.asker.asked) return;
    const { writing, data, round, state } = this;
    if (!this.facts) this.asker.ask("desk", () => ({ arguments: {} }));
    else if (!writing.complete) this.ask(writing);
    else if (state === "training") this.later(DESK_AGAIN);
    else if (data.round === null && round !== writing.round) this.again(writing.question);
  }

  /** Ask for all pixels of a picture, "instead" of what is under way or (`how` is "ask") after it. */
  ask(writing, how = "instead") {
    const { seed, values, temperature, label } = writing.question;
    this.asker[how]("write", () => {
      writing.written = 0;
      this.under = writing;
      this.askedAt = performance.now();
      return { arguments: { seed, values: base64Of(values), temperature, ...labelOf(this.facts, label) }, writing };
    });
  }

  /** A picture that takes the place of the one that is shown as soon as all of it has come. */
  again(question, from = this.writing.from, how = "instead") {
    clearTimeout(this.timer);
    if (this.visible) this.ask(new Writing(this.facts, question, from), how);
  }

  /** The same picture by the model as it is then, while it trains; a picture that is being written is left alone. */
  later(wait) {
    clearTimeout(this.timer);
    if (this.state !== "training") return;
    this.timer = setTimeout(() => (this.play.playing ? this.later(DESK_AGAIN) : this.again(this.writing.question)), wait);
  }

  answered(name, frame, { writing }) {
    this.say("");
    if (name === "desk") {
      this.facts = factsOf(frame);
      this.dress();
      return this.data.verdict ? this.anew(null) : this.lookOnly();
    }
    writing.take(frame);
    if (writing === this.writing) this.play.grew();
  }

  ended() {
    if (this.under !== this.writing) {
      if (this.change) this.told = changeSays(this.change, this.writing, this.play.pos, this.words); // by the model as it was
      this.change = null;
      this.play.writing = this.writing = this.under;
    }
    this.stamp += 1; // what the lens saw was another model, or another picture
    this.answers += 1;
    this.later(Math.max(DESK_AGAIN, DESK_SHARE * (performance.now() - this.askedAt)));
    this.request();
  }

  /** Why there is no answer: then what is shown is pale, for it is of before. */
  say(text) {
    setText(this.note, text);
    show(this.note, Boolean(text));
    this.frame.classList.toggle("stale", Boolean(text));
  }

  /** The lens alone: a whole picture, and the same pixel as in the model before; at first that in the middle. */
  lookOnly() {
    const { H, W, D } = this.facts;
    const { looked } = this;
    this.anew("whole");
    this.pinned = looked < D ? looked : Math.floor(H / 2) * W + Math.floor(W / 2);
  }

  // --- what a hand does ------------------------------------------------------------------------------------

  /** The pixel that is looked at: while the model writes, the newest; else the chosen one, or that under the pointer. */
  get cursor() {
    const { play, facts, pinned, hovered } = this;
    const newest = play.pos ? facts.order[play.pos - 1] : null;
    return play.playing ? newest : pinned ?? hovered ?? newest;
  }

  /** A press on the chosen pixel lets it go, unless it `stays`. */
  choose(place, stays) {
    if (this.play.playing) this.play.rest(this.play.pos);
    this.pinned = place === this.pinned && !stays ? null : place;
    this.request();
  }

  keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const value = /^[0-9a-f]$/i.test(event.key) ? parseInt(event.key, 16) : NaN;
    const button = event.composedPath()[0].tagName === "BUTTON";
    if (value < this.facts.K) this.put(value);
    else if (event.key === "Escape") this.choose(null);
    else if (event.key === " " && !button) this.play.toggle();
    else if (event.key === ".") this.play.step();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Another picture: from the first pixel on, with other random numbers. */
  anew(mode) {
    if (this.data.verdict) this.pinned = null;
    this.seed += this.writing ? 1 : 0;
    this.begin({ seed: this.seed, ...this.tools.settings, values: null, put: [] }, 0, mode);
  }

  begin(question, from, mode, change = null) {
    this.change = change;
    this.lens.sight = null;
    this.writing = new Writing(this.facts, question, from);
    this.play.begin(this.writing, from, mode);
    this.told = "";
    this.ask(this.writing);
  }

  /** This value in the pixel that is looked at: all that comes later is written anew. */
  put(value) {
    const { facts, writing, cursor, words } = this;
    const r = facts.rank[cursor];
    if (cursor === null || r >= Math.min(this.play.pos, writing.written)) return;
    const was = writing.values[cursor];
    if (was === value) this.told = fill(words.putSame, { value: valueName(facts, value, words) });
    if (was === value) return this.request();
    const change = { value, was, r, before: writing.complete ? writing : null };
    this.pinned = cursor;
    const put = [...writing.question.put.filter((place) => facts.rank[place] < r), cursor];
    this.begin({ ...writing.question, values: writing.before(cursor, value), put }, r + 1, null, change);
  }

  /** A whole picture is laid on the desk. */
  place(values, label) {
    if (this.facts.labels && label >= 0) this.tools.choose(label);
    this.pinned = null;
    this.begin({ seed: this.seed, ...this.tools.settings, values, put: [] }, this.facts.D, "whole");
  }

  /** Another class or temperature, with the same random numbers. */
  set() {
    this.change = null;
    this.told = "";
    this.again({ ...this.writing.question, ...this.tools.settings, values: null, put: [] }, 0, this.under === this.writing ? "instead" : "ask");
    this.aim();
  }

  turn(name, on) {
    if (name === "lens") this.lens.turn(on);
    else for (const [other, panel] of Object.entries(this.panels)) panel.turn(on && other === name);
    this.tools.show(...[this.lens, ...Object.values(this.panels)].filter((panel) => panel.open).map((panel) => panel.name));
    if (on) this.panels[name]?.reveal();
    this.request();
  }

  // --- what is shown ---------------------------------------------------------------------------------------

  draw() {
    const { facts, writing, play, cursor, palette, data, lens } = this;
    const n = play.pos;
    const values = writing.shown(n);
    if (play.playing) lens.wait();
    else if (cursor !== null) {
      lens.point(cursor, values, this.tools.label, this.stamp);
      for (const name of ["nets", "masks"]) this.panels[name].point(cursor);
    }
    const put = writing.question.put.filter((place) => facts.rank[place] < n);
    this.sheet.draw(facts, { values, cursor, put, sight: lens.sight, verdict: data.verdict, palette });
    this.bars.show(writing.pixel(cursor, n), n, palette);
    this.play.render();
    this.write(n, cursor, values);
  }

  write(n, cursor, values) {
    const { words, facts, writing, play } = this;
    setText(this.of, writing.round === undefined ? "" : fill(words.of, { round: count(writing.round) }));
    if (!play.playing) this.sheet.say(n, cursor, values, words);
    setText(this.bars.says, this.told || (this.change && changeSays(this.change, writing, n, words)) || words.hint);
    setAll(this.root, { "data-answers": this.answers, "data-n": n, "data-cursor": cursor, "data-playing": String(play.playing), "data-seed": writing.question.seed });
  }

  close() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.raf);
    this.unwatch();
    for (const one of [this.asker, this.lens, ...Object.values(this.panels)]) one.close();
    this.root.remove();
  }
}
