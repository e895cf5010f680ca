// The latent plane: what is decoded of it as a faint grid, the prior's circles, the codes, and the hand in it.

import { clamp } from "../core/numbers.js";
import { labelColour } from "../core/palette.js";
import { drawFrame } from "../draw/axes.js";
import { clip, disc, dotImage, haloed, lettering, marker, polyline, ring, stamp, stroke } from "../draw/pen.js";
import { axisNames, isLine, planeMap } from "./latent.js";
import { drawTile } from "./sheets.js";

const GRID_TILE = 27; // px, about, of a tile of the grid picture
const GRID_INK = 0.55; // opacity

export function paintPlane(ctx, panel, layers, look) {
  const map = planeMap(panel, layers);
  if (!map) return;
  const { area } = map;
  clip(ctx, area);
  if (!look.isOff("atlas/decoder")) paintGridPicture(ctx, map, layers, look);
  if (!look.isOff("circle/prior")) paintCircles(ctx, map, layers.items.get("circle/prior"), look);
  if (!look.isOff("codes/test")) paintCodes(ctx, map, layers, look);
  paintHand(ctx, map, layers, look);
  ctx.restore();
  drawFrame(ctx, isLine(layers) ? { ...map, box: [map.box[0], map.box[1], 0, 0] } : map, look);
  paintAxisNames(ctx, map, axisNames(layers, look.words), look);
}

/** Every n-th tile of the atlas where it belongs, so large that it can be seen: the lecture's picture. */
function paintGridPicture(ctx, map, layers, look) {
  const sheet = look.sheets.of("decoder", layers);
  if (!sheet) return;
  const { area } = map;
  const stamp = `${area.w} ${area.h} ${look.palette.name}`;
  if (sheet.stamp !== stamp) {
    const grey = layers.entries("images").every(([, item]) => item.shape.length === 3);
    sheet.grid = gridPicture(sheet, area, grey ? look.palette.textRgb : null);
    sheet.stamp = stamp;
  }
  ctx.globalAlpha = GRID_INK;
  ctx.drawImage(sheet.grid, area.x, area.y, area.w, area.h);
  ctx.globalAlpha = 1;
}

/** Grey pictures are drawn in ink on the page itself: a dark square would hide what lies on it. */
function gridPicture(sheet, area, ink) {
  const ratio = window.devicePixelRatio || 1;
  const canvas = new OffscreenCanvas(Math.round(area.w * ratio), Math.round(area.h * ratio));
  const ctx = canvas.getContext("2d", { willReadFrequently: true });
  ctx.scale(canvas.width / area.w, canvas.height / area.h);
  const { rows, columns } = sheet;
  const [wide, high] = [area.w / columns, rows > 1 ? area.h / rows : area.w / columns];
  const every = Math.max(1, Math.round(GRID_TILE / wide));
  const side = every * wide;
  const first = (n) => Math.floor(((n - 1) % every) / 2); // the same margin at both ends
  for (let row = first(rows); row < rows; row += every) {
    for (let column = first(columns); column < columns; column += every) {
      const y = rows > 1 ? (row + 0.5) * high - side / 2 : 0;
      drawTile(ctx, sheet, row * columns + column, (column + 0.5) * wide - side / 2, y, side);
    }
  }
  if (!ink) return canvas;
  const image = ctx.getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < image.data.length; at += 4) {
    const light = image.data[at + 1] * (image.data[at + 3] / 255);
    image.data.set(ink, at);
    image.data[at + 3] = light;
  }
  ctx.putImageData(image, 0, 0);
  return canvas;
}

/** 1, 2 and 3 standard deviations of the prior: the further, the fainter. */
function paintCircles(ctx, map, item, look) {
  for (let i = 0; i < (item?.shape[0] ?? 0); i++) {
    const [x, y, rx, ry] = item.values.slice(4 * i, 4 * i + 4);
    ctx.beginPath();
    if (ry > 0) ctx.ellipse(map.x(x), map.y(y), map.x(x + rx) - map.x(x), map.y(y) - map.y(y + ry), 0, 0, 2 * Math.PI);
    else {
      for (const at of [x - rx, x + rx]) {
        ctx.moveTo(map.x(at), map.area.y);
        ctx.lineTo(map.x(at), map.area.y + map.area.h);
      }
    }
    stroke(ctx, look, "circle/prior", 2, 1 - 0.28 * i);
  }
}

function paintCodes(ctx, map, layers, look) {
  const codes = layers.items.get("codes/test");
  const labels = layers.items.get("codes/label")?.target;
  const radius = clamp(map.area.w / 130, 2.6, 3.6);
  const dots = new Map();
  for (let i = 0; i < (codes?.shape[0] ?? 0); i++) {
    const label = labels ? labels[i] % 10 : -1;
    if (!dots.has(label)) dots.set(label, look.isOff(`codes/test/${label}`) ? null : dotImage(labelColour(look.palette, label), radius, look.palette));
    if (dots.get(label)) stamp(ctx, dots.get(label), map.x(codes.values[2 * i]), map.y(codes.values[2 * i + 1]));
  }
}

/** The way walked, the z that is held, the z under the pointer, and the posterior of a code. */
function paintHand(ctx, map, layers, look) {
  const { hand, palette } = look;
  const at = (place) => [map.x(place[0]), map.y(place[1])];
  polyline(ctx, hand.path.map(at), palette.text, 2);
  for (const one of hand.path) disc(ctx, at(one), 2.5, palette.text, palette.background);
  const { code } = hand.now();
  if (code >= 0 && layers.items.has("codes/spread")) paintPosterior(ctx, map, layers, code, palette);
  if (hand.held) marker(ctx, at(hand.held.place), palette);
  if (hand.over) ring(ctx, at(hand.over.place), 7, palette.text, 1.5);
}

/** One and two standard deviations of q(z | x), from its covariance in the plane. */
function paintPosterior(ctx, map, layers, code, palette) {
  const [x, y] = layers.items.get("codes/test").values.slice(2 * code, 2 * code + 2);
  const [across, both, up] = layers.items.get("codes/spread").values.slice(3 * code, 3 * code + 3);
  const a = Math.sqrt(Math.max(0, across));
  const b = a > 0 ? both / a : 0;
  const c = Math.sqrt(Math.max(0, up - b * b));
  const label = layers.items.get("codes/label")?.target[code] ?? -1;
  for (const [times, fill] of [[2, 0.12], [1, 0.25]]) {
    ctx.beginPath();
    for (let i = 0; i <= 48; i++) {
      const [cos, sin] = [Math.cos((i * Math.PI) / 24), Math.sin((i * Math.PI) / 24)];
      ctx.lineTo(map.x(x + times * a * cos), map.y(y + times * (b * cos + c * sin)));
    }
    Object.assign(ctx, { fillStyle: labelColour(palette, label), strokeStyle: palette.text, lineWidth: 1.5, globalAlpha: fill });
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.stroke();
  }
  disc(ctx, [map.x(x), map.y(y)], 4, labelColour(palette, label), palette.text);
}

function paintAxisNames(ctx, map, [across, up], look) {
  const { area } = map;
  const { palette } = look;
  lettering(ctx, palette, "italic 13px", "right");
  if (across) haloed(ctx, palette, across, area.x + area.w - 8, area.y + area.h - 9, palette.text);
  ctx.textAlign = "left";
  if (up) haloed(ctx, palette, up, area.x + 9, area.y + 17, palette.text);
}
