// What is asked of a model of sounds: what to say, with which noise, how warm; and the fields that other nets have.

import { iconButton, make, setAll, setText, show } from "../core/dom.js";
import { fixed } from "../core/numbers.js";

export const LEVELS = [4, 8, 16, 32, 64, 128, 256];
export const ZOOMS = [32, 64, 128, 256, 384, 640, 1024, 2048]; // samples in sight

/** Of these nets one that has the wanted `name`, "field" or "levels", and if there is one, the other too. */
export function nearest(nets, wanted, name) {
  const fit = nets.filter((one) => one[name] === wanted[name]);
  return fit.find(({ field, levels }) => field === wanted.field && levels === wanted.levels) ?? fit[0];
}

/** A name, a slider through some stops, and the stop in words. `changed()` is called when a hand moves it. */
export class Stops {
  constructor(name, changed) {
    this.slider = make("input", { type: "range", min: 0, max: 1, step: 1, value: 0, "data-testid": `scope-${name}` });
    this.slider.addEventListener("input", () => (this.read(), changed()));
    this.title = make("span");
    this.value = make("b");
    this.element = make("label", { class: "scope-field" }, this.title, this.slider, this.value);
  }

  /** Offer these `stops`; the one that is chosen stays, or else it is `first`. */
  offer(title, stops, first, says = String) {
    const now = this.stops ? this.stop : first;
    Object.assign(this, { stops, says });
    setText(this.title, title);
    setAll(this.slider, { max: stops.length - 1 });
    this.set(stops.includes(now) ? now : first);
  }

  set(stop) {
    this.slider.value = Math.max(0, this.stops.indexOf(stop));
    this.read();
  }

  get stop() {
    return this.stops[Number(this.slider.value)];
  }

  read() {
    const text = this.says(this.stop);
    setText(this.value, text);
    setAll(this.slider, { "aria-valuetext": text });
    this.slider.style.setProperty("--done", `${(100 * this.slider.value) / Math.max(1, this.stops.length - 1)}%`);
  }
}

export class Tools {
  /** `act` has write(), and set() after another label, seed or temperature. */
  constructor(act) {
    this.write = iconButton("scope-write", "play", "primary", () => act.write());
    this.labels = make("select", { "data-testid": "scope-label" });
    this.seed = make("input", { type: "number", min: 0, max: 4294967295, value: 0, "data-testid": "scope-seed" });
    this.slider = make("input", { type: "range", min: 0, max: 2, step: 0.05, value: 1, "data-testid": "scope-temperature" });
    for (const one of [this.labels, this.seed]) one.addEventListener("change", () => act.set());
    this.slider.addEventListener("input", () => this.read());
    this.slider.addEventListener("change", () => act.set()); // to write takes seconds: once the hand lets go
    const field = (says, ...parts) => make("label", { class: "scope-field" }, says, ...parts);
    [this.labelSays, this.seedSays, this.warmthSays] = [0, 1, 2].map(() => make("span"));
    this.value = make("b");
    this.labelField = field(this.labelSays, this.labels);
    this.element = make("div", { class: "bar scope-tools" }, this.write, this.labelField, field(this.seedSays, this.seed), field(this.warmthSays, this.slider, this.value));
  }

  get question() {
    const seed = Math.min(4294967295, Math.max(0, Math.round(Number(this.seed.value)) || 0));
    return { label: Number(this.labels.value), seed, temperature: Number(this.slider.value) };
  }

  update(words, { labels }) {
    this.write.say(words.write, words.writeSays);
    setText(this.labelSays, words.label);
    setText(this.seedSays, words.seed);
    setText(this.warmthSays, words.temperature);
    setAll(this.slider, { title: words.temperatureSays });
    show(this.labelField, labels.length > 0);
    const options = labels.length ? labels : ["0"];
    if (this.labels.length !== options.length) this.labels.replaceChildren(...options.map((name, label) => make("option", { value: label }, name)));
    this.read();
  }

  read() {
    setText(this.value, fixed(Number(this.slider.value), 2));
    this.slider.style.setProperty("--done", `${50 * this.slider.value}%`);
  }
}
