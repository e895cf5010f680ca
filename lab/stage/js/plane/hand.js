// A hand in the latent plane: where it points, the z that it holds, and the way that it has walked.

import { ARROWS } from "../core/keys.js";
import { clamp } from "../core/numbers.js";
import { inside, NEAR, NEAR_TOUCH } from "../draw/box.js";
import { atlasSize, cellAt, latentAt, planeMap } from "./latent.js";

export const WALK_TILES = 12; // pictures of the way
const MARKER = 11; // px around the held z in which a press lets it go
const STILL = 4; // px that a press may move and be no walk

export class Hand {
  constructor(screen) {
    this.screen = screen;
    this.forget();
  }

  /** Another run, another plane. */
  forget() {
    this.over = null; // where the pointer is: {place, code}; code is the number of the code there, or -1
    this.last = null;
    this.release();
  }

  release() {
    this.held = null; // as `over`, of what was pressed
    this.path = []; // places walked through, one for each tile
    this.screen.repaint();
  }

  /** What is looked at: under the pointer, else held, else looked at last, else the middle. */
  now() {
    return this.over ?? this.held ?? this.last ?? { place: [0, 0], code: -1 };
  }

  /** The pointer is here, or (null) elsewhere. True if that changes anything. */
  point(over) {
    const same = String(over?.place) === String(this.over?.place) && over?.code === this.over?.code;
    if (over) this.last = over;
    this.over = over;
    return !same;
  }

  /** A press holds the z that it falls on; a "drag" takes it along; on the marker it lets go. False without a plane. */
  grab(phase, px, py, touch) {
    const { layers, panels, look } = this.screen;
    const panel = panels?.find((one) => one.kind === "plane");
    const map = look && planeMap(panel, layers);
    if (!map) return false;
    if (phase === "press") {
      if (!inside(panel.area, px, py)) return false;
      this.press(latentAt(layers, look, map, px, py, (touch ? NEAR_TOUCH : NEAR) / 2), map, px, py);
    } else if (phase === "drag") {
      const moved = Math.hypot(px - this.pressed[0], py - this.pressed[1]) > STILL;
      if (moved || this.walking) this.step(latentAt(layers, look, map, px, py, 0).place);
    } else if (this.leaving && !this.walking) this.release();
    this.screen.repaint();
    return true;
  }

  press(at, map, px, py) {
    this.pressed = [px, py];
    this.walking = false;
    this.leaving = this.held && Math.hypot(map.x(this.held.place[0]) - px, map.y(this.held.place[1]) - py) <= MARKER;
    if (!this.leaving) this.hold(at);
  }

  /** Hold what is looked at; of a code, the code itself. */
  hold(at = this.now()) {
    const codes = this.screen.layers.items.get("codes/test");
    const place = at.code < 0 ? at.place : [...codes.values.slice(2 * at.code, 2 * at.code + 2)];
    this.held = this.last = { ...at, place };
    this.path = [];
    this.screen.repaint();
  }

  /** Take the held z to another place. */
  step(place) {
    const { layers } = this.screen;
    if (!this.path.length && this.held) this.path.push(this.held.place);
    this.walking = true;
    this.held = this.last = { place, code: -1 };
    const before = this.path.at(-1);
    if (cellAt(layers, before) !== cellAt(layers, place)) this.path.push(place);
    if (this.path.length > WALK_TILES) this.path.shift();
  }

  /** The keyboard's way, tile by tile, with Shift five at a time. True if a z is held that can move. */
  walk(key, far) {
    const { layers } = this.screen;
    const [x0, x1, y0, y1] = layers.items.get("box/plane")?.target ?? [];
    if (!this.held || x0 === undefined) return false;
    const [rows, columns] = atlasSize(layers);
    const [dx, dy] = ARROWS[key].map((tiles) => tiles * (far ? 5 : 1));
    const [x, y] = this.held.place;
    this.step([clamp(x + (dx * (x1 - x0)) / columns, x0, x1), clamp(y + (dy * (y1 - y0)) / rows, y0, y1)]);
    this.screen.repaint();
    return true;
  }

  /** What tests and the curious can read on the stage's element. */
  says() {
    const { layers, sheets } = this.screen;
    const plane = layers.items.has("box/plane");
    const seen = plane && (sheets.of("decoder", layers) || !layers.items.has("atlas/size"));
    const { place, code } = this.now();
    const numbers = (at) => (plane && at ? at.map((value) => value.toFixed(3)).join(" ") : null);
    return {
      "data-labels": layers.items.has("codes/label"),
      "data-z": numbers(place),
      "data-tile": seen ? cellAt(layers, place) : null,
      "data-code": plane ? code : null,
      "data-held": numbers(this.held?.place),
      "data-walked": plane ? this.path.length : null,
    };
  }
}
