// A wall's rows and columns: where each member stands, what is special to it, how good it is.

import { clamp, powerOfTen, signed } from "../core/numbers.js";

/** How many rows and columns: as the axes say, or nearly square where there is one axis. */
export function wallShape(wall) {
  const n = wall.rows.values.length;
  if (wall.columns) return { n: n * wall.columns.values.length, rows: n, columns: wall.columns.values.length };
  const columns = Math.ceil(Math.sqrt(n));
  return { n, rows: Math.ceil(n / columns), columns };
}

export function wallPanelAspect(wall) {
  const { rows, columns } = wallShape(wall);
  return (columns + 0.4) / (rows + (wall.columns ? 0.4 : 0.2 * rows));
}

/** What member i has of its own: [[axis, value], ...]. */
export function memberValues(wall, i) {
  if (!wall.columns) return [[wall.rows, wall.rows.values[i]]];
  const across = wall.columns.values.length;
  return [[wall.rows, wall.rows.values[Math.floor(i / across)]], [wall.columns, wall.columns.values[i % across]]];
}

export function valueText(value) {
  return value !== 0 && Math.abs(value) < 1e-4 ? powerOfTen(value) : signed(String(value));
}

/** Squares with room for the values beside them; the rows' name stands upright at the left. */
export function wallGrid(wall, area, ctx, look) {
  const shape = wallShape(wall);
  ctx.font = `13px ${look.palette.font}`;
  const widest = Math.max(...wall.rows.values.map((value) => ctx.measureText(valueText(value)).width));
  const left = wall.columns ? 22 + widest + 6 : 0;
  const top = wall.columns ? 40 : 20;
  const foot = wall.columns ? 0 : 18; // below each panel of a wall of one axis stands its value
  const gap = area.w / shape.columns > 70 ? 6 : 3;
  const side = Math.max(8, Math.min((area.w - left) / shape.columns, (area.h - top) / shape.rows - foot) - gap);
  const from = { x: area.x + left + Math.max(0, (area.w - left - shape.columns * (side + gap)) / 2), y: area.y + top };
  const x = (i) => from.x + (i % shape.columns) * (side + gap);
  const y = (i) => from.y + Math.floor(i / shape.columns) * (side + foot + gap);
  return { ...shape, side, w: side, h: side, left, foot, from, x, y };
}

/** How good member i is, from 0 to 1. */
export function memberShare({ score }, layers, i) {
  const value = layers.items.get("wall/score")?.values[i] ?? NaN;
  return Number.isFinite(value) ? clamp((value - score.worst) / (score.best - score.worst), 0, 1) : NaN;
}

/** "8/8" modes; or a divergence. */
export function memberScore({ score }, layers, i) {
  const value = layers.items.get("wall/score").values[i];
  return score.digits ? value.toFixed(score.digits) : `${value}/${score.best}`;
}
