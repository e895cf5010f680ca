// The path of one z, round after round. The noise is always the same: point i of every picture comes from the same z.

import { disc, polyline, ring } from "../draw/pen.js";

const LONGEST_TRAIL = 1200; // places; then every other one is dropped

export class Trail {
  constructor() {
    this.past = () => []; // the stored pictures of this run
    this.clear();
  }

  clear() {
    this.name = null;
    this.places = new Map();
  }

  /** Follow point `index` of `name`, from the stored pictures on. */
  pick({ name, index }) {
    this.clear();
    Object.assign(this, { name, index });
    for (const picture of this.past()) this.note(picture);
  }

  /** Remember where the point is in this picture; false if nothing is followed. */
  note({ meta, arrays }) {
    const points = this.name && arrays.get(this.name);
    if (!points || this.index >= points.shape[0]) return false;
    this.places.set(meta.round, [points.data[2 * this.index], points.data[2 * this.index + 1]]);
    if (this.places.size > LONGEST_TRAIL) [...this.places.keys()].forEach((old, i) => i % 2 && this.places.delete(old));
    return true;
  }

  /** After a reset or a rewind, later rounds will be different ones. */
  forgetAfter(round) {
    for (const old of this.places.keys()) if (old > round) this.places.delete(old);
  }

  draw(ctx, layers, map, look) {
    const item = this.name && layers.items.get(this.name);
    if (!item || this.index >= item.shape[0] || look.isOff(this.name)) return;
    const past = [...this.places].filter(([round]) => round < look.round).sort(([a], [b]) => a - b);
    const now = [item.values[2 * this.index], item.values[2 * this.index + 1]];
    const places = [...past.map(([, place]) => place), now].map(([x, y]) => [map.x(x), map.y(y)]);
    const { background, roles: { latent: { ink } } } = look.palette;
    ctx.lineCap = "round";
    for (const [colour, width] of [[background, 4], [ink, 2]]) polyline(ctx, places, colour, width);
    disc(ctx, places[0], 3, ink, background);
    disc(ctx, places.at(-1), 5, ink, background);
  }
}

/** A ring around the point under the pointer. */
export function ringed(ctx, layers, map, look) {
  const item = look.under && layers.items.get(look.under.name);
  if (!item || look.under.index >= item.shape[0]) return;
  const [x, y] = item.values.subarray(2 * look.under.index);
  ring(ctx, [map.x(x), map.y(y)], 7.5, look.palette.text, 2);
}
