// Drawing inside a box: heat maps, paths, dots and arrows.

import { splitName } from "../core/names.js";
import { rgb } from "../core/palette.js";

export function paintField(ctx, item, map, look, name) {
  const [rows, columns] = item.shape;
  const stamp = `${item.version}${look.palette.name}`;
  if (item.painted !== stamp) {
    const ink = isOneSided(name, look) ? rgb(look.palette.roles[look.role(name)].ink) : null;
    item.cache = fieldImage(item, look, ink, look.bold ? 0.85 : ink ? 0.7 : undefined);
    item.painted = stamp;
  }
  // Values sit on the nodes of linspace(x0, x1): each end node is half a cell from its edge.
  const { area } = map;
  const w = (area.w * columns) / Math.max(1, columns - 1);
  const h = (area.h * rows) / Math.max(1, rows - 1);
  ctx.imageSmoothingEnabled = true;
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(item.cache, area.x - (w - area.w) / 2, area.y - (h - area.h) / 2, w, h);
}

/** Whether 0 is nothing, rather than one end of a scale with a neutral middle. */
function isOneSided(name, look) {
  const [kind, rest] = splitName(name);
  if (kind === "side") return rest !== "error";
  return look.role(name) === "truth" || /density|error/.test(name);
}

/** Neutral is transparent, so the middle of the scale is the page itself, in any theme. A field with a colour
 * of its own (`ink`) begins at nothing. It is pale, for points lie over it, unless `look.bold`. */
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
      const colour = ink ?? (away > 0 ? high : low);
      const at = 4 * ((rows - 1 - row) * columns + column);
      image.data[at] = colour[0];
      image.data[at + 1] = colour[1];
      image.data[at + 2] = colour[2];
      image.data[at + 3] = 255 * strongest * Math.min(1, Math.abs(away));
    }
  }
  ctx.putImageData(image, 0, 0);
  return canvas;
}

export function paintPoints(ctx, item, map, look, name) {
  const n = item.shape[0];
  const dot = dotImage(look.palette.roles[look.role(name)].ink, dotRadius(n, map), look.palette);
  const half = dot.size / 2;
  for (let i = 0; i < n; i++) {
    const x = map.x(item.values[2 * i]);
    const y = map.y(item.values[2 * i + 1]);
    if (Number.isFinite(x + y)) ctx.drawImage(dot.canvas, x - half, y - half, dot.size, dot.size);
  }
}

export function dotRadius(n, map) {
  return (n <= 300 ? 3.8 : n <= 1000 ? 3.1 : 2.4) * Math.min(1.15, Math.max(0.75, map.area.w / 480));
}

const dots = new Map();

/** One dot drawn once and stamped many times: faster than paths, and overlaps still show. */
export function dotImage(colour, radius, palette) {
  const ratio = window.devicePixelRatio || 1;
  const name = `${colour}${radius.toFixed(2)}${palette.background}${ratio}`;
  if (dots.has(name)) return dots.get(name);
  const size = 2 * (radius + 1.5);
  const canvas = new OffscreenCanvas(Math.ceil(size * ratio), Math.ceil(size * ratio));
  const ctx = canvas.getContext("2d");
  ctx.scale(canvas.width / size, canvas.height / size);
  ctx.arc(size / 2, size / 2, radius, 0, 2 * Math.PI);
  ctx.globalAlpha = 0.88;
  ctx.fillStyle = colour;
  ctx.fill();
  ctx.globalAlpha = 0.75;
  ctx.lineWidth = 0.8;
  ctx.strokeStyle = palette.background;
  ctx.stroke();
  if (dots.size > 60) dots.clear();
  const dot = { canvas, size };
  dots.set(name, dot);
  return dot;
}

/** Draw only inside a rectangle with round corners, until ctx.restore(). */
export function clipRound(ctx, { x, y, w, h }) {
  ctx.save();
  ctx.beginPath();
  ctx.roundRect(x, y, w, h, 6);
  ctx.clip();
}

export function stroke(ctx, look, name, width, alpha = 1) {
  ctx.strokeStyle = look.palette.roles[look.role(name)].ink;
  ctx.globalAlpha = alpha;
  ctx.lineWidth = width;
  ctx.lineJoin = ctx.lineCap = "round";
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** Add one polyline to the path: `length` points from number `first`, `stride` apart. */
export function trace(ctx, values, map, first, length, stride) {
  let pen = false;
  for (let i = 0; i < length; i++) {
    const at = 2 * (first + i * stride);
    const x = map.x(values[at]);
    const y = map.y(values[at + 1]);
    if (!Number.isFinite(x + y)) pen = false;
    else if (pen) ctx.lineTo(x, y);
    else {
      ctx.moveTo(x, y);
      pen = true;
    }
  }
}

export function paintPaths(ctx, item, map, look, name) {
  const [n, length] = item.shape;
  ctx.beginPath();
  for (let i = 0; i < n; i++) trace(ctx, item.values, map, i * length, length, 1);
  stroke(ctx, look, name, 1.2, n > 60 ? 0.35 : 0.6);
}

export function paintArrows(ctx, item, map, look, name) {
  ctx.beginPath();
  for (let i = 0; i < item.shape[0]; i++) {
    const [x, y, dx, dy] = item.values.subarray(4 * i, 4 * i + 4);
    arrow(ctx, map.x(x), map.y(y), map.x(x + dx), map.y(y + dy));
  }
  stroke(ctx, look, name, 1.6, 0.95);
}

export function arrow(ctx, x0, y0, x1, y1) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (!(length > 1)) return;
  const head = Math.min(6, 0.45 * length) / length;
  const [ux, uy] = [(x1 - x0) * head, (y1 - y0) * head];
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.moveTo(x1 - ux - 0.55 * uy, y1 - uy + 0.55 * ux);
  ctx.lineTo(x1, y1);
  ctx.lineTo(x1 - ux + 0.55 * uy, y1 - uy - 0.55 * ux);
}

export function disc(ctx, [x, y], radius, colour, rim) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  Object.assign(ctx, { fillStyle: colour, strokeStyle: rim, lineWidth: 1.5 });
  ctx.fill();
  ctx.stroke();
}
