// Slow motion: one real turn of the run, walked line by line. The worker sends once what each line bound.

import { codeLine, make, makeButton, reveal, setAll, setText, show } from "../core/dom.js";
import { measureText } from "../core/measures.js";
import { clamp, count, signed } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { paintThumb } from "../draw/thumbs.js";

const SLOW_LINE = 1200; // ms a line while playing, at speed 1
const SLOW_SPEEDS = [0.5, 1, 2, 4];
const SLOW_THUMB = [104, 80];

export class SlowMotion {
  constructor(stage) {
    this.stage = stage;
    this.id = "slow";
    this.element = make("div", { class: "slow" });
    this.element.addEventListener("keydown", (event) => this.pressed(event));
  }

  use(words, { players }) {
    this.words = words;
    this.back = makeButton("slow-back", words.slowBack, () => this.walk(-1));
    this.next = makeButton("slow-next", words.slowNext, () => this.walk(1));
    this.play = makeButton("slow-play", words.slowPlay, () => this.setPlaying(!this.playing));
    const turn = (player) => makeButton(`slow-turn-${player}`, fill(words.slowTurnOf, { player }), () => this.ask(player));
    this.turns = [makeButton("slow-turn", words.slowTurn, () => this.ask(null)), ...(players.length > 1 ? players.map(turn) : [])];
    this.speed = make("select", { "aria-label": words.slowSpeed, title: words.slowSpeed, "data-testid": "slow-speed" });
    for (const speed of SLOW_SPEEDS) this.speed.append(make("option", { value: speed, selected: speed === 1 }, `${speed}\u00d7`));
    this.status = make("p", { class: "slow-status", role: "status", "data-testid": "slow-status" });
    this.code = make("div", { class: "slow-code", tabindex: 0, role: "region", "aria-label": words.slowCode, "data-testid": "slow-code" });
    this.things = make("div", { class: "slow-things", role: "group", "aria-label": words.slowThings, "data-testid": "slow-things" });
    this.body = make("div", { class: "slow-body" }, this.code, this.things);
    const buttons = make("div", { class: "drawer-buttons" }, this.back, this.next, this.play, this.speed, ...this.turns);
    this.element.replaceChildren(buttons, this.status, this.body);
    if (this.trace) this.list();
    this.show();
  }

  offered() {
    return this.stage.data.train;
  }

  /** Someone else's run does not step for you. A recording stays as it is: a copy of its model steps. */
  allowed() {
    const { server } = this.stage;
    return Boolean(server?.mine || server?.recording);
  }

  opened() {
    this.rest();
    this.render();
    this.next.focus({ preventScroll: true });
  }

  /** The walk is over: the picture is again that of now. */
  leave() {
    this.setPlaying(false);
    const held = this.held();
    this.trace = this.before = this.wanted = null;
    this.setWaiting(false);
    if (this.copies) this.letGo();
    else if (held) this.stage.showNow();
    this.show();
    this.stage.drawer.moved();
  }

  /** Slow motion is of a run that rests. */
  rest() {
    const { stage } = this;
    if (stage.state() === "training" && stage.server?.mine) stage.order({ do: "pause" }, "paused");
  }

  /** Ask the worker for one turn, once the run rests. */
  ask(player) {
    if (this.waiting || this.next.disabled) return;
    this.rest();
    if (this.held()) this.go(this.trace.steps.length - 1);
    this.wanted = this.stage.server.recording ? { trace: player, round: this.copied() } : { do: "step", player, slow: true };
    this.stage.look(null);
    this.setWaiting(true);
    this.render();
  }

  /** The round of a recording that a copy begins with, that which is looked at; undefined for a copy that goes on. */
  copied() {
    const { stage } = this;
    this.begins = undefined;
    if (this.copies && stage.view === null) return undefined;
    this.copies = true;
    this.home = stage.view;
    stage.live = stage.screen.shown;
    this.begins = stage.live?.meta.round;
    return this.begins;
  }

  /** The recorded picture of the round whose weights are stored, with which a copy began: the nearest to the one looked at. */
  begun(round) {
    const { history } = this.stage;
    return history.frames.get(history.rounds.findLast((kept) => kept <= round));
  }

  /** The recording is shown again instead of the copy: where one looked at it, or at its end. */
  letGo() {
    const { stage } = this;
    this.copies = false;
    stage.live = stage.screen.newest = null;
    stage.round = stage.server?.round ?? 0;
    stage.screen.trail.forgetAfter(stage.round);
    if (stage.view === null && this.home !== null) return stage.look(this.home);
    stage.history.rest();
    stage.screen.request(false);
  }

  setWaiting(waiting) {
    this.waiting = waiting;
    setAll(this.element, { "aria-busy": waiting ? "true" : null });
  }

  refused() {
    this.wanted = null;
    this.setWaiting(false);
    this.setPlaying(false);
    if (!this.trace) this.leave();
  }

  /** A frame came with a trace: keep that out of the picture, and walk it if it was asked for here. */
  take(frame, before) {
    const traced = [...frame.arrays].filter(([name]) => name.startsWith("trace/"));
    for (const [name] of traced) frame.arrays.delete(name);
    if (!this.waiting || this.wanted) return;
    this.setWaiting(false);
    if (this.begins !== undefined) before = this.begun(frame.meta.trace.round) ?? before;
    this.trace = { ...frame.meta.trace, arrays: new Map(traced.map(([name, array]) => [name.slice(6), array])) };
    this.before = before;
    this.list();
    this.go(0);
    this.tick();
  }

  /** The picture that stays on while the lines before the step are walked, else null. */
  held() {
    return this.trace && this.index < this.trace.steps.length - 1 ? this.before : null;
  }

  walk(by) {
    const last = this.trace ? this.trace.steps.length - 1 : -1;
    const { stage } = this;
    if (by > 0 && (!this.trace || this.index >= last || (this.copies && stage.view !== null))) return this.ask(null);
    if (!this.trace) return;
    if (stage.view !== null) stage.look(null);
    this.go(clamp(this.index + by, 0, last));
  }

  go(index) {
    const held = this.held();
    this.index = index;
    if (held !== this.held()) this.stage.showNow();
    this.show();
    this.stage.drawer.moved();
  }

  setPlaying(playing) {
    if (playing) this.rest();
    this.playing = playing;
    if (playing) this.walk(1);
    this.tick();
    this.show();
  }

  tick() {
    clearTimeout(this.timer);
    if (!this.playing) return;
    this.timer = setTimeout(() => {
      if (!this.waiting) this.walk(1);
      this.tick();
    }, SLOW_LINE / Number(this.speed.value));
  }

  pressed(event) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by || event.composedPath()[0] === this.speed || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (!this.next.disabled) this.walk(by);
  }

  step() {
    return this.trace?.steps[this.index];
  }

  /** What the current line computes; in the step, the player that steps. */
  lit() {
    const step = this.step();
    if (!step) return [];
    const names = [...step.marks, ...Object.keys(step.numbers)];
    return step.kind === "step" ? [...names, this.trace.player] : names;
  }

  /** The listing is written once a turn; walking only moves the mark. */
  list() {
    this.lines = new Map();
    const lines = ({ name, first, text }) => text.split("\n").map((says, i) => {
      const line = codeLine(first + i, says);
      this.lines.set(`${name}:${first + i}`, line);
      return line;
    });
    this.code.replaceChildren(...this.trace.source.map((block) => make("div", { class: "code-block" }, ...lines(block))));
    this.marked = null;
  }

  /** Called often, whenever the run's state may have changed. */
  render() {
    const { server, data } = this.stage;
    const ready = Boolean(this.allowed()) && server.state !== "failed" && data.train;
    if (this.wanted && server.state !== "training") {
      this.stage.link.send(this.wanted);
      this.wanted = null;
    }
    for (const button of [this.next, this.play, ...this.turns]) if (button.disabled === ready) button.disabled = !ready;
    const away = Boolean(this.trace) && this.stage.view !== null; // the picture is another one
    if (away !== this.away) this.show();
    this.away = away;
    if (!this.trace) setText(this.status, server?.recording ? this.words.slowRecording : this.words.slowStart);
    else if (away) setText(this.status, this.copies ? this.words.slowAwayCopy : this.words.slowAway);
  }

  show() {
    const step = this.step();
    show(this.body, Boolean(step));
    setText(this.play, this.playing ? this.words.slowPause : this.words.slowPlay);
    this.back.disabled = !step || this.index === 0;
    setAll(this.element, { "data-index": step ? this.index : null });
    if (!step) return;
    const { steps, player, round } = this.trace;
    const says = { player, unit: this.stage.screen.unit(), round: count(round), line: this.index + 1, of: steps.length };
    setText(this.status, this.told(step, says));
    this.mark(this.lines.get(`${step.fn}:${step.line}`));
    this.showThings(steps.slice(0, this.index + 1));
  }

  told(step, says) {
    const { words, begins, trace } = this;
    if (step.kind === "step") return fill("change" in step.numbers ? words.slowStep : words.slowEnd, says);
    const line = fill(words.slowLine, says);
    const elsewhere = begins !== undefined && this.begun(trace.round)?.meta.round !== begins;
    return elsewhere ? `${fill(words.slowNearest, says)} ${line}` : line;
  }

  mark(line) {
    if (this.marked) setAll(this.marked, { "aria-current": null });
    this.marked = line;
    if (!line) return;
    setAll(line, { "aria-current": "step" });
    reveal(this.code, line, 24, 48);
  }

  /** All that this turn has bound so far, each as it is now. */
  showThings(steps) {
    const bound = new Map();
    steps.forEach(({ marks, kind, binds, shapes, numbers }, i) => {
      for (const name of binds) bound.set(name, { i, marks, array: this.trace.arrays.get(`${i}/${name}`), shape: shapes[name] });
      for (const [name, number] of Object.entries(numbers)) bound.set(name, { i, marks, number, kind });
    });
    const things = [...bound].map(([name, thing]) => this.thing(name, thing, thing.i === this.index));
    this.things.replaceChildren(...things);
    const fresh = things.find((one) => one.classList.contains("fresh"));
    if (fresh) this.things.scrollTop = fresh.offsetTop - 8;
  }

  thing(name, { array, shape, number, kind, marks }, fresh) {
    const { words, stage } = this;
    const role = stage.drawer.roleOf(name, marks);
    const title = make("span", { class: `thing-name ${role}` }, kind === "step" ? words[`slow-${name}`] : signed(name));
    const card = make("div", { class: fresh ? "thing fresh" : "thing", "data-name": name }, title);
    if (!array) {
      card.append(make("span", { class: "thing-number" }, number === null ? words.slowInfinite : measureText(number, name, stage.thumbLook())));
      return card;
    }
    const canvas = make("canvas", { role: "img", "aria-label": fill(words.slowThing, { name }) });
    paintThumb(canvas, ...SLOW_THUMB, [{ name, array, role }], stage.thumbLook());
    card.append(canvas, make("span", { class: "thing-shape" }, shape.join(" \u00d7 ")));
    return card;
  }
}
