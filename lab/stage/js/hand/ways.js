// Several ways to write the same, small, to choose from.

import { make, makeButton, setAll, sharpen } from "../core/dom.js";
import { fill } from "../core/words.js";
import { paintTracks } from "../draw/tracks.js";

const SIDES = { digits: [58, 58], words: [150, 46] };

export class Ways {
  /** `choose(i)` is called for the i-th way. */
  constructor(choose) {
    this.choose = choose;
    this.buttons = [];
    this.element = make("div", { class: "hand-ways", role: "group", "data-testid": "hand-ways" });
  }

  /** All ways of a writing, as far as they have come. */
  show(writing, { kind, palette, words }) {
    const { ways } = writing;
    setAll(this.element, { "aria-label": words.ways });
    while (this.buttons.length < ways.length) {
      const i = this.buttons.length;
      this.buttons.push(makeButton(`hand-way-${i}`, [make("canvas", { "aria-hidden": "true" })], () => this.choose(i), { class: "hand-way" }));
    }
    if (this.element.childElementCount !== ways.length) this.element.replaceChildren(...this.buttons.slice(0, ways.length));
    ways.forEach((way, i) => {
      const [w, h] = SIDES[kind];
      const ctx = sharpen(this.buttons[i].firstChild, w, h);
      const shown = way.places.slice(0, Math.min(way.length, way.places.length));
      const values = Float32Array.from(shown.flatMap(([x, y, lifted]) => [x, y, lifted ? 1 : 0]));
      paintTracks(ctx, "strokes", { shape: [1, shown.length], values }, { x: 0, y: 0, w, h }, { palette, role: () => "model" }, "strokes/ways");
      setAll(this.buttons[i], { "aria-pressed": String(i === writing.chosen), "aria-label": fill(words.way, { n: i + 1, of: ways.length }) });
    });
  }
}
