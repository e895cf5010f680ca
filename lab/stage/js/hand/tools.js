// Beside the sheet: what is written, how boldly, by which random numbers; and a hand's own drawing.

import { iconButton, make, setAll, setText, show } from "../core/dom.js";
import { clamp, fixed } from "../core/numbers.js";
import { fill } from "../core/words.js";

const TYPING = 350; // ms after the last letter
const BOLDEST = 3;
const LAST_SEED = 2 ** 32 - 1;

export class Tools {
  /** `act` has begin() for other things to write, bias(), turn(name, on) for "draw", "prime" and "mean", undo(), clear(), and
   * drawn() for another text of the drawing. */
  constructor(act) {
    Object.assign(this, { act, label: 0, seed: 1, b: 0, on: { draw: false, prime: false, mean: false }, names: {} });
    const field = (name, ...inputs) => make("label", { class: `hand-field hand-${name}-field` }, (this.names[name] = make("span")), ...inputs);
    this.labels = make("select", { "data-testid": "hand-label" });
    this.labels.addEventListener("change", () => ((this.label = Number(this.labels.value)), act.begin()));
    this.text = this.typed("hand-text", () => act.begin());
    this.drawn = this.typed("hand-drawn", () => act.drawn());
    this.bias = make("input", { type: "range", min: 0, max: BOLDEST, step: 0.1, value: 0, "data-testid": "hand-bias" });
    this.bias.addEventListener("input", () => ((this.b = Number(this.bias.value)), this.read(), act.bias()));
    this.value = make("b", { "data-testid": "hand-bias-value" });
    this.formula = make("span", { class: "hand-formula", "data-testid": "hand-formula" });
    this.seeds = make("input", { type: "number", min: 0, max: LAST_SEED, step: 1, value: 1, "data-testid": "hand-seed" });
    this.seeds.addEventListener("change", () => (this.sow(Number(this.seeds.value)), act.begin()));
    this.fields = { label: field("label", this.labels), text: field("text", this.text), bias: field("bias", this.bias, this.value), seed: field("seed", this.seeds), drawn: field("drawn", this.drawn) };
    this.bad = make("p", { class: "hand-bad", id: "hand-bad", role: "alert", "data-testid": "hand-bad", hidden: true });
    this.buttons = Object.fromEntries(["draw", "mean", "prime", "undo", "clear"].map((name) => [name, iconButton(`hand-${name}`, null, "small", () => this.press(name))]));
    const { draw, mean, prime, undo, clear } = this.buttons;
    this.hint = make("p", { class: "hand-hint" });
    this.panel = make("div", { class: "hand-panel", hidden: true }, this.fields.drawn, make("div", { class: "buttons" }, prime, undo, clear), this.hint);
    this.meanSays = make("p", { class: "hand-hint", hidden: true });
    this.own = make("div", { class: "hand-own" }, make("div", { class: "buttons" }, draw, mean), this.meanSays, this.panel);
    const { label, text, bias, seed } = this.fields;
    this.element = make("div", { class: "hand-tools" }, make("div", { class: "bar" }, label, text, seed), this.bad, make("div", { class: "hand-boldness" }, bias, this.formula));
  }

  /** A field for a word; it acts once the hand rests. */
  typed(id, act) {
    const input = make("input", { type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "data-testid": id });
    const soon = (wait) => {
      clearTimeout(this.timer);
      if (input.value !== input.before) this.timer = setTimeout(() => ((input.before = input.value), act()), wait);
    };
    input.addEventListener("input", () => soon(TYPING));
    input.addEventListener("change", () => soon(0));
    return input;
  }

  press(name) {
    if (name in this.on) this.act.turn(name, !this.on[name]);
    else this.act[name]();
  }

  sow(seed) {
    this.seed = Number.isInteger(seed) ? clamp(seed, 0, LAST_SEED) : this.seed;
    this.seeds.value = this.seed;
  }

  /** What is to be written: the arguments of `write`. */
  question(drawing) {
    const spoken = this.facts.kind === "words";
    const own = this.on.prime && !drawing.empty ? { strokes: drawing.sent(), ...(spoken && { drawn: this.drawn.value.trim() }) } : {};
    return { ...(spoken ? { text: this.text.value.trim() } : this.labelled), ...own };
  }

  /** The arguments of `judge`, or null while there is nothing to judge. */
  judged(drawing) {
    const spoken = this.facts.kind === "words";
    const said = spoken ? { text: this.drawn.value.trim() } : this.labelled;
    return drawing.empty || drawing.down || said.text === "" ? null : { ...said, strokes: drawing.sent() };
  }

  get labelled() {
    return this.facts.labels.length ? { label: this.label } : {};
  }

  update(words, facts) {
    this.words = words;
    for (const [name, element] of Object.entries(this.names)) setText(element, words[name]);
    const spoken = facts.kind === "words";
    show(this.fields.label, facts.labels.length > 0);
    show(this.fields.text, spoken);
    show(this.fields.drawn, spoken);
    for (const field of [this.text, this.drawn]) setAll(field, { maxlength: 4 * facts.letters });
    if (facts !== this.facts) {
      this.text.value = this.text.before = facts.words[0] ?? "";
      this.labels.replaceChildren(...facts.labels.map((label, i) => make("option", { value: i }, label)));
      this.label = Math.min(this.label, Math.max(0, facts.labels.length - 1));
      this.labels.value = this.label;
    }
    this.facts = facts;
    setText(this.hint, fill(spoken ? words.ownWords : words.ownDigits, facts));
    for (const name of ["draw", "mean", "undo", "clear"]) this.buttons[name].say(words[name], words[`${name}Says`]);
    setText(this.meanSays, words.meanSays);
    const straight = facts.output !== "mixture"; // it can only go to the mean
    show(this.buttons.mean, !straight);
    this.bias.disabled = straight;
    this.buttons.prime.say(words[spoken ? "primeWord" : "primeDigit"]);
    setAll(this.bias, { "aria-label": words.biasSays, title: words.biasSays });
    this.read();
  }

  read() {
    setText(this.value, fixed(this.b, 1));
    const { words, facts } = this;
    setText(this.formula, facts.output !== "mixture" ? words.straight : fill(words.formula, { b: fixed(this.b, 1), narrow: fixed(Math.exp(-this.b), 2) }));
    this.bias.style.setProperty("--done", `${(100 * this.b) / BOLDEST}%`);
  }

  /** What is on, and whether there is a drawing. */
  show(drawing) {
    for (const [name, on] of Object.entries(this.on)) setAll(this.buttons[name], { "aria-pressed": String(on) });
    show(this.panel, this.on.draw || !drawing.empty);
    show(this.meanSays, this.on.mean);
    for (const name of ["prime", "undo", "clear"]) this.buttons[name].disabled = drawing.empty;
  }

  /** What is wrong with what was asked for, beside its field. */
  refuse(why) {
    setText(this.bad, why);
    show(this.bad, Boolean(why));
    for (const field of [this.text, this.drawn]) setAll(field, { "aria-invalid": why ? "true" : null, "aria-describedby": why ? "hand-bad" : null });
  }
}
