// The bar under a film: play, steps, the slider of t, and what is drawn.

import { icon, make, setAll, setText, show } from "../core/dom.js";
import { clamp } from "../core/numbers.js";

const SPEEDS = [0.5, 1, 2];

export class FilmBar {
  /** `act` has toggle(layer, on), showAll(screen) and again(). */
  constructor(time, act) {
    this.clock = time;
    this.act = act;
    const steps = { first: ["reset", () => time.jump(0)], back: ["back", () => time.step(-1)], forth: ["forth", () => time.step(1)], last: ["step", () => time.jump(-1)] };
    this.play = this.button("play", "play", "primary", () => time.toggle());
    this.steps = Object.entries(steps).map(([word, [picture, pressed]]) => this.button(word, picture, "icon", pressed));
    this.slider = make("input", { type: "range", min: 0, max: 1, value: 0, step: 1, "data-testid": "film-slider" });
    this.slider.addEventListener("input", () => time.rest(Number(this.slider.value)));
    this.t = make("span", { class: "film-t", "data-testid": "film-t" });
    this.speed = make("select", { "data-testid": "film-speed" });
    for (const speed of SPEEDS) this.speed.append(make("option", { value: speed, selected: speed === 1 }, `${speed}\u00d7`));
    this.speed.addEventListener("change", () => (time.speed = Number(this.speed.value)));
    this.again = this.button("again", null, "small", () => act.again());
    this.switches = make("div", { class: "buttons" });
    this.grids = make("div", { class: "buttons film-grids", role: "group" });
    this.status = make("p", { class: "film-status", role: "status", "data-testid": "film-status" });
    const bar = make("div", { class: "bar" }, make("div", { class: "buttons" }, this.play, ...this.steps), this.slider, this.t, this.speed);
    this.foot = make("div", { class: "foot" }, this.switches, this.grids, this.again);
    this.element = make("div", { class: "controls" }, bar, this.status, this.foot);
  }

  button(word, picture, style, pressed) {
    return filmButton(`film-${word}`, word, picture, style, pressed);
  }

  update(words) {
    this.words = words;
    for (const one of [this.play, ...this.steps, this.again]) one.say(words);
    setAll(this.again, { title: words.againSays });
    for (const [one, word] of [[this.slider, words.time], [this.speed, words.speed]]) setAll(one, { "aria-label": word, title: word });
    setAll(this.grids, { "aria-label": words.grid });
  }

  /** Which layers can be switched, and which are off; whose pictures the grid can show, and does. */
  offer(layers, off, pictured, grid) {
    const key = JSON.stringify([layers, [...off], pictured, grid, this.words]);
    if (key === this.offered) return;
    this.offered = key;
    const one = (id, word, on, pressed) => {
      const button = make("button", { type: "button", class: "small", "aria-pressed": String(on), "data-testid": `film-${id}` }, word);
      button.addEventListener("click", pressed);
      return button;
    };
    refill(this.switches, layers.map((layer) => one(layer, this.words[layer], !off.has(layer), () => this.act.toggle(layer, off.has(layer)))));
    const choices = Object.entries(pictured).map(([name, word]) => one(`grid-${name}`, word, name === grid, () => this.act.showAll(name)));
    refill(this.grids, choices.length > 1 ? [make("span", {}, this.words.grid), ...choices] : []);
  }

  render(status) {
    const { clock, words } = this;
    const there = clock.live().length > 0;
    const word = clock.playing ? "pause" : "play";
    if (this.play.word !== word) {
      this.play.word = word;
      this.play.say(words);
      this.play.firstChild.replaceWith(icon(word));
    }
    for (const one of [this.play, ...this.steps, this.slider]) one.disabled = !there;
    setText(this.status, status);
    setText(this.t, there ? clock.says(words) : "");
    if (!there) return;
    const { start, end } = clock.span();
    setAll(this.slider, { min: start, max: end, step: clock.tween ? "any" : 1, "aria-valuetext": this.t.textContent });
    this.slider.value = clock.now;
    const share = (time) => `${clamp((100 * (time - start)) / (end - start || 1), 0, 100)}%`;
    this.slider.style.setProperty("--done", share(clock.now));
    this.slider.style.setProperty("--here", share(clock.reach()));
  }
}

/** A button that says `words[word]`: beside its picture, or (an "icon") to those who hear it. */
export function filmButton(id, word, picture, style, pressed) {
  const text = make("span", {});
  const button = make("button", { type: "button", class: style, "data-testid": id }, ...(picture ? [icon(picture)] : []), text);
  button.addEventListener("click", pressed);
  button.word = word;
  button.say = (words) => {
    setText(text, style === "icon" ? "" : words[button.word]);
    setAll(button, { "aria-label": words[button.word], title: words[button.word] });
  };
  return button;
}

/** Other children, with the focus where it was. */
function refill(holder, children) {
  const id = holder.getRootNode().activeElement?.dataset?.testid;
  holder.replaceChildren(...children);
  show(holder, children.length > 0);
  if (id) children.find((one) => one.dataset.testid === id)?.focus();
}
