// Pictures whose pixels are painted one by one: written or not, what one of them sees, and the order of all.

import { hex, mix } from "../core/palette.js";
import { pen, polyline } from "./pen.js";

export const FREE = 255; // a value that is not given, or not written yet
const LARGEST = 360; // CSS pixels along a side of a picture
const ALARM = "#d55e00"; // of a leak, as of the stage's warnings
const FADED = 0.74; // how far a picture goes towards the page under the lens

/** The side of a pixel, so that the picture fits into this width. */
export function cellSize({ H, W }, width, most = LARGEST) {
  return Math.max(1, Math.floor(Math.min(width, most) / Math.max(H, W)));
}

/** The corner of a place. */
function cornerOf({ W }, place, cell) {
  return [(place % W) * cell, Math.floor(place / W) * cell];
}

/** Values (D,) as pixels; where there is none yet, a fine checker in the colours of the page. */
export function paintValues(ctx, facts, values, cell, palette, faded = false) {
  const { W, H, D, colours } = facts;
  paintChecker(ctx, W * cell, H * cell, cell, palette);
  const inks = colours.map((colour) => hex(faded ? mix(colour, palette.pageRgb, FADED) : colour));
  for (let place = 0; place < D; place++) {
    if (values[place] === FREE) continue;
    ctx.fillStyle = inks[values[place]];
    ctx.fillRect(...cornerOf(facts, place, cell), cell, cell);
  }
}

/** Squares in two shades of the page. */
function paintChecker(ctx, w, h, cell, palette) {
  const side = cell / Math.max(2, 2 * Math.round(cell / 8));
  ctx.fillStyle = hex(mix(palette.pageRgb, palette.textRgb, 0.05));
  ctx.fillRect(0, 0, w, h);
  ctx.fillStyle = hex(mix(palette.pageRgb, palette.textRgb, 0.13));
  ctx.beginPath();
  for (let row = 0; row * side < h - 0.5; row++) {
    for (let column = row % 2; column * side < w - 0.5; column += 2) ctx.rect(column * side, row * side, side, side);
  }
  ctx.fill();
}

/** What pixel `sight.pixel` sees. `can` (D,) says where it can look; `heat` (D,), how much each pixel matters, may be missing.
 * With `verdict` whatever lies ahead is painted as an alarm. */
export function paintSight(ctx, facts, sight, cell, palette, verdict) {
  const { rank, D, W, H } = facts;
  const { pixel, can, heat } = sight;
  const most = heat ? heat.reduce((a, b) => Math.max(a, b), 1e-12) : 1;
  const blind = [];
  for (let place = 0; place < D; place++) {
    const before = rank[place] < rank[pixel];
    const corner = cornerOf(facts, place, cell);
    const seen = can ? can[place] > 0 : heat[place] > 0;
    if (!before && place !== pixel) wash(ctx, corner, cell, palette.background, 0.72);
    if (seen && !before && verdict) wash(ctx, corner, cell, ALARM, 0.9);
    else if (seen) wash(ctx, corner, cell, palette.roles.gradient.ink, heat ? 0.12 + 0.88 * Math.sqrt(heat[place] / most) : 0.75);
    else if (before && can) blind.push(corner);
  }
  hatch(ctx, blind, cell, [W * cell, H * cell], palette);
}

function wash(ctx, [x, y], cell, colour, strength) {
  ctx.globalAlpha = strength;
  ctx.fillStyle = colour;
  ctx.fillRect(x, y, cell, cell);
  ctx.globalAlpha = 1;
}

/** Lines from lower left to upper right, over these cells only. */
function hatch(ctx, corners, cell, [w, h], palette) {
  if (!corners.length) return;
  ctx.save();
  ctx.beginPath();
  for (const [x, y] of corners) ctx.rect(x, y, cell, cell);
  ctx.clip();
  ctx.globalAlpha = 0.62;
  pen(ctx, palette.text, cell > 8 ? 1.3 : 0.8);
  ctx.beginPath();
  const gap = Math.max(3, Math.min(6.25, cell / 2));
  for (let at = gap / 2; at < w + h; at += gap) {
    ctx.moveTo(at, 0);
    ctx.lineTo(at - h, h);
  }
  ctx.stroke();
  ctx.restore();
}

/** A frame around a pixel that is seen on all colours, inside the picture. */
export function paintFrame(ctx, facts, place, cell, palette, wide = 2) {
  const [left, top] = cornerOf(facts, place, cell);
  const within = (at, most) => Math.max(wide, Math.min(most - wide, at));
  const [x0, x1] = [left - 1, left + cell + 1].map((x) => within(x, facts.W * cell));
  const [y0, y1] = [top - 1, top + cell + 1].map((y) => within(y, facts.H * cell));
  for (const [colour, width] of [[palette.background, wide + 2.5], [palette.text, wide]]) {
    pen(ctx, colour, width);
    ctx.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
}

/** A dot in a pixel whose value was put by hand. */
export function paintPut(ctx, facts, place, cell, palette) {
  const [x, y] = cornerOf(facts, place, cell).map((corner) => corner + cell / 2);
  ctx.beginPath();
  ctx.arc(x, y, Math.max(1.5, cell / 6), 0, 2 * Math.PI);
  Object.assign(ctx, { fillStyle: palette.roles.latent.ink, strokeStyle: palette.background, lineWidth: 1.5 });
  ctx.stroke();
  ctx.fill();
}

/** The order as a line through the middles of the pixels: strong as far as it is written. */
export function paintOrder(ctx, facts, n, cell, palette) {
  const { order, H, W } = facts;
  const places = Array.from(order, (place) => cornerOf(facts, place, cell).map((corner) => corner + cell / 2));
  ctx.fillStyle = hex(mix(palette.pageRgb, palette.textRgb, 0.06));
  ctx.fillRect(0, 0, W * cell, H * cell);
  polyline(ctx, places, hex(mix(palette.pageRgb, palette.textRgb, 0.3)), 1);
  if (n > 1) polyline(ctx, places.slice(0, n), palette.roles.data.ink, 1.4);
  if (!n) return;
  ctx.beginPath();
  ctx.arc(...places[n - 1], 3, 0, 2 * Math.PI);
  ctx.fillStyle = palette.text;
  ctx.fill();
}

/** A pixel that is chosen, in a small picture. */
export function paintChosen(ctx, facts, place, cell, palette) {
  ctx.fillStyle = palette.text;
  ctx.fillRect(...cornerOf(facts, place, cell), cell, cell);
}

/** Around all that is given, where it borders on what is not. */
export function paintGiven(ctx, { W, H }, given, cell, palette) {
  pen(ctx, palette.roles.data.ink, 1.5);
  ctx.beginPath();
  for (let place = 0; place < W * H; place++) {
    if (given[place] === FREE) continue;
    const [c, r] = [place % W, Math.floor(place / W)];
    const free = (column, row) => column >= 0 && row >= 0 && column < W && row < H && given[row * W + column] === FREE;
    const edge = (x0, y0, x1, y1) => (ctx.moveTo(x0 * cell, y0 * cell), ctx.lineTo(x1 * cell, y1 * cell));
    if (free(c + 1, r)) edge(c + 1, r, c + 1, r + 1);
    if (free(c, r + 1)) edge(c, r + 1, c + 1, r + 1);
    if (free(c, r - 1)) edge(c, r, c + 1, r);
  }
  ctx.stroke();
}

/** n cells in rows of `wide`, with a thin gap between them. `colour(i)` is [r, g, b]. */
export function paintCells(ctx, n, wide, cell, colour) {
  const gap = cell > 3 ? 1 : 0;
  for (let i = 0; i < n; i++) {
    ctx.fillStyle = hex(colour(i));
    ctx.fillRect((i % wide) * cell, Math.floor(i / wide) * cell, cell - gap, cell - gap);
  }
}
