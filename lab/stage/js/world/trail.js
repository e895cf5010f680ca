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

  /** Where the point is now; null if none is followed, or none is seen. */
  now(layers, look) {
    const item = this.name && layers.items.get(this.name);
    if (!item || this.index >= item.shape[0] || look.isOff(this.name)) return null;
    return [item.values[2 * this.index], item.values[2 * this.index + 1]];
  }

  /** The way so far, under all points. */
  draw(ctx, layers, map, look) {
    const now = this.now(layers, look);
    if (!now) return;
    const past = [...this.places].filter(([round]) => round < look.round).sort(([a], [b]) => a - b);
    const places = [...past.map(([, place]) => place), now].map(([x, y]) => [map.x(x), map.y(y)]);
    const { background, roles: { latent: { ink } } } = look.palette;
    ctx.lineCap = "round";
    ctx.globalAlpha = look.rests ? 0.5 : 1;
    for (const [colour, width] of [[background, 4], [ink, 2]]) polyline(ctx, places, colour, width);
    ctx.globalAlpha = 1;
    disc(ctx, places[0], 3, ink, background);
  }

  /** Where it has led to, over all points. */
  end(ctx, layers, map, look) {
    const now = this.now(layers, look);
    const { background, roles: { latent: { ink } } } = look.palette;
    if (now) disc(ctx, [map.x(now[0]), map.y(now[1])], 5, ink, background);
  }
}

/** A ring around the point under the pointer. */
export function ringed(ctx, layers, map, look) {
  const item = look.under && layers.items.get(look.under.name);
  if (!item || look.under.index >= item.shape[0]) return;
  const [x, y] = item.values.subarray(2 * look.under.index);
  ring(ctx, [map.x(x), map.y(y)], 7.5, look.palette.text, 2);
}
