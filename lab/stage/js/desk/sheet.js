// The large picture: its pixels, the one that is looked at, and the hands that choose it.

import { make, placeOn, setAll, sharpen } from "../core/dom.js";
import { ARROWS } from "../core/keys.js";
import { clamp } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { cellSize, FREE, paintFrame, paintPut, paintSight, paintValues } from "../draw/cells.js";
import { placeOf, valueName } from "./writing.js";

export class Sheet {
  /** `act` has hover(place or null), choose(place or null), key(event) for all keys but the arrows, and `cursor()`. */
  constructor(act) {
    this.act = act;
    this.canvas = make("canvas", { role: "img", class: "canvas", tabindex: 0, "data-testid": "desk-sheet" });
    this.element = make("div", { class: "desk-sheet" }, this.canvas);
    this.listen();
  }

  listen() {
    const on = (name, act) => this.canvas.addEventListener(name, act);
    const touch = (event) => event.pointerType === "touch"; // a finger that moves scrolls the page
    on("pointerdown", (event) => !touch(event) && event.button === 0 && this.press(event));
    on("click", (event) => touch(event) && this.press(event));
    on("pointermove", (event) => touch(event) || this.act.hover(this.at(event)));
    on("pointerleave", () => this.act.hover(null));
    on("keydown", (event) => this.keyed(event));
  }

  /** The place under a pointer, or null. */
  at(event) {
    if (!this.cell) return null;
    const { W, H } = this.facts;
    const [x, y] = placeOn(this.canvas, event).map((one) => Math.floor(one / this.cell));
    return x >= 0 && y >= 0 && x < W && y < H ? y * W + x : null;
  }

  press(event) {
    const place = this.at(event);
    if (place !== null) this.act.choose(place);
  }

  keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!ARROWS[event.key]) return this.act.key(event);
    event.preventDefault();
    event.stopPropagation();
    const { W, H } = this.facts;
    const [dx, dy] = ARROWS[event.key].map((way) => way * (event.shiftKey ? 5 : 1));
    const place = this.act.cursor() ?? 0;
    const [row, column] = [clamp(Math.floor(place / W) - dy, 0, H - 1), clamp((place % W) + dx, 0, W - 1)];
    this.act.choose(row * W + column, true);
  }

  /** `view` has the values (D,), the `cursor`, the places that were `put`, the `sight` of the lens or null, whether it gives a
   * `verdict`, and the palette. */
  draw(facts, view) {
    const room = this.element.clientWidth;
    if (!room) return;
    this.facts = facts;
    const cell = (this.cell = cellSize(facts, room));
    const { palette, sight } = view;
    const ctx = sharpen(this.canvas, cell * facts.W, cell * facts.H);
    paintValues(ctx, facts, view.values, cell, palette, Boolean(sight));
    if (sight) paintSight(ctx, facts, sight, cell, palette, view.verdict);
    for (const place of view.put) paintPut(ctx, facts, place, cell, palette);
    if (view.cursor !== null) paintFrame(ctx, facts, view.cursor, cell, palette);
  }

  /** The picture in words, for who does not see it. */
  say(n, cursor, values, words) {
    const { facts } = this;
    if (!facts) return;
    const value = cursor === null || values[cursor] === FREE ? words.notYet : valueName(facts, values[cursor], words);
    const says = cursor === null ? "" : fill(words.cursor, { ...placeOf(facts, cursor), value });
    setAll(this.canvas, { "aria-label": fill(words.sheet, { ...facts, n, cursor: says, most: (facts.K - 1).toString(16) }) });
  }
}
