// One screen of a film: a canvas that shows a part of each frame, with the chosen picture large or all in a grid.

import { make, placeOn, sharpen } from "../core/dom.js";
import { ARROWS } from "../core/keys.js";
import { splitName } from "../core/names.js";
import { clamp, signed } from "../core/numbers.js";
import { labelColour } from "../core/palette.js";
import { drawFrame, paintEmpty } from "../draw/axes.js";
import { mapping } from "../draw/box.js";
import { paintDensity } from "../draw/density.js";
import { paintArrows, paintField, paintPoints } from "../draw/draw.js";
import { isEight, Layers } from "../draw/layers.js";
import { paintMesh } from "../draw/mesh.js";
import { clip, lettering, pen, polyline, rule } from "../draw/pen.js";
import { gridColumns, paintImages, tileAt, tileGrid } from "../draw/tiles.js";
import { paintLine } from "../world/graph.js";

const PATHS = { x_t: 60, chain: 16, h: 16 }; // screens of points that travel, and how many have their path drawn
const HIST = 58; // px, height of a histogram
const HIST_TOP = 0.62; // density at its upper edge; N(0, 1) reaches 0.4
const HIST_REACH = 4; // it shows [-4, 4]

/** The arrays of a frame, screen by screen: {x_t: Map("points/model" -> array)}; those under all frames are "still". */
export function splitScreens(arrays) {
  const screens = { still: {} };
  for (const [name, array] of arrays) {
    const still = name.startsWith("still/");
    const [screen, rest] = name.startsWith("hist/") ? [name.slice(5), "hist"] : splitName(still ? name.slice(6) : name);
    const into = still ? screens.still : screens;
    (into[screen] ??= new Map()).set(rest, array);
  }
  return screens;
}

/** Part of the way from one array to the next of its kind; what cannot move so stays until the next. */
export function partWay(name, array, next, share) {
  const jumps = isEight(array) && splitName(name)[0] !== "field";
  if (!share || !next || jumps || next.data.length !== array.data.length) return array;
  const data = new (isEight(array) ? Uint8Array : Float32Array)(array.data.length);
  for (let i = 0; i < data.length; i++) data[i] = array.data[i] + (next.data[i] - array.data[i]) * share;
  return { shape: array.shape, data };
}

export class FilmScreen {
  /** `name` of the arrays; with `choose(index)` it shows all pictures and lets one be chosen. */
  constructor(name, choose) {
    Object.assign(this, { name, choose });
    this.layers = new Layers();
    this.canvas = make("canvas", { role: "img", class: "canvas", tabindex: choose ? 0 : null, "data-testid": choose ? "film-grid" : `film-screen-${name}` });
    this.caption = make("figcaption", {});
    this.element = make("figure", { class: "film-screen" }, this.caption, this.canvas);
    this.canvas.addEventListener("click", (event) => {
      const index = this.grid ? tileAt(this.grid, ...placeOn(this.canvas, event)) : -1;
      if (index >= 0) this.choose(index);
    });
  }

  /** The keyboard's way through the grid. */
  step(key) {
    const [dx, dy] = ARROWS[key];
    const { n, columns } = this.grid;
    const index = this.chosen + dx - dy * columns;
    if (index < 0 || index >= n) return;
    this.chosen = index; // the next key may come before it is drawn
    this.choose(index);
  }

  /** Put on what the film `row` has at `at` = {i, share}. */
  put(row, at) {
    const { parts } = row;
    const [now, next] = [parts[at.i], parts[at.i + 1]].map((part) => part?.screens[this.name]);
    const arrays = new Map(row.still[this.name]);
    for (const [name, array] of now ?? []) arrays.set(name, partWay(name, array, next?.get(name), at.share));
    this.layers.show(arrays, 0, 0);
    for (const [, item] of this.layers.entries("images")) item.columns = row.columns;
    this.way = { parts, at };
    this.still = row.still[this.name];
  }

  /** `look`: what painters need to know, and `chosen`, the number of the large picture, or null. */
  draw(look, box) {
    const width = this.element.clientWidth;
    if (!width) return;
    look = { ...look, bold: !this.layers.entries("points").length, role: (name) => look.roleOn(this.name, name), isOff: (name) => look.isOffOn(this.name, name) };
    const { items } = this.layers;
    const [images] = this.layers.entries("images");
    const hist = items.get("hist");
    const high = Math.round(width / (images ? pictureAspect(images[1], this.choose ? null : look.chosen) : clamp((box[1] - box[0]) / (box[3] - box[2]), 0.6, 1.8)));
    const ctx = sharpen(this.canvas, width, high + (hist ? HIST : 0));
    const area = { x: 0, y: 0, w: width, h: high };
    if (!items.size) paintEmpty(ctx, area, look);
    else if (images) this.drawImages(ctx, images[1], area, look);
    else this.drawWorld(ctx, mapping(box, area), look);
    if (hist) paintHist(ctx, hist, { x: 0, y: high + 8, w: width, h: HIST - 8 }, look);
  }

  drawImages(ctx, item, area, look) {
    const chosen = Math.min(look.chosen ?? 0, item.shape[0] - 1); // another row, or this one before, may have more
    if (!this.choose) return paintImages(ctx, look.chosen === null ? item : oneOf(item, chosen), area, look);
    paintImages(ctx, item, area, look);
    const grid = tileGrid(item, area);
    Object.assign(this, { grid, chosen });
    for (const [colour, width] of [[look.palette.background, 5], [look.palette.roles.model.ink, 3]]) {
      pen(ctx, colour, width);
      ctx.strokeRect(grid.x(chosen) - 1, grid.y(chosen) - 1, grid.w + 2, grid.h + 2);
    }
  }

  drawWorld(ctx, map, look) {
    const { area } = map;
    const entries = (kind) => this.layers.entries(kind).filter(([name]) => !look.isOff(name));
    const still = (name) => this.still?.has(name);
    clip(ctx, area);
    for (const [name, item] of entries("field")) paintField(ctx, item, map, look, name);
    for (const [name, item] of entries("points")) if (still(name)) paintPoints(ctx, item, map, look, name);
    for (const [name, item] of entries("mesh")) paintMesh(ctx, item, map, look, name);
    for (const [name, item] of entries("line")) paintLine(ctx, item, map, look, name);
    for (const [name, item] of entries("points")) if (!still(name)) this.drawCloud(ctx, item, map, look, name);
    for (const [name, item] of entries("arrows")) paintArrows(ctx, item, map, look, name);
    ctx.restore();
    drawFrame(ctx, map, look);
  }

  /** The points that move: as they are, coloured by class if they have one, or their density. */
  drawCloud(ctx, item, map, look, name) {
    const labels = this.layers.items.get("label")?.target;
    const colours = labels?.length === item.shape[0] ? labels : null;
    if (!look.isOff("paths") && PATHS[this.name]) this.drawPaths(ctx, item, map, look, name, colours);
    if (look.smooth) paintDensity(ctx, item, map, look, name);
    else paintPoints(ctx, item, map, look, name, colours);
  }

  /** The way of some of the points through the frames up to now. */
  drawPaths(ctx, item, map, look, name, labels) {
    const { parts, at } = this.way;
    const n = item.shape[0];
    const before = parts.slice(0, at.i + 1).map((part) => part.screens[this.name]?.get(name)?.data).filter((data) => data?.length === 2 * n);
    const every = Math.max(1, Math.ceil(n / PATHS[this.name]));
    ctx.globalAlpha = 0.45;
    for (let i = 0; i < n; i += every) {
      const way = [...before, item.values].map((data) => [map.x(data[2 * i]), map.y(data[2 * i + 1])]);
      const ink = labels ? labelColour(look.palette, labels[i] % 10) : look.palette.roles[look.role(name)].ink;
      polyline(ctx, way, ink, 1);
    }
    ctx.globalAlpha = 1;
  }
}

/** Width over height: one picture has its own, all of them that of the grid. */
function pictureAspect(item, chosen) {
  const [n, high, wide] = item.shape;
  if (chosen !== null) return wide / high;
  const columns = gridColumns(item);
  return (columns * wide) / (Math.ceil(n / columns) * high);
}

/** One picture of many, kept so that its pixels are prepared once. */
function oneOf(item, index) {
  const length = item.values.length / item.shape[0];
  const stamp = `${item.version} ${index}`;
  if (item.oneStamp !== stamp) {
    item.one = { shape: [1, ...item.shape.slice(1)], values: item.values.subarray(index * length, (index + 1) * length), eight: item.eight, version: stamp };
    item.oneStamp = stamp;
  }
  return item.one;
}

/** How the numbers of x are spread, under the normal density that they come to. */
function paintHist(ctx, item, area, look) {
  const counts = item.target;
  const total = counts.reduce((a, b) => a + b, 0) || 1;
  const wide = (2 * HIST_REACH) / counts.length;
  const map = mapping([-HIST_REACH, HIST_REACH, 0, HIST_TOP], { ...area, h: area.h - 16 });
  clip(ctx, map.area, 0);
  ctx.fillStyle = look.palette.roles[look.role("hist")].ink;
  ctx.globalAlpha = 0.6;
  counts.forEach((count, i) => {
    const [left, top] = [map.x(-HIST_REACH + i * wide), map.y(count / total / wide)];
    ctx.fillRect(left, top, Math.max(1, map.x(-HIST_REACH + (i + 1) * wide) - left - 0.5), map.y(0) - top);
  });
  ctx.globalAlpha = 1;
  const normal = Array.from({ length: 20 * HIST_REACH }, (_, i) => i / 10 - HIST_REACH);
  const density = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  polyline(ctx, normal.map((x) => [map.x(x), map.y(density(x))]), look.palette.text, 1.5, "miter");
  ctx.restore();
  pen(ctx, look.palette.muted, 1);
  rule(ctx, area.x, map.y(0), area.x + area.w, map.y(0));
  lettering(ctx, look.palette, "12px", "center", "alphabetic", look.palette.muted);
  for (const x of [-2, 0, 2]) ctx.fillText(signed(String(x)), map.x(x), area.y + area.h - 3);
}
