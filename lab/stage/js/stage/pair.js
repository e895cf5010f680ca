// Stages side by side: one legend and one bar drive all, and their charts have the same scales.

import { Controls } from "../controls/controls.js";
import { writeLegend } from "../controls/legend.js";
import { make, setAll, setText, show } from "../core/dom.js";
import { Keys } from "../core/keys.js";
import { differs } from "../core/mount.js";
import { signed } from "../core/numbers.js";
import { Telling } from "../core/telling.js";
import { fill, WORDS } from "../core/words.js";
import { situation } from "./situation.js";
import Stage from "./stage.js";

export default class Pair {
  constructor(parent) {
    this.telling = new Telling(); // of all sides
    this.root = make("div", { class: "stage pair", "data-testid": "pair" });
    this.legendHolder = make("div", {});
    this.barHolder = make("div", { class: "shared", "data-testid": "shared" });
    this.cells = make("div", { class: "cells" });
    const frame = make("div", { class: "pair-frame" }, this.legendHolder, this.cells, this.barHolder);
    this.root.append(frame);
    parent.append(this.root);
    this.keys = new Keys(this.barHolder, () => this.controls, () => true);
  }

  /** `n` stages; those of one kind (`alike`) share the scales of their charts. */
  seat(n, alike) {
    this.sides = Array.from({ length: n }, () => this.side());
    this.stages = this.sides.map((side) => side.stage);
    this.cells.append(...this.sides.map((side) => side.element));
    setAll(this.cells, { style: `--sides: ${n}` });
    const screens = this.stages.map((stage) => stage.screen);
    if (alike) for (const one of screens) join(one, screens.filter((other) => other !== one));
    this.aligning = new ResizeObserver(() => this.align());
    for (const { stage, verdict } of this.sides) for (const one of [this.root, verdict, stage.screen.numbers.element]) this.aligning.observe(one);
  }

  side() {
    const title = make("h2", { class: "side-title" });
    const element = make("div", { class: "cell" }, title);
    const stage = new Stage(element, this);
    const verdict = make("div", { class: "verdict", role: "status", "data-testid": "verdict" });
    stage.screen.column.append(verdict);
    return { title, element, stage, verdict };
  }

  update({ data, setTriggerValue }) {
    const old = this.data;
    this.data = data;
    this.words = { ...WORDS, ...data.labels };
    setAll(this.root, { "data-compact": data.compact || null });
    if (!this.sides) this.seat(data.runs.length, data.alike);
    // a side renders itself when it is updated: then the bar must be there
    if (differs(old, data, "players", "labels")) this.buildBar();
    this.sides.forEach(({ title, stage, verdict }, i) => {
      setText(title, data.titles[i]);
      if (differs(old?.verdicts, data.verdicts, i)) writeVerdict(verdict, data.verdicts[i], this.words);
      stage.update({ data: { ...data, run: data.runs[i] }, setTriggerValue });
      setAll(stage.root, { "aria-label": `${this.words.picture}: ${data.titles[i]}` }); // each a landmark of its own
    });
    const all = (name) => (...given) => this.stages.forEach((stage) => stage.screen[name](...given));
    const act = { toggle: all("toggle"), morph: all("morph") };
    if (differs(old, data, "legend", "labels")) writeLegend(this.legendHolder, data.legend, this.words, act);
    this.root.dataset.mood = this.stages[0].screen.palette.mood;
    this.render();
  }

  buildBar() {
    this.controls = new Controls(this.words, this.data.players, this.actions());
    this.barHolder.replaceChildren(this.controls.element);
  }

  actions() {
    const each = (act) => this.stages.forEach(act);
    return {
      play: () => this.play(),
      step: (player) => each((stage) => stage.order({ do: "step", player }, "paused")),
      reset: () => each((stage) => stage.order({ do: "reset" })),
      rewind: () => each((stage) => stage.order({ do: "rewind", round: stage.view })),
      fork: () => {},
      scrub: (position) => this.look(this.rounds()[position]),
      back: () => each((stage) => stage.look(null)),
    };
  }

  /** While one trains, pause; else all go on, but those that have failed. Of recordings the page starts runs. */
  play() {
    if (this.stages.some((stage) => stage.server?.recording)) return this.telling.tell("train");
    const training = this.stages.filter((stage) => stage.state() === "training");
    const able = this.stages.filter((stage) => stage.state() !== "failed" || stage.server?.again);
    for (const stage of training.length ? training : able) stage.play();
  }

  /** Each looks at this round, or at the last one before it that it has. */
  look(round) {
    for (const stage of this.stages) stage.look(round === undefined ? null : stage.history.rounds.filter((one) => one <= round).at(-1) ?? null);
  }

  /** Rounds that all have kept, and what the longest has beyond the end of the others. */
  rounds() {
    const [longest, ...others] = this.stages.map((stage) => stage.history.rounds).sort((one, other) => other.length - one.length);
    const kept = others.map((rounds) => new Set(rounds));
    const end = Math.max(-1, ...others.map((rounds) => rounds.at(-1) ?? -1));
    return longest.filter((round) => round > end || kept.every((one) => one.has(round)));
  }

  render() {
    if (!this.controls || !this.stages) return;
    const views = this.stages.map((stage) => stage.server && situation(stage));
    if (views.includes(null)) return;
    const states = views.map((view) => view.state);
    const rounds = this.rounds();
    const looking = views.some((view) => view.looking);
    const round = Math.max(...views.map((view) => view.round));
    this.controls.render({
      ...views[0],
      state: ["training", "paused", "ended", "ready"].find((state) => states.includes(state)) ?? "failed",
      again: views.some((view) => view.again),
      mine: views.every((view) => view.mine),
      looking,
      rounds,
      round,
      position: looking ? Math.max(0, rounds.findLastIndex((kept) => kept <= round)) : rounds.length,
      readout: "",
    });
    show(this.controls.fork, false);
  }

  /** Side by side, the charts of all begin at one height. */
  align() {
    const columns = this.stages.map((stage) => stage.screen.column);
    for (const column of columns) column.style.minHeight = "";
    if (new Set(this.sides.map((side) => side.element.offsetTop)).size > 1) return;
    const tallest = Math.max(...columns.map((column) => column.offsetHeight));
    for (const column of columns) column.style.minHeight = `${tallest}px`;
  }

  close() {
    this.aligning?.disconnect();
    this.keys.close();
    for (const stage of this.stages ?? []) stage.close();
    this.root.remove();
  }
}

/** The charts of this screen have the scales of those of the others. */
function join(screen, others) {
  screen.charts.peers = others.map((other) => other.charts);
  screen.charts.again = () => screen.request(true);
}

const MARKS = { good: "\u2713", bad: "!" };

/** What the detector says, [{tone, name, says, cure}]: the gravest in full, of the others the names. */
function writeVerdict(holder, [first, ...others], words) {
  if (!first) return holder.replaceChildren();
  const { tone, name, says, cure } = first;
  const mark = MARKS[tone] ? [make("span", { class: "mark", "aria-hidden": "true" }, MARKS[tone])] : [];
  const head = name ? [make("strong", {}, name), ": "] : [];
  const lines = [make("p", {}, ...mark, ...head, signed(says))];
  if (cure) lines.push(make("p", {}, make("strong", {}, words.cure), " ", cure));
  if (others.length) lines.push(make("p", {}, fill(words.alsoSeen, { names: others.map((one) => one.name).join(", ") })));
  setAll(holder, { "data-tone": tone });
  holder.replaceChildren(...lines);
}
