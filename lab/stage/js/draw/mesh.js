// Where G puts a grid of z. Every cell holds the same share of the noise: the smaller it is, the fuller its colour.

import { clamp } from "../core/numbers.js";
import { stroke } from "./pen.js";

export const MORPH = 1500; // ms from the plane of z to its image under G
const DENSEST = 0.6; // opacity

export function paintMesh(ctx, item, map, look, name) {
  const [rows, columns] = item.shape;
  const [x, y] = meshPixels(item, map, look.morph(name));
  ctx.fillStyle = look.palette.roles[look.role(name)].ink;
  const opacity = cellOpacity(x, y, rows, columns);
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const a = row * columns + column;
      ctx.globalAlpha = opacity[row * (columns - 1) + column];
      if (!(ctx.globalAlpha > 0.01)) continue;
      ctx.beginPath();
      for (const i of [a, a + 1, a + columns + 1, a + columns]) ctx.lineTo(x[i], y[i]);
      ctx.fill();
    }
  }
  const line = (i, start) => (start ? ctx.moveTo(x[i], y[i]) : ctx.lineTo(x[i], y[i]));
  ctx.beginPath();
  for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) line(row * columns + column, !column);
  for (let column = 0; column < columns; column++) for (let row = 0; row < rows; row++) line(row * columns + column, !row);
  if (rows > 1) stroke(ctx, look, name, 0.8, 0.5);
  else stroke(ctx, look, name, 2, 0.8); // z is one number: a curve
}

/** The nodes on the canvas; during a morph, part of the way from their z. */
function meshPixels(item, map, morph) {
  const n = item.values.length >> 1;
  const [x, y] = [new Float32Array(n), new Float32Array(n)];
  for (let i = 0; i < n; i++) {
    const [wx, wy] = [0, 1].map((axis) => {
      const there = item.values[2 * i + axis];
      return morph ? morph.origin[2 * i + axis] * (1 - morph.share) + there * morph.share : there;
    });
    x[i] = map.x(wx);
    y[i] = map.y(wy);
  }
  return [x, y];
}

/** In proportion to density = mass / area, full at the 90th percentile of the cells. */
export function cellOpacity(x, y, rows, columns) {
  const density = new Float32Array((rows - 1) * (columns - 1));
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const a = row * columns + column;
      const [b, c, d] = [a + 1, a + columns + 1, a + columns];
      const area = Math.abs((x[c] - x[a]) * (y[d] - y[b]) - (x[d] - x[b]) * (y[c] - y[a])) / 2;
      density[row * (columns - 1) + column] = 1 / (area + 1); // no cell is smaller than a dot
    }
  }
  const most = Float32Array.from(density).sort()[Math.floor(0.9 * density.length)];
  return density.map((one) => DENSEST * Math.min(1, one / most));
}

/** How far a morph that began at `start` has come; a smooth start and end. */
export function morphShare(start, now) {
  const share = clamp((now - start) / MORPH, 0, 1);
  return share * share * (3 - 2 * share);
}
