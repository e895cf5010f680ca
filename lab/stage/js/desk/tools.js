// Under the picture: which tool is open, and the class and the temperature of what is written.

import { iconButton, make, setAll, setText, show } from "../core/dom.js";
import { fixed } from "../core/numbers.js";

const NAMES = ["lens", "halves", "nets", "masks"];

export class Tools {
  /** `act` has turn(name, on), and set() after another class or temperature. */
  constructor(act) {
    this.label = 0;
    this.temperature = 1;
    this.on = new Set();
    this.buttons = Object.fromEntries(NAMES.map((name) => [name, iconButton(`desk-tool-${name}`, null, "small", () => act.turn(name, !this.on.has(name)))]));
    this.group = make("div", { class: "buttons", role: "group" }, ...Object.values(this.buttons));
    this.labels = make("select", { "data-testid": "desk-label" });
    this.labels.addEventListener("change", () => (this.choose(Number(this.labels.value)), act.set()));
    this.slider = make("input", { type: "range", min: 0, max: 2, step: 0.05, value: 1, "data-testid": "desk-temperature" });
    this.slider.addEventListener("input", () => ((this.temperature = Number(this.slider.value)), this.read(), act.set()));
    this.labelSays = make("span");
    this.temperatureSays = make("span");
    this.value = make("b", {});
    this.labelField = make("label", { class: "desk-field" }, this.labelSays, this.labels);
    this.warmth = make("label", { class: "desk-field desk-warmth" }, this.temperatureSays, this.slider, this.value);
    this.element = make("div", { class: "desk-tools" }, this.group, make("div", { class: "bar" }, this.labelField, this.warmth));
  }

  /** What every question about a picture has. */
  get settings() {
    return { label: this.label, temperature: this.temperature };
  }

  update(words, { labels }, { masks }) {
    for (const [name, button] of Object.entries(this.buttons)) button.say(words[name], words[`${name}Title`]);
    show(this.buttons.masks, masks);
    setAll(this.group, { "aria-label": words.tools });
    setText(this.labelSays, words.label);
    setText(this.temperatureSays, words.temperature);
    setAll(this.warmth, { title: words.temperatureSays });
    show(this.labelField, labels > 0);
    if (this.labels.length !== labels) this.labels.replaceChildren(...Array.from({ length: labels }, (_, label) => make("option", { value: label }, String(label))));
    this.choose(Math.min(this.label, Math.max(0, labels - 1)));
    this.read();
  }

  choose(label) {
    this.label = label;
    this.labels.value = label;
  }

  read() {
    setText(this.value, fixed(this.temperature, 2));
    this.slider.style.setProperty("--done", `${50 * this.temperature}%`);
  }

  /** The tools that are open. */
  show(...names) {
    this.on = new Set(names);
    for (const [name, button] of Object.entries(this.buttons)) setAll(button, { "aria-pressed": String(this.on.has(name)) });
  }
}
