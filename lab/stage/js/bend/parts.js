// What stands beside the figure: the formula with its numbers, and the buttons.

import { make, makeButton, setAll, setText, show, withSubscripts } from "../core/dom.js";
import { fixed } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { bendAt, bendKL, bendMass, bendTotal } from "./math.js";

export const STRAIGHT = [-3, -2, -1, 0, 1, 2, 3].map((at) => [at, at]);
export const BEND_PRESETS = {
  steep: [[-3, -2.6], [-2, -2], [-0.5, -1.5], [0, 0], [0.5, 1.5], [2, 2], [3, 2.6]],
  flat: [[-2.6, -2.3], [-1.6, -0.8], [-0.9, -0.14], [0, 0], [0.9, 0.14], [1.6, 0.8], [2.6, 2.3]],
  steps: [[-2.3, -2.6], [-1.5, -0.55], [-0.5, -0.4], [0.5, 0.4], [1, 0.48], [1.5, 0.55], [2.3, 2.6]],
};

export class BendNumbers {
  constructor() {
    this.cells = {};
    const cell = (name, role) => (this.cells[name] = make("b", { class: role, "data-testid": `bend-${name}` }));
    const term = (role, ...text) => make("span", { class: role }, ...text);
    const formula = [
      term("model", ...withSubscripts("p_x(x)")), "=", term("latent", ...withSubscripts("p_z(f(x))")), "\u00b7", term("gradient", "|f\u200a\u2032(x)|"),
      cell("px", "model"), "=", cell("pz", "latent"), "\u00b7", cell("slope", "gradient"),
    ];
    this.formula = make("div", { class: "formula", "data-testid": "bend-formula" }, ...formula.map((one) => (typeof one === "string" ? make("span", {}, one) : one)));
    this.place = make("p", { class: "place", "data-testid": "bend-place" });
    this.list = make("dl", { class: "masses" });
    this.rows = { massX: cell("mass-x", "model"), massZ: cell("mass-z", "latent"), total: cell("total", "model") };
    this.kl = make("p", { class: "goal", "data-testid": "bend-goal" }, "KL(target \u2225 ", ...withSubscripts("p_x"), ") = ", cell("kl", ""), " nats. ");
    this.goal = make("span", {});
    this.kl.append(this.goal);
    this.root = make("div", { class: "bend-numbers" }, this.formula, this.place, this.list, this.kl);
  }

  name(words) {
    this.words = words;
    const row = ([key, cell]) => make("div", {}, make("dt", {}, ...withSubscripts(words[key])), make("dd", {}, cell));
    this.list.replaceChildren(...Object.entries(this.rows).map(row));
  }

  show({ spline, base, places, a, b, x }) {
    const { z, slope } = bendAt(spline, x);
    const density = Math.exp(base.log(z));
    const write = (name, text) => setText(this.cells[name], text);
    write("px", fixed(density * slope, 3));
    write("pz", fixed(density, 3));
    write("slope", fixed(slope, 3));
    setText(this.place, fill(this.words.at, { x: fixed(x, 2), z: fixed(z, 2) }));
    write("mass-x", fixed(bendMass(spline, base, a, b), 4));
    write("mass-z", fixed(base.cdf(bendAt(spline, b).z) - base.cdf(bendAt(spline, a).z), 4));
    write("total", fixed(bendTotal(spline, base), 3));
    show(this.kl, Boolean(places));
    if (!places) return;
    const kl = bendKL(places, spline, base);
    const reached = this.kl.classList.toggle("reached", kl < 0.02);
    write("kl", fixed(kl, 3));
    setText(this.goal, reached ? `\u2713 ${this.words.reached}` : this.words.goal);
  }
}

/** A row of buttons of which one is chosen. */
export class BendChoice {
  constructor(name, values, choose) {
    this.title = make("span", { class: "choice-title" });
    const button = (value) => makeButton(`bend-${name}-${value}`, "", () => choose(value), { class: "small" });
    this.buttons = new Map(values.map((value) => [value, button(value)]));
    this.root = make("div", { class: "choice", role: "group" }, this.title, ...this.buttons.values());
  }

  show(title, words, chosen) {
    this.title.replaceChildren(...withSubscripts(title));
    setAll(this.root, { "aria-label": title.replace("_", " ") });
    for (const [value, button] of this.buttons) {
      setText(button, words[value]);
      if (chosen !== undefined) setAll(button, { "aria-pressed": String(value === chosen) });
    }
  }
}
