// Pictures in a grid, with what D believes of each below it.

import { sharpen } from "../core/dom.js";
import { splitName } from "../core/names.js";
import { clamp } from "../core/numbers.js";
import { hex } from "../core/palette.js";
import { lettering, smooth } from "./pen.js";

const FOOT = 14; // px for a number below a picture
const FOOT_BAR = 5; // px for a bar, where pictures are too small for numbers
const WIDE_ENOUGH = 34; // px

/** D's belief of each of these pictures, if it was sent. */
export function scoreOf(name, layers) {
  return layers.items.get(`score/${splitName(name)[1]}`);
}

export function shownScore(name, layers, look) {
  return look.isOff(`score/${splitName(name)[1]}`) ? undefined : scoreOf(name, layers);
}

/** N pictures in a near-square grid: their size on the canvas and where each one lies. */
export function tileGrid(item, area, score) {
  if (!score) return gridWith(item, area, 0);
  const numbered = gridWith(item, area, FOOT);
  return numbered.w >= WIDE_ENOUGH ? numbered : gridWith(item, area, FOOT_BAR);
}

export function gridColumns({ shape: [n, high, wide], columns }) {
  return columns ?? Math.ceil(Math.sqrt((n * high) / wide) - 1e-9);
}

function gridWith(item, area, foot) {
  const [n, high, wide] = item.shape;
  const columns = gridColumns(item);
  const rows = Math.ceil(n / columns);
  const gap = n === 1 ? 0 : n <= 36 ? 4 : 2;
  const scale = Math.min((area.w - gap * (columns - 1)) / (columns * wide), (area.h - gap * (rows - 1) - foot * rows) / (rows * high));
  const [w, h] = [wide * scale, high * scale];
  const left = area.x + (area.w - columns * w - gap * (columns - 1)) / 2;
  const top = area.y + (area.h - rows * (h + foot) - gap * (rows - 1)) / 2;
  const x = (i) => left + (i % columns) * (w + gap);
  const y = (i) => top + Math.floor(i / columns) * (h + foot + gap);
  return { n, columns, wide, high, w, h, foot, scale, x, y };
}

export function tileAt(grid, px, py) {
  for (let i = 0; i < grid.n; i++) {
    const [x, y] = [px - grid.x(i), py - grid.y(i)];
    if (x >= 0 && x <= grid.w && y >= 0 && y <= grid.h + grid.foot) return i;
  }
  return -1;
}

export function paintImages(ctx, item, area, look, score) {
  if (!item.shape[0]) return;
  const grid = tileGrid(item, area, score);
  smooth(ctx, grid.scale * (window.devicePixelRatio || 1) < 1);
  const atlas = atlasOf(item);
  for (let i = 0; i < grid.n; i++) {
    ctx.drawImage(atlas, 0, i * grid.high, grid.wide, grid.high, grid.x(i), grid.y(i), grid.w, grid.h);
  }
  for (let i = 0; i < (score ? grid.n : 0); i++) paintScore(ctx, grid, i, score.values[i], look.palette);
}

/** A number like .87; or a bar that is full, and blue, where D takes the picture for real. */
function paintScore(ctx, grid, i, belief, palette) {
  const [x, y] = [grid.x(i), grid.y(i) + grid.h];
  if (grid.foot === FOOT) {
    lettering(ctx, palette, "12px", "center");
    ctx.fillText(belief >= 0.995 ? "1.0" : belief.toFixed(2).slice(1), x + grid.w / 2, y + 11);
    return;
  }
  ctx.fillStyle = palette.faint;
  ctx.fillRect(x, y + 1, grid.w, 3);
  ctx.fillStyle = hex(palette.fieldEnds[belief >= 0.5 ? 1 : 0]);
  ctx.fillRect(x, y + 1, grid.w * clamp(belief, 0, 1), 3);
}

/** One picture, enlarged by a whole number so that its pixels stay square. */
export function enlarge(canvas, { item, index }) {
  const [, high, wide] = item.shape;
  const times = Math.max(1, Math.round(112 / Math.max(high, wide)));
  const ctx = sharpen(canvas, wide * times, high * times);
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(atlasOf(item), 0, index * high, wide, high, 0, 0, wide * times, high * times);
}

/** All pictures below one another on one offscreen canvas, made anew when they change. */
function atlasOf(item) {
  if (item.painted !== item.version) Object.assign(item, { cache: imageAtlas(item), painted: item.version });
  return item.cache;
}

export function imageAtlas(item) {
  const [n, high, wide, channels = 1] = item.shape;
  const canvas = new OffscreenCanvas(wide, n * high);
  const ctx = canvas.getContext("2d");
  const image = ctx.createImageData(wide, n * high);
  const scale = item.eight ? 1 : 255;
  for (let i = 0; i < n * high * wide; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = scale * item.values[i * channels + Math.min(c, channels - 1)];
    image.data[4 * i + 3] = 255;
  }
  ctx.putImageData(image, 0, 0);
  return canvas;
}
