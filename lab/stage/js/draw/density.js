// Where many points lie: their density, smoothed by a Gaussian, with contours around it.

import { paintField } from "./draw.js";
import { stroke } from "./pen.js";

const DENSITY_SIDE = 96; // nodes along each axis of the box
const DENSITY_WIDTH = 2; // standard deviation of the Gaussian, in nodes
const CONTOURS = [0.08, 0.2, 0.4, 0.6, 0.8]; // of the largest density

const bell = Float32Array.from({ length: 6 * DENSITY_WIDTH + 1 }, (_, i) => Math.exp(-0.5 * ((i - 3 * DENSITY_WIDTH) / DENSITY_WIDTH) ** 2));

/** The density of points (n, 2) on a grid of nodes over the box, rows upwards; 1 where it is largest. */
export function densityOf(values, [x0, x1, y0, y1]) {
  const side = DENSITY_SIDE;
  const grid = new Float32Array(side * side);
  for (let i = 0; i + 1 < values.length; i += 2) {
    const u = ((values[i] - x0) / (x1 - x0)) * (side - 1);
    const v = ((values[i + 1] - y0) / (y1 - y0)) * (side - 1);
    if (!(u >= 0 && v >= 0 && u < side - 1 && v < side - 1)) continue;
    // a point is shared among the four nodes around it
    const [column, row] = [Math.floor(u), Math.floor(v)];
    const [right, up] = [u - column, v - row];
    const at = row * side + column;
    grid[at] += (1 - right) * (1 - up);
    grid[at + 1] += right * (1 - up);
    grid[at + side] += (1 - right) * up;
    grid[at + side + 1] += right * up;
  }
  const smooth = blurred(blurred(grid, side, 1, side), side, side, 1);
  const most = smooth.reduce((a, b) => Math.max(a, b), 0) || 1;
  return { shape: [side, side], values: smooth.map((one) => one / most) };
}

/** Each line of the grid, its nodes `step` apart and the lines `between` apart, under the Gaussian. */
function blurred(grid, side, step, between) {
  const out = new Float32Array(grid.length);
  const reach = 3 * DENSITY_WIDTH;
  for (let line = 0; line < side; line++) {
    for (let i = 0; i < side; i++) {
      const value = grid[line * between + i * step];
      if (!value) continue; // most nodes are empty
      const end = Math.min(side - 1, i + reach);
      for (let j = Math.max(0, i - reach); j <= end; j++) out[line * between + j * step] += value * bell[j - i + reach];
    }
  }
  return out;
}

/** Add the contour at `level` to the path: in each cell a line between two edges that it crosses, two lines for four. */
export function traceContour(ctx, { shape: [rows, columns], values }, level, map) {
  const [x0, x1, y0, y1] = map.box;
  const place = (u, v) => [map.x(x0 + (u / (columns - 1)) * (x1 - x0)), map.y(y0 + (v / (rows - 1)) * (y1 - y0))];
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const at = row * columns + column;
      const [a, b, c, d] = [values[at], values[at + 1], values[at + columns + 1], values[at + columns]];
      const above = (a > level) + (b > level) + (c > level) + (d > level);
      if (above === 0 || above === 4) continue;
      const crossed = [];
      if (a > level !== b > level) crossed.push(place(column + (level - a) / (b - a), row));
      if (b > level !== c > level) crossed.push(place(column + 1, row + (level - b) / (c - b)));
      if (d > level !== c > level) crossed.push(place(column + (level - d) / (c - d), row + 1));
      if (a > level !== d > level) crossed.push(place(column, row + (level - a) / (d - a)));
      for (let i = 0; i + 1 < crossed.length; i += 2) {
        ctx.moveTo(...crossed[i]);
        ctx.lineTo(...crossed[i + 1]);
      }
    }
  }
}

/** The density of a cloud, faint, with its contours. */
export function paintDensity(ctx, item, map, look, name) {
  const { version } = item;
  if (item.density?.version !== version) item.density = { ...densityOf(item.values, map.box), version };
  paintField(ctx, item.density, map, { ...look, role: () => look.role(name) }, "field/density");
  CONTOURS.forEach((level, i) => {
    ctx.beginPath();
    traceContour(ctx, item.density, level, map);
    stroke(ctx, look, name, 1.3, 0.5 + 0.1 * i);
  });
}
