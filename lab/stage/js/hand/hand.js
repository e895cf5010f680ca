// A pen that a model moves, and all that the model knew before each of its steps; a hand may draw, and the model goes on.

import { Play, Played } from "../controls/play.js";
import { make, setAll, setText, show, watch } from "../core/dom.js";
import { ARROWS } from "../core/keys.js";
import { count } from "../core/numbers.js";
import { wearPalette } from "../core/palette.js";
import { fill, WORDS } from "../core/words.js";
import { Asker } from "../live/asker.js";
import { Ahead } from "./ahead.js";
import { Drawing } from "./drawing.js";
import { Judge } from "./judge.js";
import { Sheet } from "./sheet.js";
import { Strip } from "./strip.js";
import { Tools } from "./tools.js";
import { Ways } from "./ways.js";
import { HAND_WORDS } from "./words.js";
import { boxOf, factsOf, ownWriting, Writing } from "./writing.js";

const HAND_AGAIN = 1000; // ms until the model is asked anew while it trains,
const HAND_SHARE = 4; // and as many times as long as the answer took: most of the time is for training
const PACES = { slow: (T) => Math.max(1, T / 18), steady: (T) => Math.max(2.5, T / 7), fast: (T) => Math.max(8, T / 2) }; // steps a second
const WAYS = { digits: 6, words: 4 };

export default class Hand extends Played {
  constructor(parent) {
    super();
    Object.assign(this, { answers: 0, refusing: false });
    const changed = () => this.request();
    this.asker = new Asker(this);
    this.drawing = new Drawing();
    this.sheet = new Sheet(this.drawing, { key: (event) => this.keyed(event), drew: () => this.drew() });
    this.play = new Play("hand", PACES, { anew: (mode) => this.anew(mode), moved: () => changed(this.look()) });
    this.strip = new Strip((n) => this.play.rest(n));
    this.ahead = new Ahead();
    this.judge = new Judge(changed);
    this.ways = new Ways((i) => this.choose(i));
    this.tools = new Tools({
      begin: () => (this.tools.on.draw ? this.drew() : this.begin(null)),
      bias: () => this.again(),
      turn: (name, on) => this.turn(name, on),
      undo: () => this.drew(this.drawing.undo()),
      clear: () => this.drew(this.drawing.clear()),
      drawn: () => this.drew(),
    });
    this.build(parent);
    this.unwatch = watch(this.root, changed, (visible) => this.see(visible));
  }

  build(parent) {
    this.note = make("p", { class: "hand-note", role: "status", hidden: true, "data-testid": "hand-note" });
    this.of = make("span", { class: "hand-of", "data-testid": "hand-round" });
    const [sheet, play, strip, tools, judge, ahead, ways] = [this.sheet, this.play, this.strip, this.tools, this.judge, this.ahead, this.ways].map(({ element }) => element);
    this.frame = make("div", { class: "hand-frame" }, sheet, this.tools.own, judge, play, strip, tools, ahead, ways);
    this.play.element.append(this.of);
    this.root = make("div", { class: "stage hand controls", "data-testid": "hand", role: "region" }, this.note, this.frame);
    parent.append(this.root);
  }

  update({ data }) {
    this.data = data;
    this.words = { ...WORDS, ...HAND_WORDS, ...data.labels };
    this.palette = wearPalette(this.root);
    setAll(this.root, { "aria-label": this.words.hand });
    this.play.update(this.words);
    const other = this.asker.at(data.round);
    if (data.run !== this.run) {
      this.run = data.run;
      this.facts = this.writing = null;
      this.drawing.clear(); // on another scale
      this.tools.on.prime = false;
      this.asker.connect(data.run);
    } else if (other && this.writing) this.again();
    this.dress();
    this.request();
  }

  /** All that depends on the words, the colours and the model. */
  dress() {
    show(this.frame, Boolean(this.facts));
    if (!this.facts) return;
    const { words, facts, run, data } = this;
    setAll(this.frame, { "data-kind": facts.kind });
    this.tools.update(words, facts);
    this.tools.show(this.drawing);
    this.ahead.build(words, facts);
    this.judge.aim({ run, round: data.round, words, facts });
  }

  // --- what is asked ---------------------------------------------------------------------------------------

  see(visible) {
    this.visible = visible;
    this.look();
    this.request();
  }

  stated({ state, round }) {
    Object.assign(this, { state, round });
    this.look();
  }

  /** Ask for what is missing, or is of an older round; a hand that nobody has in sight asks nothing. */
  look() {
    if (!this.visible || !this.state || this.asker.asked) return;
    const { writing, data, round, state } = this;
    if (!this.facts) this.asker.ask("hand", () => ({ arguments: {} }));
    else if (!writing.complete) this.ask(writing);
    else if (state === "training") this.later(HAND_AGAIN);
    else if (data.round === null && round !== writing.round) this.again();
  }

  /** Ask for a writing "instead" of all that is under way. */
  ask(writing) {
    const { seed, bias, what } = writing.question;
    this.asker.instead("write", () => {
      this.under = new Writing(this.facts, writing.question);
      if (writing === this.writing && !writing.complete) this.under = Object.assign(writing, { ways: [] });
      this.askedAt = performance.now();
      return { arguments: { ...what, seed, bias, n: WAYS[this.facts.kind] } };
    });
  }

  /** The same by the model as it is now, or with another bias: it takes the place of what is shown once all has come. */
  again() {
    clearTimeout(this.timer);
    if (!this.visible || !this.writing) return;
    this.ask(new Writing(this.facts, { seed: this.tools.seed, bias: this.tools.b, what: this.tools.question(this.drawing) }));
  }

  /** The same again while it trains; what is being written or drawn is left alone. */
  later(wait) {
    clearTimeout(this.timer);
    if (this.state !== "training") return;
    this.timer = setTimeout(() => (this.play.playing || this.tools.on.draw ? this.later(HAND_AGAIN) : this.again()), wait);
  }

  answered(name, frame) {
    this.say("");
    if (name === "hand") {
      this.facts = factsOf(frame);
      this.dress();
      return this.begin(null);
    }
    if (name === "limp") this.writing.takeLimp(frame);
    else this.took(frame);
    this.request();
  }

  took(frame) {
    const { under, play, writing } = this;
    const first = !under.ways.length;
    under.take(frame);
    if (under !== writing) return;
    if (first) play.at = Math.max(play.at, under.given); // what is given is there at once
    if (first && !play.playing) play.goal = Math.max(play.goal, under.given);
    play.grew();
  }

  ended() {
    const { play, under } = this;
    const whole = play.ended;
    under.end();
    if (under !== this.writing) {
      under.chosen = this.writing.chosen;
      this.writing = play.writing = under;
    }
    if (whole || play.pos > under.length) play.at = play.goal = under.length;
    if (!play.playing) play.grew();
    if (this.tools.on.mean) this.limp();
    this.answers += 1;
    this.later(Math.max(HAND_AGAIN, HAND_SHARE * (performance.now() - this.askedAt)));
    this.request();
  }

  limp() {
    this.asker.ask("limp", () => ({ arguments: this.writing.question.what }));
  }

  refused() {
    this.refusing = true;
  }

  /** Why there is no answer: then what is shown is pale, for it is of before. */
  say(text) {
    const asked = this.refusing && this.facts; // what was asked for is wrong: that is told beside it
    this.tools.refuse(asked ? text : "");
    setText(this.note, asked ? "" : text);
    show(this.note, Boolean(text) && !asked);
    this.refusing = false;
    this.frame.classList.toggle("stale", Boolean(text) && !asked);
  }

  // --- what a hand does ------------------------------------------------------------------------------------

  keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const way = ARROWS[event.key]?.[0] ?? 0;
    if (way) this.play.rest(this.play.pos + way * (event.shiftKey ? 5 : 1));
    else if (event.key === " ") this.play.toggle();
    else if (event.key === ".") this.play.step();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Another writing, with other random numbers. */
  anew(mode) {
    this.tools.sow(this.tools.seed + 1);
    this.begin(mode);
  }

  begin(mode) {
    if (this.tools.on.draw) this.lay(false);
    this.writing = this.under = new Writing(this.facts, { seed: this.tools.seed, bias: this.tools.b, what: this.tools.question(this.drawing) });
    this.ask(this.writing);
    this.play.begin(this.writing, 0, mode);
  }

  choose(i) {
    this.writing.chosen = i;
    this.play.rest(this.writing.length);
  }

  turn(name, on) {
    const { tools } = this;
    if (name === "draw") this.lay(on);
    else tools.on[name] = on;
    if (name === "prime" || (name === "draw" && !on && tools.on.prime)) this.begin(null); // the drawing may be another
    if (name === "mean" && on && this.writing.complete) this.limp();
    tools.show(this.drawing);
    this.request();
  }

  /** Lay the sheet open for a hand, or take it back. */
  lay(open) {
    const { tools, sheet, play, judge } = this;
    tools.on.draw = open;
    sheet.turn(open);
    judge.turn(open);
    if (!open) return tools.show(this.drawing);
    play.rest(play.pos);
    sheet.canvas.focus({ preventScroll: true });
    this.drew();
  }

  /** The drawing is another, or what it says. */
  drew() {
    const { drawing, tools } = this;
    if (drawing.empty) tools.on.prime = false;
    this.judge.want(tools.judged(drawing));
    tools.show(drawing);
    this.request();
  }

  // --- what is shown ---------------------------------------------------------------------------------------

  draw() {
    const { facts, writing, play, palette, words, tools, judge } = this;
    const n = Math.min(play.pos, writing.reach);
    const share = play.playing ? play.at - play.pos : 0;
    const next = writing.next(n);
    const before = Math.min(n, writing.reach - 1); // at the end, what was known of the last step is still told
    const { verdict } = judge;
    const own = tools.on.draw;
    const mixed = facts.output === "mixture"; // else only the mean is said, and no spread
    this.sheet.draw({ kind: facts.kind, box: boxOf(facts, writing, own), frame: facts.box, lines: facts.lines, palette, writing, n, share, next: mixed ? next : null, limp: tools.on.mean, marks: verdict?.places ?? [] });
    if (own) this.strip.draw({ writing: ownWriting(verdict?.losses), n: Infinity, palette, words, own });
    else this.strip.draw({ writing, n, palette, words });
    this.ahead.show(writing, n, writing.next(before), palette);
    this.ways.show(writing, { kind: facts.kind, palette, words });
    play.render();
    this.sheet.say(words, fill(words.sheet, { n, of: writing.length }), facts.kind === "words" ? words.padWord : words.padDigit);
    setText(this.of, writing.round === undefined ? "" : fill(words.of, { round: count(writing.round) }));
    setAll(this.frame, { "data-drawing": own });
    setAll(this.root, { "data-answers": this.answers, "data-n": n, "data-length": writing.complete ? writing.length : null, "data-playing": String(play.playing), "data-seed": writing.question.seed, "data-judged": Boolean(judge.verdict) });
  }

  close() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.raf);
    this.unwatch();
    this.asker.close();
    this.judge.close();
    this.root.remove();
  }
}
