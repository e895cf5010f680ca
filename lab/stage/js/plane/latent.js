// Places of the latent plane: its tiles, its codes, its axes, and what lies at a place.

import { sharpen } from "../core/dom.js";
import { clamp, fixed, subscript, vector } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { mapping, NEAR, NEAR_TOUCH } from "../draw/box.js";
import { drawTile } from "./sheets.js";

/** The shown part of the plane, laid over its panel; null where there is none. */
export function planeMap(panel, layers) {
  const box = layers.items.get("box/plane")?.target;
  return box && panel ? mapping([...box], panel.area) : null;
}

/** The atlas's rows and columns: of pictures they come beside it, of points they are its shape. */
export function atlasSize(layers) {
  const [columns, rows] = layers.items.get("atlas/size")?.target ?? [];
  if (columns) return [rows, columns];
  return layers.items.get("atlas/decoder")?.shape.slice(0, 2) ?? [1, 1];
}

/** The number of the tile that is nearest to a place of the plane; row 0 is at the top. */
export function cellAt(layers, place) {
  const [x0, x1, y0, y1] = layers.items.get("box/plane")?.target ?? [0, 1, 0, 1];
  const [rows, columns] = atlasSize(layers);
  const column = clamp(Math.floor(((place[0] - x0) / (x1 - x0)) * columns), 0, columns - 1);
  const row = clamp(Math.floor(((y1 - place[1]) / (y1 - y0)) * rows), 0, rows - 1);
  return row * columns + column;
}

/** {place, code} at a place of the canvas, which may lie beside the plane; `code` is -1 where none is within reach. */
export function latentAt(layers, look, map, px, py, reach) {
  const [x0, x1, y0, y1] = map.box;
  const place = [clamp(map.worldX(px), x0, x1), clamp(map.worldY(py), y0, y1)];
  const { shape: [n], values } = (!look.isOff("codes/test") && layers.items.get("codes/test")) || { shape: [0] };
  const labels = layers.items.get("codes/label")?.target;
  let code = -1;
  for (let i = 0; i < n; i++) {
    if (labels && look.isOff(`codes/test/${labels[i]}`)) continue;
    const far = Math.hypot(map.x(values[2 * i]) - px, map.y(values[2 * i + 1]) - py);
    if (far < reach) [reach, code] = [far, i];
  }
  return { place, code };
}

/** Whether z is one number: then the plane has no second axis. */
export function isLine(layers) {
  return Number.isNaN(layers.items.get("axes/plane")?.target[1]);
}

/** Names of the axes: z with its number, or the number of a principal direction; null where there is none. */
export function axisNames(layers, words) {
  const axes = layers.items.get("axes/plane")?.target.slice(0, 2) ?? [0, 1];
  const says = (axis) => (Number.isNaN(axis) ? null : axis < 0 ? fill(words.principal, { number: -axis }) : `z${subscript(axis + 1)}`);
  return [...axes].map(says);
}

/** A place of the plane in numbers. */
export function placeSays(layers, words, place) {
  const names = axisNames(layers, words);
  const known = place.slice(0, 2).map((value, i) => names[i] && `${names[i]} = ${fixed(value, 2)}`);
  return known.filter(Boolean).join(", ");
}

/** What lies under the pointer in the plane; a finger, which hides it, sees the tile beside it. */
export function readLatent(screen, panel, px, py, touch) {
  const { layers, look } = screen;
  const map = planeMap(panel, layers);
  if (!map) return null;
  const over = latentAt(layers, look, map, px, py, touch ? NEAR_TOUCH : NEAR / 2);
  const lines = [];
  const label = layers.items.get("codes/label")?.target[over.code];
  if (label !== undefined) lines.push(fill(look.words.label, { label }));
  const x = decodedPoint(layers, over.place);
  if (x || touch) lines.push(placeSays(layers, look.words, over.place));
  if (x) lines.push(`x = ${vector(x)}`);
  const sheet = touch && look.sheets.of("decoder", layers);
  const paint = (canvas) => drawTile(sharpen(canvas, 112, 112), sheet, cellAt(layers, over.place), 0, 0, 112);
  return { lines, over, tile: sheet ? { paint } : null };
}

/** Where the decoder puts this place, if the data are points. */
export function decodedPoint(layers, place) {
  const item = layers.items.get("atlas/decoder");
  if (item?.shape.length !== 3) return null;
  const cell = cellAt(layers, place);
  return [item.target[2 * cell], item.target[2 * cell + 1]];
}
