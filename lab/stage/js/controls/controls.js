// The bar under the picture. It shows what it is told (`render`) and says what was pressed (`act`); it keeps no state.

import { icon, iconButton, make, setAll, setText, show } from "../core/dom.js";
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
    const { words, act } = this;
    this.play = this.button("play", "play", "primary", () => act.play(), words.train);
    this.step = this.button("step", "step", "", () => act.step(null), words.step, words.stepSays);
    const says = (player) => [words.stepPlayer, words.stepPlayerSays].map((sentence) => fill(sentence, { player }));
    const turn = (player) => this.button(`step-${player}`, "step", "", () => act.step(player), ...says(player));
    this.turns = players.length > 1 ? players.map(turn) : [];
    this.reset = this.button("reset", "reset", "", () => act.reset(), words.reset, words.resetSays);
    const buttons = make("div", { class: "buttons" }, this.play, this.step, ...this.turns, this.reset);
    this.scrub = make("input", { type: "range", min: 0, max: 0, value: 0, step: 1, "data-testid": "scrub", "aria-label": words.scrub, title: words.scrub });
    this.scrub.addEventListener("input", () => act.scrub(Number(this.scrub.value)));
    this.readout = make("span", { class: "readout", "data-testid": "readout" });
    this.notMine = make("span", { class: "note" }, words.notMine);
    // what is offered while an earlier round is shown
    this.chip = make("span", { class: "chip", "data-testid": "chip" });
    this.rewind = this.button("rewind", null, "small", () => act.rewind(), words.rewind);
    this.fork = this.button("fork", "fork", "small", () => act.fork(), words.fork);
    this.back = this.button("back", null, "small", () => act.back(), words.backToNow);
    this.beside = this.button("beside", null, "small", () => act.beside(), words.besideRecording);
    this.effort = make("span", { class: "effort", "data-testid": "effort" });
    const bar = make("div", { class: "bar" }, buttons, this.scrub);
    this.foot = make("div", { class: "foot" }, this.readout, this.effort, this.chip, this.notMine, this.rewind, this.fork, this.back, this.beside);
    this.element.append(bar, this.foot);
  }

  button(id, picture, style, pressed, ...says) {
    const button = iconButton(id, picture, style, pressed);
    button.say(...says);
    return button;
  }

  /** view: what `situation` says. */
  render(view) {
    this.renderButtons(view);
    this.renderScrub(view);
    this.renderLook(view);
    setText(this.readout, view.readout);
    setText(this.effort, view.effort);
    show(this.effort, Boolean(view.effort) && !view.looking);
    show(this.notMine, watching(view) && !view.looking);
  }

  renderButtons(view) {
    const { words } = this;
    const playWord = view.state === "training" && !view.recording ? words.pause : words.train;
    if (this.play.textContent !== playWord) {
      this.play.say(playWord);
      this.play.firstChild.replaceWith(icon(playWord === words.pause ? "pause" : "play"));
    }
    const locked = !view.recording && (!view.mine || (view.state === "failed" && !view.again));
    this.play.disabled = locked;
    for (const button of [this.step, ...this.turns]) button.disabled = locked;
    this.reset.disabled = !view.mine || view.state === "ready";
    show(this.play, view.canTrain);
    for (const button of [this.step, ...this.turns, this.reset]) show(button, view.canTrain && !view.recording);
  }

  /** Last position = now, except in a recording, which has no now. */
  renderScrub(view) {
    const last = Math.max(0, view.rounds.length - (view.recording ? 1 : 0));
    show(this.scrub, last > 0);
    if (this.scrub.max !== String(last)) this.scrub.max = last;
    if (Number(this.scrub.value) !== view.position) this.scrub.value = view.position;
    this.scrub.style.setProperty("--done", `${last ? (100 * view.position) / last : 0}%`);
    setAll(this.scrub, { "aria-valuetext": view.looking ? this.chip.textContent : view.readout });
  }

  renderLook(view) {
    const { words } = this;
    show(this.readout, !view.looking);
    show(this.chip, view.looking);
    show(this.rewind, view.looking && view.mine && !view.recording && view.canTrain);
    show(this.fork, (view.looking && !view.recording) || watching(view));
    show(this.back, view.looking || view.shown);
    setText(this.chip, fill(words.lookingAt, { unit: view.unit, round: count(view.round) }));
    show(this.beside, Boolean(view.beside) && !view.looking);
    this.beside.say(view.beside === "run" ? words.besideRun : words.besideRecording);
    this.fork.say(view.looking ? words.forkHere : words.fork);
    this.back.say(view.recording ? words.playRecording : words.backToNow);
  }
}

function watching(view) {
  return view.known && !view.mine && !view.recording;
}
