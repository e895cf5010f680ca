// Thumbnails: any array as a small picture. The graph, slow motion and the strip share them.

import { sharpen } from "../core/dom.js";
import { splitName } from "../core/names.js";
import { clamp, short } from "../core/numbers.js";
import { rgb } from "../core/palette.js";
import { mapping } from "./box.js";
import { traceArrows } from "./draw.js";
import { clip, lettering, pen, rule, trace } from "./pen.js";
import { aspectOf, decodePhoto, fitted, paintPhoto, paintPixels } from "./pixels.js";
import { paintImages } from "./tiles.js";

const THUMB_TILES = 9;
const THUMB_BINS = 24;
const LATENT_BOX = [-3, 3, -3, 3];

/** How to draw an array, from its name and its shape. */
function thumbKind(name, { shape, data }) {
  const [kind] = splitName(name);
  if (["line", "mesh", "arrows", "photo"].includes(kind)) return kind;
  if (data instanceof Uint8Array) return shape.length > 2 ? "tiles" : "none";
  if (shape.length === 1 || shape[1] === 1) return "histogram";
  if (shape.length === 2) return shape[1] === 2 ? "points" : "heat";
  return "none";
}

/** Draw layers [{name, array, role}] over one another on a canvas of w x h CSS pixels; `look` has palette and box.
 * A layer that cannot share the canvas with the first is left out. */
export function paintThumb(canvas, w, h, layers, look) {
  const kinds = layers.map((one) => thumbKind(one.name, one.array));
  if (kinds[0] === "photo") return thumbPhoto(canvas, w, h, layers[0].array.data);
  const ctx = sharpen(canvas, w, h);
  const area = { x: 1, y: 1, w: w - 2, h: h - 2 };
  clip(ctx, { x: 0, y: 0, w, h }, 0);
  if (kinds[0] === "histogram") thumbHistograms(ctx, area, layers.filter((one, i) => kinds[i] === "histogram"), look);
  else if (kinds[0] === "tiles") paintImages(ctx, firstImages(layers[0].array, THUMB_TILES), area);
  else if (kinds[0] === "heat") thumbHeat(ctx, area, layers[0], look);
  else {
    layers.forEach((one, i) => {
      const box = one.role === "latent" ? LATENT_BOX : look.box;
      if (box && THUMB_PAINTERS[kinds[i]]) thumbWorld(ctx, thumbMap(box, area), one, look, THUMB_PAINTERS[kinds[i]]);
    });
  }
  ctx.restore();
}

/** A plane keeps its proportions; a graph fills what room there is. */
function thumbMap(box, area) {
  const [wide, high] = [box[1] - box[0], box[3] - box[2]];
  if (wide < 0.4 * high || wide > 2.5 * high) return mapping(box, area);
  return mapping(box, fitted(area, wide / high));
}

function thumbWorld(ctx, map, one, look, paint) {
  clip(ctx, map.area, 0);
  ctx.strokeStyle = ctx.fillStyle = look.palette.roles[one.role].ink;
  ctx.lineWidth = 1;
  ctx.beginPath();
  paint(ctx, map, one.array);
  ctx.restore();
}

const THUMB_PAINTERS = {
  points(ctx, map, { shape, data }) {
    const r = shape[0] > 200 ? 0.9 : 1.3;
    ctx.globalAlpha = 0.75;
    for (let i = 0; i < shape[0]; i++) {
      const [x, y] = [map.x(data[2 * i]), map.y(data[2 * i + 1])];
      if (!Number.isFinite(x + y)) continue;
      ctx.moveTo(x + r, y);
      ctx.arc(x, y, r, 0, 2 * Math.PI);
    }
    ctx.fill();
    ctx.globalAlpha = 1;
  },
  line(ctx, map, { shape, data }) {
    trace(ctx, data, map, 0, shape[0], 1);
    ctx.lineWidth = 1.6;
    ctx.stroke();
  },
  mesh(ctx, map, { shape: [rows, columns], data }) {
    for (let row = 0; row < rows; row += 2) trace(ctx, data, map, row * columns, columns, 1);
    for (let column = 0; column < columns; column += 2) trace(ctx, data, map, column, rows, columns);
    ctx.lineWidth = 0.7;
    ctx.stroke();
  },
  arrows(ctx, map, { shape, data }) {
    traceArrows(ctx, data, map, shape[0], Math.ceil(shape[0] / 60));
    ctx.stroke();
  },
};

/** Ends of a histogram's axis: [0, 1] for what may be probabilities, else what the values reach. */
function thumbRange(layers) {
  const all = layers.flatMap(({ array }) => [...array.data]).filter((value) => !Number.isNaN(value));
  const [low, high] = [all.reduce((a, b) => Math.min(a, b), Infinity), all.reduce((a, b) => Math.max(a, b), -Infinity)];
  if (low >= 0 && high <= 1) return [0, 1];
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

function thumbHistograms(ctx, area, layers, look) {
  const [low, high] = thumbRange(layers);
  const floor = area.y + area.h - 13;
  const step = area.w / THUMB_BINS;
  ctx.globalAlpha = layers.length > 1 ? 0.7 : 1;
  for (const { array, role } of layers) {
    const bins = new Float32Array(THUMB_BINS);
    for (const value of array.data) {
      if (Number.isFinite(value)) bins[clamp(Math.floor(((value - low) / (high - low)) * THUMB_BINS), 0, THUMB_BINS - 1)] += 1;
    }
    const most = Math.max(...bins, 1);
    ctx.fillStyle = look.palette.roles[role].ink;
    bins.forEach((n, i) => {
      const high = (n / most) * (floor - area.y - 2);
      ctx.fillRect(area.x + i * step, floor - high, Math.max(1, step - 0.5), high);
    });
  }
  ctx.globalAlpha = 1;
  pen(ctx, look.palette.muted, 1);
  rule(ctx, area.x, floor + 0.5, area.x + area.w, floor + 0.5);
  lettering(ctx, look.palette, "11px", "left", "alphabetic", look.palette.muted);
  ctx.fillText(short(low), area.x + 1, area.y + area.h - 1);
  ctx.textAlign = "right";
  ctx.fillText(short(high), area.x + area.w - 1, area.y + area.h - 1);
}

/** The first few of an array of pictures, as one that `paintImages` can draw. */
export function firstImages({ shape, data }, most) {
  const [n, ...rest] = shape;
  const kept = Math.min(n, most);
  const values = data.subarray(0, (kept * data.length) / n);
  return { shape: [kept, ...rest], values, eight: data instanceof Uint8Array, version: 1, painted: 0 };
}

/** A photograph must be read first; the old picture stays until then. */
async function thumbPhoto(canvas, w, h, bytes) {
  if (!canvas.bytes) sharpen(canvas, w, h);
  canvas.bytes = bytes;
  const photo = await decodePhoto(bytes);
  if (photo && canvas.bytes === bytes) paintPhoto(sharpen(canvas, w, h), fitted({ x: 0, y: 0, w, h }, aspectOf(photo)), photo);
  photo?.close();
}

/** Rows are examples, columns coordinates: empty at zero, fuller the further from it. */
function thumbHeat(ctx, area, { array, role }, look) {
  const [rows, columns] = array.shape;
  const colours = [rgb(look.palette.roles[role].ink), look.palette.textRgb];
  const most = array.data.reduce((so, value) => Math.max(so, Math.abs(value) || 0), 1e-9);
  const canvas = new OffscreenCanvas(columns, rows);
  const ink = (value) => [...colours[value < 0 ? 1 : 0], 255 * (Math.abs(value) / most)];
  paintPixels(canvas, rows, columns, (i) => ink(array.data[i]));
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(canvas, area.x, area.y, area.w, area.h);
}
