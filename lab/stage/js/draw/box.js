// Boxes of the world laid over rectangles of the canvas, and what lies in them.

import { clamp } from "../core/numbers.js";

export const GAP = 10; // between panels
export const CAPTION = 20;
export const NARROWEST = 240; // a panel thinner than this goes below instead of beside

export const NEAR = 12; // px within which a point is meant
export const NEAR_TOUCH = 22;

/** A box [x0, x1, y0, y1] laid over a rectangle of the canvas, y upwards. */
export function mapping(box, area) {
  const [x0, x1, y0, y1] = box;
  const sx = area.w / (x1 - x0);
  const sy = area.h / (y1 - y0);
  return {
    box,
    area,
    x: (x) => area.x + (x - x0) * sx,
    y: (y) => area.y + area.h - (y - y0) * sy,
    worldX: (px) => x0 + (px - area.x) / sx,
    worldY: (py) => y0 + (area.y + area.h - py) / sy,
  };
}

/** The box of a world that came without one: what its points reach, with a margin. */
export function boxAround(layers) {
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [, { target }] of ["points", "mesh", "line", "paths"].flatMap((kind) => layers.entries(kind))) {
    for (let i = 0; i + 1 < target.length; i += 2) {
      const [x, y] = [target[i], target[i + 1]];
      if (!Number.isFinite(x + y)) continue;
      [x0, x1] = [Math.min(x0, x), Math.max(x1, x)];
      [y0, y1] = [Math.min(y0, y), Math.max(y1, y)];
    }
  }
  if (!(x1 >= x0)) return [-1, 1, -1, 1];
  const reach = 0.6 * Math.max(x1 - x0, y1 - y0, 1e-6);
  const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
  return [cx - reach, cx + reach, cy - reach, cy + reach];
}

/** The height of a field at a place, between the nodes around it. */
export function fieldAt(item, box, x, y) {
  const [rows, columns] = item.shape;
  const u = ((x - box[0]) / (box[1] - box[0])) * (columns - 1);
  const v = ((y - box[2]) / (box[3] - box[2])) * (rows - 1);
  const [i, j] = [clamp(Math.floor(u), 0, columns - 2), clamp(Math.floor(v), 0, rows - 2)];
  const at = (row, column) => item.values[row * columns + column];
  const low = at(j, i) + (at(j, i + 1) - at(j, i)) * (u - i);
  const high = at(j + 1, i) + (at(j + 1, i + 1) - at(j + 1, i)) * (u - i);
  return (low + (high - low) * (v - j)) * (item.eight ? 1 / 255 : 1);
}

/** Whether a place of the canvas lies in a rectangle. */
export function inside({ x, y, w, h }, px, py) {
  return px >= x && px <= x + w && py >= y && py <= y + h;
}
