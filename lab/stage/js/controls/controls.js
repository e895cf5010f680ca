// The bar under the picture: buttons, the scrub slider, the readout. It only shows what it
// is told (`render`) and says what was pressed (`act`); it keeps no state of its own.

import { icon, make, setAll, setText, show } from "../core/dom.js";
import { count } from "../core/numbers.js";
import { fill } from "../core/words.js";

export class Controls {
  constructor(words, players, act) {
    this.words = words;
    this.act = act;
    this.element = make("div", { class: "controls", role: "group", "aria-label": words.controls });
    this.build(players);
  }

  build(players) {
    const { words } = this;
    this.play = this.button("play", "play", words.train, "primary", () => this.act.play());
    this.step = this.button("step", "step", words.step, "", () => this.act.step(null), words.stepSays);
    this.turns = players.length > 1 ? players.map((player) => this.turn(player)) : [];
    this.reset = this.button("reset", "reset", words.reset, "", () => this.act.reset(), words.resetSays);
    this.buttons = make("div", { class: "buttons" }, this.play, this.step, ...this.turns, this.reset);
    this.scrub = make("input", { type: "range", min: 0, max: 0, value: 0, step: 1, "data-testid": "scrub", "aria-label": words.scrub, title: words.scrub });
    this.scrub.addEventListener("input", () => this.act.scrub(Number(this.scrub.value)));
    this.readout = make("span", { class: "readout", "data-testid": "readout" });
    this.buildLook();
    this.notMine = make("span", { class: "note" }, words.notMine);
    const bar = make("div", { class: "bar" }, this.buttons, this.scrub);
    const foot = make("div", { class: "foot" }, this.readout, this.chip, this.notMine, this.rewind, this.fork, this.back);
    this.element.append(bar, foot);
  }

  /** What is offered while an earlier round is shown. */
  buildLook() {
    const { words } = this;
    this.chip = make("span", { class: "chip", "data-testid": "chip" });
    this.rewind = this.button("rewind", null, words.rewind, "small", () => this.act.rewind());
    this.fork = this.button("fork", "fork", words.fork, "small", () => this.act.fork());
    this.back = this.button("back", null, words.backToNow, "small", () => this.act.back());
  }

  button(id, picture, text, style, pressed, says = text) {
    const word = make("span", {}, text);
    const button = make("button", { type: "button", class: style, "data-testid": id, "aria-label": says, title: says }, ...(picture ? [icon(picture)] : []), word);
    button.addEventListener("click", pressed);
    button.word = word;
    return button;
  }

  turn(player) {
    const text = fill(this.words.stepPlayer, { player });
    const says = fill(this.words.stepPlayerSays, { player });
    return this.button(`step-${player}`, "step", text, "", () => this.act.step(player), says);
  }

  /** view: {state, mine, recording, canTrain, looking, rounds, position, readout, round, unit} */
  render(view) {
    this.renderButtons(view);
    this.renderScrub(view);
    this.renderLook(view);
    setText(this.readout, view.readout);
    show(this.notMine, watching(view) && !view.looking);
  }

  renderButtons(view) {
    const { words } = this;
    const training = view.state === "training";
    const playWord = training && !view.recording ? words.pause : words.train;
    if (this.play.word.textContent !== playWord) {
      rename(this.play, playWord);
      this.play.firstChild.replaceWith(icon(playWord === words.pause ? "pause" : "play"));
    }
    const locked = !view.recording && (!view.mine || view.state === "failed");
    this.play.disabled = locked;
    for (const button of [this.step, ...this.turns]) button.disabled = locked;
    this.reset.disabled = !view.mine;
    show(this.play, view.canTrain);
    for (const button of [this.step, ...this.turns, this.reset]) show(button, view.canTrain && !view.recording);
  }

  /** Last position = now, except in a recording, which has no now. */
  renderScrub(view) {
    const last = Math.max(0, view.rounds.length - (view.recording ? 1 : 0));
    show(this.scrub, last > 0);
    if (this.scrub.max !== String(last)) this.scrub.max = last;
    if (Number(this.scrub.value) !== view.position) this.scrub.value = view.position;
    const share = last ? (100 * view.position) / last : 0;
    this.scrub.style.setProperty("--done", `${share}%`);
    const says = view.looking ? this.chip.textContent : view.readout;
    setAll(this.scrub, { "aria-valuetext": says });
  }

  renderLook(view) {
    const { words } = this;
    const backWord = view.recording ? words.playRecording : words.backToNow;
    show(this.readout, !view.looking);
    show(this.chip, view.looking);
    show(this.rewind, view.looking && view.mine && !view.recording && view.canTrain);
    show(this.fork, (view.looking && !view.recording) || watching(view));
    show(this.back, view.looking);
    setText(this.chip, fill(words.lookingAt, { unit: view.unit, round: count(view.round) }));
    rename(this.fork, view.looking ? words.forkHere : words.fork);
    rename(this.back, backWord);
  }
}

function watching(view) {
  return view.known && !view.mine && !view.recording;
}

function rename(button, text) {
  setText(button.word, text);
  setAll(button, { "aria-label": text, title: text });
}
