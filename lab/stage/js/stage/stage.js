// The stage: one live run. It is updated at every rerun of the page, and changes only what differs.

import { Controls } from "../controls/controls.js";
import { writeLegend } from "../controls/legend.js";
import { describe, make, setAll, setText, show } from "../core/dom.js";
import { ARROWS, Keys } from "../core/keys.js";
import { differs } from "../core/mount.js";
import { Telling } from "../core/telling.js";
import { WORDS } from "../core/words.js";
import { History } from "../live/history.js";
import { Link } from "../live/wire.js";
import { Drawer } from "../slow/drawer.js";
import { Screen } from "./screen.js";
import { Notice, recorded, rests, situation, summary, told } from "./situation.js";
import { Teller } from "./teller.js";

const LONGEST_TWEEN = 250;

export default class Stage {
  /** `pair`, where there is one, has the controls of this stage and hears of each rendering. */
  constructor(parent, pair = null) {
    this.pair = pair;
    this.telling = pair?.telling ?? new Telling();
    this.history = new History();
    this.live = null; // the newest picture of the run: {meta, arrays, measures}
    this.view = null; // null = now, else the round looked back at
    this.server = null; // the state the server last told
    this.round = 0;
    this.teller = new Teller();
    this.guess = null; // the state that the last order will probably bring
    this.orders = 0; // so many were given
    this.notice = new Notice();
    this.link = new Link({
      text: (message) => this.hear(message),
      frame: (frame) => this.receive(frame),
      unreadable: () => this.notice.say(this.words.unreadable),
      found: () => this.notice.say(""),
      lost: (why) => this.notice.say(why || this.words.lost, true),
    });
    this.build(parent);
  }

  build(parent) {
    this.root = make("div", { class: "stage", "data-testid": "stage", tabindex: 0, role: "region" });
    this.screen = new Screen(this.root, (now) => this.loop(now));
    this.screen.element.append(this.notice.element);
    this.screen.trail.past = () => this.past();
    this.screen.open = (index) => this.data.links[index] && location.assign(this.data.links[index]);
    this.warning = make("div", { class: "warning", role: "alert", hidden: true, "data-testid": "warning" });
    this.spoken = make("div", { class: "spoken", "aria-live": "polite" });
    this.legendHolder = make("div", { class: "legend-holder" });
    this.controlsHolder = make("div", { class: "controls-holder" });
    this.screen.beneath = { controls: this.controlsHolder, legend: this.legendHolder, shared: this.pair !== null };
    this.drawer = new Drawer(this);
    // The root is the container the layout is measured by, so the grid is one element deeper.
    const { column, charts } = this.screen;
    const layout = make("div", { class: "layout" }, this.warning, column, charts.element, this.controlsHolder, this.drawer.element, this.legendHolder);
    this.root.append(layout, this.spoken);
    parent.append(this.root);
    this.keys = new Keys(this.root, () => (this.pair ?? this).controls, () => this.data.train, {
      z: () => this.screen.followNext(),
      Enter: () => this.screen.openUnder(),
      p: () => this.togglePresent(),
      Escape: () => this.screen.letGo(),
      ...Object.fromEntries(Object.keys(ARROWS).map((key) => [key, (event) => this.screen.hand.walk(key, event.shiftKey)])),
    });
  }

  /** Take what the page says now. */
  update({ data, setTriggerValue, setStateValue }) {
    const old = this.data;
    this.data = data;
    this.telling.update(setTriggerValue, data.heard);
    this.tell = setStateValue;
    this.words = { ...WORDS, ...data.labels };
    setAll(this.root, { "data-presented": data.presented ? "1" : null });
    this.screen.update(data, this.words);
    this.drawer.presenting(data);
    if (differs(old, data, "legend", "labels")) {
      this.screen.forget();
      writeLegend(this.legendHolder, data.legend, this.words, this.screen);
    }
    if (differs(old, data, "players", "labels")) this.buildControls();
    if (differs(old, data, "players", "labels", "graph")) this.drawer.update(data, this.words);
    if (old?.run !== data.run) this.watch(data.run);
    this.render();
  }

  /** For the projector: the page lays itself out anew. */
  togglePresent() {
    if (this.data.presented !== undefined) this.telling.tell("present");
  }

  buildControls() {
    this.controls = new Controls(this.words, this.data.players, this.actions());
    this.controls.foot.append(this.drawer.openers);
    this.controlsHolder.replaceChildren(this.controls.element);
    setAll(this.root, { "aria-label": this.words.picture });
    if (!this.screen.shown) setAll(this.screen.canvas, { "aria-label": this.words.waiting });
  }

  // --- what the server says ------------------------------------------------------------

  /** Change to another run. The old picture stays until the first new one arrives. */
  watch(run) {
    this.history = new History();
    this.screen.trail.clear();
    this.screen.hand.forget();
    this.drawer.forget();
    this.stale = true;
    this.over = false; // of a recording: it has been shown to its end
    this.view = null;
    this.guess = null;
    this.notice.say("");
    this.link.connect(run);
  }

  hear(message) {
    const state = message.hello ?? message.state;
    if (message.hello) this.forgetOrders(); // a link that was lost has lost them
    if (state) this.setState(state);
    if (message.done === this.orders) this.setGuess(null);
    if (message.forked) this.telling.tell("forked", message.forked);
    if (message.error) {
      this.notice.say(message.error);
      this.forgetOrders();
    }
  }

  forgetOrders() {
    this.drawer.slow.refused();
    this.setGuess(null);
  }

  setState(state) {
    const before = this.server?.run === state.run ? this.server : null;
    if (before && state.round < this.round) {
      this.history.forgetAfter(state.round);
      this.screen.trail.forgetAfter(state.round);
    }
    this.server = state;
    this.round = state.round;
    this.history.list(state.keyframes ?? []);
    if (this.view !== null && !this.history.rounds.includes(this.view)) this.look(null);
    if (state.recording && this.history.missing()) this.askHistory();
    this.screen.request(false);
    this.render();
    if (before?.state === "ready" && state.state !== "ready" && state.mine) this.telling.tell("began", state.run);
    if (before?.state !== state.state) setText(this.spoken, state.recording ? "" : told(this));
  }

  /** A frame updates the arrays it has; a keyframe is complete in itself. */
  receive(frame) {
    if (frame.meta.trace) this.drawer.slow.take(frame, this.live);
    const whole = Number.isFinite(frame.meta.key);
    // While keyframes are being fetched they are history, not news.
    const asked = whole && (this.server?.recording || this.history.waiting());
    const kept = this.stale || whole || !this.live ? [] : this.live.arrays;
    // Measures come only with the frames that draw them; what was told before holds until there is another run.
    this.measures = { ...(this.stale ? null : this.measures), ...frame.meta.measures };
    const picture = { meta: frame.meta, arrays: new Map([...kept, ...frame.arrays]), measures: this.measures };
    if (whole) this.history.add(picture);
    if (this.screen.trail.note(picture)) this.screen.repaint();
    if (!asked || (this.stale && !this.server?.recording)) this.setLive(picture);
    if (whole && this.view === frame.meta.key) this.look(this.view);
    this.screen.request(false);
    this.render();
  }

  setLive(picture) {
    this.live = this.screen.newest = picture;
    this.round = picture.meta.round;
    // points glide for as long as the last two frames were apart
    const now = performance.now();
    const pace = Math.min(LONGEST_TWEEN, now - (this.frameAt ?? 0));
    this.frameAt = now;
    if (this.view === null && !this.drawer.slow.held()) this.present(picture, pace);
  }

  /** Show what is now; while slow motion walks a turn, that is what was before its step. */
  showNow() {
    const picture = this.drawer.slow.held() ?? this.live;
    if (picture && this.view === null && !recorded(this)) this.present(picture, LONGEST_TWEEN);
  }

  /** What thumbnails need to know besides their arrays. */
  thumbLook() {
    const { palette, box, words, shown } = this.screen;
    return { palette, box, words, measures: shown?.measures };
  }

  present(picture, duration) {
    // Another run's points have nothing to do with these: no gliding between the two.
    this.screen.present(picture, this.stale ? 0 : duration);
    this.stale = false;
    setAll(this.root, { "data-run": this.data.run });
  }

  // --- orders ----------------------------------------------------------------------------

  actions() {
    return {
      play: () => this.play(),
      step: (player) => this.order({ do: "step", player }, "paused"),
      reset: () => this.order({ do: "reset" }),
      rewind: () => this.order({ do: "rewind", round: this.view }),
      fork: () => this.link.send({ do: "fork", round: this.view }),
      scrub: (position) => this.look(this.history.rounds[position] ?? null),
      back: () => (this.drawer.slow.copies ? this.drawer.slow.leave() : null, this.look(null)),
      beside: () => this.telling.tell("beside"),
    };
  }

  play() {
    if (this.server?.recording) this.telling.tell("train");
    else if (this.state() === "training") this.order({ do: "pause" }, "paused");
    else this.order({ do: "play" }, "training");
  }

  /** Send, show what will probably follow until the server says that it is done, and return to now. */
  order(order, guess = null) {
    this.drawer.slow.leave();
    this.orders += 1;
    this.link.send({ ...order, id: this.orders });
    if (order.do === "rewind") this.view = null; // the picture that was looked at is the one to come
    else this.look(null);
    this.setGuess(guess);
  }

  setGuess(guess) {
    this.guess = guess;
    this.render();
  }

  state() {
    return this.guess ?? this.server?.state ?? "paused";
  }

  // --- earlier rounds --------------------------------------------------------------------

  askHistory() {
    this.history.ask((order) => this.link.send(order));
  }

  /** The stored pictures at hand; those that are missing are asked for, and arrive later. */
  past() {
    if (this.history.missing()) this.askHistory();
    return this.history.frames.values();
  }

  /** Look at a stored round, or (null) at what is happening now. */
  look(round) {
    const back = round === null && this.view !== null;
    const stored = this.history.frames.get(round);
    this.view = round;
    this.history.again();
    if (stored) this.present(stored, LONGEST_TWEEN);
    else if (round !== null) this.askHistory();
    else if (back) this.showNow();
    this.screen.request(false);
    this.render();
  }

  /** A recording plays by itself, once, unless someone scrubs it or asked for less motion. */
  loop(now) {
    if (!recorded(this) || this.view !== null) return false;
    const { history, screen } = this;
    const step = screen.layers.still ? history.end() : history.play(now);
    if (!step) return false;
    const changes = screen.shown !== step.frame || this.over !== history.over(now);
    this.over = history.over(now);
    if (screen.shown !== step.frame) this.present(step.frame, step.duration);
    if (changes) this.render();
    return !screen.layers.still && !this.over;
  }

  // --- words and buttons -----------------------------------------------------------------

  render() {
    const { server } = this;
    this.controls.render(situation(this));
    const failed = server?.state === "failed";
    show(this.warning, failed);
    setText(this.warning, failed ? server.why || this.words.failed : "");
    setAll(this.root, { "data-state": this.state(), "data-now": this.round, "data-recording": server?.recording ? "1" : null, "data-rests": rests(this) ? "1" : null });
    this.screen.settle(rests(this));
    this.drawer.render();
    if (this.screen.shown) describe(this.screen.canvas, summary(this));
    this.teller.follow(this);
    this.pair?.render();
  }

  close() {
    for (const part of [this.telling, this.teller, this.drawer, this.keys, this.link, this.screen]) part.close();
    this.notice.say("");
    this.root.remove();
  }
}
