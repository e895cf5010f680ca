// Half of a test picture is given, and the model completes it, eight times side by side.

import { make, makeButton, setAll, setText, sharpen, show } from "../core/dom.js";
import { clamp, count } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { cellSize, paintGiven, paintValues } from "../draw/cells.js";
import { Panel } from "./panel.js";
import { base64Of, drawnTooEarly, HALF_NAMES, halfOf, labelOf, nats } from "./writing.js";

const TIMES = 8;
const THUMB = 112; // CSS pixels along a side, at most
const GAP = 14;

export class Halves extends Panel {
  /** `act.place(values, label)` puts a picture on the desk. */
  constructor(act) {
    super("halves", act);
    this.number = 0;
    this.half = HALF_NAMES[0];
    this.seed = 1;
    this.input = make("input", { type: "number", min: 0, value: 0, "data-testid": "desk-number" });
    this.input.addEventListener("change", () => this.choose(Number(this.input.value)));
    this.inputSays = make("span");
    this.other = makeButton("desk-another", "", () => this.choose(Math.floor(Math.random() * this.desk.facts.examples)), { class: "small" });
    this.again = makeButton("desk-again", "", () => this.choose(this.number, (this.seed += 1)), { class: "small" });
    this.parts = HALF_NAMES.map((half) => makeButton(`desk-half-${half}`, "", () => this.give(half), { class: "small" }));
    this.groupSays = make("span");
    this.group = make("div", { class: "buttons desk-field", role: "group" }, this.groupSays, ...this.parts);
    this.early = make("p", { class: "desk-hint", hidden: true, "data-testid": "desk-early" });
    this.row = make("div", { class: "desk-row", "data-testid": "desk-completions" });
    this.figures = Array.from({ length: TIMES + 1 }, (_, i) => this.figure(i));
    this.row.append(...this.figures.map(({ element }) => element));
    this.readout = make("p", { class: "desk-hint", role: "status", "data-testid": "desk-best" });
    const bar = make("div", { class: "bar" }, make("label", { class: "desk-field" }, this.inputSays, this.input), this.other, this.group, this.again);
    this.body.append(bar, this.early, this.row, this.readout);
  }

  /** One picture: the test picture (0), or one of the completions. */
  figure(i) {
    const canvas = make("canvas", {});
    const [total, rest] = [make("b"), make("span")];
    const button = makeButton(`desk-picture-${i}`, canvas, () => this.pictures?.[i] && this.act.place(this.pictures[i], this.label), { class: "desk-thumb" });
    return { canvas, button, total, rest, element: make("figure", { "data-i": i }, button, make("figcaption", {}, total, rest)) };
  }

  forget({ examples }) {
    this.pictures = null;
    this.input.value = this.number = Math.min(this.number, examples - 1);
  }

  aim(desk) {
    super.aim(desk);
    const { words, facts } = desk;
    for (const [part, word] of [[this.inputSays, "number"], [this.other, "another"], [this.again, "completeAgain"], [this.groupSays, "given"]]) setText(part, words[word]);
    this.parts.forEach((button, i) => setText(button, words[`half-${HALF_NAMES[i]}`]));
    setAll(this.group, { "aria-label": words.given });
    setAll(this.input, { max: facts.examples - 1 });
    this.look();
  }

  turn(on) {
    super.turn(on);
    if (on && this.desk) this.look();
  }

  choose(number) {
    this.number = clamp(Math.round(number) || 0, 0, this.desk.facts.examples - 1);
    this.input.value = this.number;
    this.look();
  }

  give(half) {
    this.half = half;
    this.look();
  }

  look() {
    this.parts.forEach((button, i) => setAll(button, { "aria-pressed": String(HALF_NAMES[i] === this.half) }));
    this.want("example", { number: this.number }, [this.half, this.seed, this.desk.temperature, this.desk.rests]);
    this.draw();
  }

  /** First the test picture, then its completions, at last what the model makes of the whole test picture. */
  answered(name, { arrays, meta }, { step }) {
    this.say("");
    const { D } = this.desk.facts;
    if (name === "example") return this.complete(arrays.get("picture").data, meta.label);
    if (step === "original") this.logs[0] = [arrays.get("log_p").data[0]];
    else {
      const { data } = arrays.get("picture");
      const [total, rest] = ["log_p", "log_rest"].map((log) => arrays.get(log).data);
      for (let i = 0; i < TIMES; i++) {
        this.pictures[i + 1] = data.slice(i * D, (i + 1) * D);
        this.logs[i + 1] = [total[i], rest[i]];
      }
      this.written = meta.done;
    }
    this.draw();
  }

  complete(picture, label) {
    const { facts, temperature } = this.desk;
    this.label = label;
    this.given = halfOf(picture, facts, this.half);
    this.pictures = [picture, ...Array.from({ length: TIMES }, () => this.given)];
    this.logs = [];
    this.written = 0;
    const told = labelOf(facts, label);
    this.asker.ask("write", () => ({ arguments: { seed: this.seed, n: TIMES, values: base64Of(this.given), temperature, ...told }, step: "completions" }));
    this.then = () => this.asker.ask("write", () => ({ arguments: { values: base64Of(picture), ...told }, step: "original" }));
    this.draw();
  }

  ended() {
    const { then } = this;
    this.then = null;
    if (then) return then();
    super.ended();
    this.draw();
  }

  /** Of the completions the likeliest: its number from 1, or 0. */
  best() {
    if (this.written !== this.desk.facts.D) return 0;
    return this.logs.reduce((best, [total], i) => (i && (!best || total > this.logs[best][0]) ? i : best), 0);
  }

  draw() {
    show(this.row, Boolean(this.pictures));
    if (!this.pictures) return;
    const { facts, palette, words } = this.desk;
    const columns = this.body.clientWidth < 720 ? 3 : TIMES + 1;
    setAll(this.row, { style: `--columns: ${columns}` });
    const cell = cellSize(facts, (this.body.clientWidth - (columns - 1) * GAP) / columns, THUMB);
    const best = this.best();
    this.figures.forEach(({ canvas, button, total, rest, element }, i) => {
      const ctx = sharpen(canvas, cell * facts.W, cell * facts.H);
      paintValues(ctx, facts, this.pictures[i], cell, palette);
      paintGiven(ctx, facts, this.given, cell, palette);
      const [all, drawn] = this.logs[i] ?? [];
      const done = i ? this.written === facts.D : all !== undefined;
      setText(total, done ? nats(all) : "\u2026");
      setText(rest, !i ? words.testPicture : done ? fill(words.ofRest, { rest: nats(drawn) }) : "");
      const says = i ? fill(words.completionSays, { n: i, log: done ? nats(all) : "\u2026" }) : words.testPictureSays;
      setAll(button, { "aria-label": says, title: says });
      setAll(element, { "data-best": i > 0 && i === best, "data-log": done ? all.toFixed(4) : null });
    });
    const early = drawnTooEarly(this.given, facts.rank);
    setText(this.early, fill(words.early, { n: count(early) }));
    show(this.early, early > 0);
    setText(this.readout, best ? fill(words.best, { n: best, log: nats(this.logs[best][0]) }) : "");
    setAll(this.element, { "data-over": String(this.done) });
  }
}
