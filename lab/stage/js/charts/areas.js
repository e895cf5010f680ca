// Charts that are no curves: parts of a sum stacked over one another, and bars: of latent dimensions, or of levels of noise.

import { fill } from "../core/words.js";

export const MANY_TERMS = 4; // more than these stand in columns above the chart
const ASLEEP = 0.01; // nats; a dimension with less tells nothing of x

/** Terms one above the other: each gets a `base`, and its values become the sum so far. */
export function stackUp(terms) {
  let below = null;
  for (const term of terms) {
    const values = Float32Array.from(term.values, (value, i) => (i % 2 && below ? value + below[i] : value));
    term.base = below ?? Float32Array.from(values, (value, i) => (i % 2 ? 0 : value));
    term.values = below = values;
    term.solid = terms.length > MANY_TERMS; // shades are told apart only when they are full
  }
}

export function drawArea(ctx, map, one, palette) {
  ctx.beginPath();
  for (let i = 0; i + 1 < one.values.length; i += 2) ctx.lineTo(map.x(one.values[i]), map.y(one.values[i + 1]));
  for (let i = one.base.length - 2; i >= 0; i -= 2) ctx.lineTo(map.x(one.base[i]), map.y(one.base[i + 1]));
  Object.assign(ctx, { fillStyle: palette.roles[one.role].ink, globalAlpha: one.solid ? 0.9 : 0.4 });
  ctx.fill();
  ctx.globalAlpha = 1;
}

export function barsBox(values) {
  const most = Math.max(...[...values].filter(Number.isFinite), 10 * ASLEEP);
  return [0.5, values.length + 0.5, 0, 1.12 * most];
}

/** A bar for each value; of dimensions that are asleep only an empty frame. */
export function drawBars(ctx, map, { bars: values, sleeps }, palette) {
  const wide = Math.min(40, (0.8 * map.area.w) / values.length);
  ctx.fillStyle = palette.roles[sleeps ? "latent" : "model"].ink;
  ctx.lineWidth = 1.5;
  values.forEach((value, i) => {
    const [left, top] = [map.x(i + 1) - wide / 2, Math.min(map.y(value), map.area.y + map.area.h - 1)];
    if (!sleeps || value >= ASLEEP) return ctx.fillRect(left, top, wide, map.area.y + map.area.h - top);
    ctx.strokeStyle = palette.muted;
    ctx.setLineDash([2, 2]);
    ctx.strokeRect(left + 0.5, map.area.y + map.area.h - 12, wide - 1, 11.5);
    ctx.setLineDash([]);
  });
}

/** In words: how many of the dimensions are asleep. */
export function sleepers({ bars: values, sleeps }, words) {
  if (!sleeps) return [];
  const asleep = [...values].filter((value) => value < ASLEEP).length;
  return [{ role: "latent", says: fill(asleep ? words.asleep : words.awake, { count: asleep, of: values.length }) }];
}
