// The pen: what all painters do on a canvas. Lines, letters, and where they may lie.

import { clamp } from "../core/numbers.js";

/** The lines to come. */
export function pen(ctx, strokeStyle, lineWidth) {
  Object.assign(ctx, { strokeStyle, lineWidth });
}

/** The letters to come: `font` is their weight and size. */
export function lettering(ctx, palette, font, textAlign, textBaseline = "alphabetic", fillStyle = palette.text) {
  Object.assign(ctx, { font: `${font} ${palette.font}`, textAlign, textBaseline, fillStyle });
}

/** Draw only inside a rectangle with round corners, until ctx.restore(). */
export function clip(ctx, { x, y, w, h }, corner = 6) {
  ctx.save();
  ctx.beginPath();
  ctx.roundRect(x, y, w, h, corner);
  ctx.clip();
}

/** A thin frame just inside a rectangle. */
export function outline(ctx, { x, y, w, h }, colour, corner = 6) {
  pen(ctx, colour, 1);
  ctx.beginPath();
  ctx.roundRect(x + 0.5, y + 0.5, w - 1, h - 1, corner);
  ctx.stroke();
}

export function rule(ctx, x0, y0, x1, y1) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

/** A line through places [x, y] of the canvas. */
export function polyline(ctx, places, colour, width, lineJoin = "round") {
  Object.assign(ctx, { strokeStyle: colour, lineWidth: width, lineJoin });
  ctx.beginPath();
  for (const [x, y] of places) ctx.lineTo(x, y);
  ctx.stroke();
}

/** Stroke the path in the colour of this layer. */
export function stroke(ctx, look, name, width, alpha = 1) {
  pen(ctx, look.palette.roles[look.role(name)].ink, width);
  ctx.globalAlpha = alpha;
  ctx.lineJoin = ctx.lineCap = "round";
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** Add one polyline to the path: `length` points of the world from number `first`, `stride` apart. */
export function trace(ctx, values, map, first, length, stride) {
  let down = false;
  for (let i = 0; i < length; i++) {
    const at = 2 * (first + i * stride);
    const [x, y] = [map.x(values[at]), map.y(values[at + 1])];
    const seen = Number.isFinite(x + y);
    if (seen && down) ctx.lineTo(x, y);
    else if (seen) ctx.moveTo(x, y);
    down = seen;
  }
}

/** Add an arrow to the path. */
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

export function ring(ctx, [x, y], radius, colour, width) {
  pen(ctx, colour, width);
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.stroke();
}

export function disc(ctx, [x, y], radius, colour, rim) {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  Object.assign(ctx, { fillStyle: colour, strokeStyle: rim, lineWidth: 1.5 });
  ctx.fill();
  ctx.stroke();
}

/** A place that is held. */
export function marker(ctx, at, palette) {
  disc(ctx, at, 7, palette.background, palette.text);
  disc(ctx, at, 3.5, palette.roles.latent.ink, palette.text);
}

/** Text with a rim of the page's colour, legible over lines and heat maps. */
export function haloed(ctx, palette, text, x, y, colour) {
  ctx.lineJoin = "round";
  pen(ctx, palette.background, 3);
  ctx.globalAlpha = 0.75;
  ctx.strokeText(text, x, y);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

/** Pictures to come are smoothed. */
export function smooth(ctx, smoothed = true) {
  Object.assign(ctx, { imageSmoothingEnabled: smoothed, imageSmoothingQuality: "high" });
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
  Object.assign(ctx, { globalAlpha: 0.88, fillStyle: colour });
  ctx.fill();
  pen(ctx, palette.background, 0.8);
  ctx.globalAlpha = 0.75;
  ctx.stroke();
  if (dots.size > 60) dots.clear();
  dots.set(name, { canvas, size });
  return dots.get(name);
}

/** Stamp a dot at a place of the canvas. */
export function stamp(ctx, { canvas, size }, x, y) {
  if (Number.isFinite(x + y)) ctx.drawImage(canvas, x - size / 2, y - size / 2, size, size);
}

export function dotRadius(n, map) {
  return (n <= 300 ? 3.8 : n <= 1000 ? 3.1 : 2.4) * clamp(map.area.w / 480, 0.75, 1.15);
}
