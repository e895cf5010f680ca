// The bar under a film: play, steps, the slider of t, and what is drawn.

import { icon, iconButton, make, makeButton, setAll, setText, show } from "../core/dom.js";
import { clamp } from "../core/numbers.js";

const SPEEDS = [0.5, 1, 2];

export class FilmBar {
  /** `act` has toggle(layer, on), showAll(screen) and again(). */
  constructor(time, act) {
    this.clock = time;
    this.act = act;
    const button = (word, ...given) => iconButton(`film-${word}`, ...given);
    this.play = button("play", "play", "primary", () => time.toggle());
    this.shows = "play";
    this.steps = {
      first: button("first", "reset", "icon", () => time.jump(0)),
      back: button("back", "back", "icon", () => time.step(-1)),
      forth: button("forth", "forth", "icon", () => time.step(1)),
      last: button("last", "step", "icon", () => time.jump(-1)),
    };
    this.slider = make("input", { type: "range", min: 0, max: 1, value: 0, step: 1, "data-testid": "film-slider" });
    this.slider.addEventListener("input", () => time.rest(Number(this.slider.value)));
    this.t = make("span", { class: "film-t", "data-testid": "film-t" });
    const speeds = SPEEDS.map((speed) => make("option", { value: speed, selected: speed === 1 }, `${speed}\u00d7`));
    this.speed = make("select", { "data-testid": "film-speed" }, ...speeds);
    this.speed.addEventListener("change", () => (time.speed = Number(this.speed.value)));
    this.again = button("again", null, "small", () => act.again());
    this.switches = make("div", { class: "buttons" });
    this.grids = make("div", { class: "buttons film-grids", role: "group" });
    this.status = make("p", { class: "film-status", role: "status", "data-testid": "film-status" });
    const buttons = make("div", { class: "buttons" }, this.play, ...Object.values(this.steps));
    const bar = make("div", { class: "bar" }, buttons, this.slider, this.t, this.speed);
    const foot = make("div", { class: "foot" }, this.switches, this.grids, this.again);
    this.element = make("div", { class: "controls" }, bar, this.status, foot);
  }

  update(words) {
    this.words = words;
    this.play.say(words[this.shows]);
    for (const [word, one] of Object.entries({ ...this.steps, again: this.again })) one.say(words[word]);
    setAll(this.again, { title: words.againSays });
    for (const [one, word] of [[this.slider, words.time], [this.speed, words.speed]]) setAll(one, { "aria-label": word, title: word });
    setAll(this.grids, { "aria-label": words.grid });
  }

  /** Which layers can be switched, and which are off; whose pictures the grid can show, and does. */
  offer(layers, off, pictured, grid) {
    const key = JSON.stringify([layers, [...off], pictured, grid, this.words]);
    if (key === this.offered) return;
    this.offered = key;
    const one = (id, word, on, pressed) => makeButton(`film-${id}`, word, pressed, { class: "small", "aria-pressed": String(on) });
    refill(this.switches, layers.map((layer) => one(layer, this.words[layer], !off.has(layer), () => this.act.toggle(layer, off.has(layer)))));
    const choices = Object.entries(pictured).map(([name, word]) => one(`grid-${name}`, word, name === grid, () => this.act.showAll(name)));
    refill(this.grids, choices.length > 1 ? [make("span", {}, this.words.grid), ...choices] : []);
  }

  render(status) {
    const { clock, words } = this;
    const there = clock.live().length > 0;
    const word = clock.playing ? "pause" : "play";
    if (this.shows !== word) {
      this.shows = word;
      this.play.say(words[word]);
      this.play.firstChild.replaceWith(icon(word));
    }
    for (const one of [this.play, ...Object.values(this.steps), this.slider]) one.disabled = !there;
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

/** Other children, with the focus where it was. */
function refill(holder, children) {
  const id = holder.getRootNode().activeElement?.dataset?.testid;
  holder.replaceChildren(...children);
  show(holder, children.length > 0);
  if (id) children.find((one) => one.dataset.testid === id)?.focus();
}
