// Layers of a world: heat maps, dots, paths and arrows.

import { splitName } from "../core/names.js";
import { rgb } from "../core/palette.js";
import { arrow, dotImage, dotRadius, smooth, stamp, stroke, trace } from "./pen.js";

const RESTING = 0.18; // how strong ways are where they have led to: samples lie at their ends

export function paintField(ctx, item, map, look, name) {
  const [rows, columns] = item.shape;
  const key = `${item.version}${look.palette.name}`;
  if (item.painted !== key) {
    const ink = isOneSided(name, look) ? rgb(look.palette.roles[look.role(name)].ink) : null;
    item.cache = fieldImage(item, look, ink, look.bold ? 0.85 : ink ? 0.7 : undefined);
    item.painted = key;
  }
  // Values sit on the nodes of linspace(x0, x1): each end node is half a cell from its edge.
  const { area } = map;
  const w = (area.w * columns) / Math.max(1, columns - 1);
  const h = (area.h * rows) / Math.max(1, rows - 1);
  smooth(ctx);
  ctx.drawImage(item.cache, area.x - (w - area.w) / 2, area.y - (h - area.h) / 2, w, h);
}

/** Whether 0 is nothing, rather than one end of a scale with a neutral middle. */
function isOneSided(name, look) {
  const [kind, rest] = splitName(name);
  if (kind === "side") return rest !== "error";
  return look.role(name) === "truth" || /density|error/.test(name);
}

/** Neutral is transparent, so the middle of the scale is the page itself, in any theme. A field with a colour of its
 * own (`ink`) begins at nothing. It is pale, because points lie over it, unless `strongest` says otherwise. */
export function fieldImage(item, look, ink, strongest = look.palette.mood === "dark" ? 0.6 : 0.5) {
  const [rows, columns] = item.shape;
  const reuse = item.cache?.width === columns && item.cache?.height === rows;
  const canvas = reuse ? item.cache : new OffscreenCanvas(columns, rows);
  const ctx = canvas.getContext("2d");
  const image = ctx.createImageData(columns, rows);
  const [low, high] = look.palette.fieldEnds;
  const scale = item.eight ? 1 / 255 : 1;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = item.values[row * columns + column] * scale;
      const away = ink ? value : 2 * value - 1;
      const at = 4 * ((rows - 1 - row) * columns + column);
      const colour = ink ?? (away > 0 ? high : low);
      image.data[at] = colour[0];
      image.data[at + 1] = colour[1];
      image.data[at + 2] = colour[2];
      image.data[at + 3] = 255 * strongest * Math.min(1, Math.abs(away));
    }
  }
  ctx.putImageData(image, 0, 0);
  return canvas;
}

/** Dots in the colour of the layer, or of each one's label. */
export function paintPoints(ctx, item, map, { palette, role }, name, labels) {
  const radius = dotRadius(item.shape[0], map);
  const colours = labels ? palette.labels : [palette.roles[role(name)].ink];
  const dots = colours.map((colour) => dotImage(colour, radius, palette));
  for (let i = 0; i < item.shape[0]; i++) {
    stamp(ctx, dots[labels ? labels[i] % 10 : 0], map.x(item.values[2 * i]), map.y(item.values[2 * i + 1]));
  }
}

export function paintPaths(ctx, item, map, look, name) {
  const [n, length] = item.shape;
  ctx.beginPath();
  for (let i = 0; i < n; i++) trace(ctx, item.values, map, i * length, length, 1);
  stroke(ctx, look, name, 1.2, look.rests ? RESTING : n > 60 ? 0.35 : 0.6);
}

export function paintArrows(ctx, item, map, look, name) {
  ctx.beginPath();
  traceArrows(ctx, item.values, map, item.shape[0], 1);
  stroke(ctx, look, name, 1.6, 0.95);
}

/** Add arrows [x, y, dx, dy] to the path, each `every`-th of n. */
export function traceArrows(ctx, values, map, n, every) {
  for (let i = 0; i < n; i += every) {
    const [x, y, dx, dy] = values.subarray(4 * i, 4 * i + 4);
    arrow(ctx, map.x(x), map.y(y), map.x(x + dx), map.y(y + dy));
  }
}
