// Pictures: small ones on a canvas of as many pixels as they have, and photographs.

import { clip, smooth } from "./pen.js";

/** A picture of bytes (high, wide[, 3]) on a canvas of as many pixels; CSS makes it larger. */
export function paintShaped(canvas, { shape: [high, wide], data }) {
  const channels = data.length / (high * wide);
  paintPixels(canvas, high, wide, (i) => [0, 1, 2].map((c) => data[i * channels + Math.min(c, channels - 1)]));
}

/** Pictures (n, high, wide[, 3]), one by one. */
export function onesOf({ shape: [n, ...shape], data }) {
  const length = data.length / n;
  return Array.from({ length: n }, (_, i) => ({ shape, data: data.subarray(i * length, (i + 1) * length) }));
}

/** `colour(i)` is [r, g, b] of pixel i, and its opacity if it has one. */
export function paintPixels(canvas, high, wide, colour) {
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const ctx = canvas.getContext("2d");
  const image = ctx.createImageData(wide, high);
  for (let i = 0; i < high * wide; i++) {
    const [r, g, b, opacity = 255] = colour(i);
    image.data.set([r, g, b, opacity], 4 * i);
  }
  ctx.putImageData(image, 0, 0);
}

/** What comes as text, as bytes. */
export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
}

/** A photograph (WebP, PNG or JPEG bytes) as a picture to draw, or null. */
export function decodePhoto(bytes) {
  return createImageBitmap(new Blob([bytes])).catch(() => null);
}

/** A picture in this rectangle, with round corners; smaller or larger than it is, smoothly. */
export function paintPhoto(ctx, area, photo) {
  clip(ctx, area);
  smooth(ctx);
  ctx.drawImage(photo, area.x, area.y, area.w, area.h);
  ctx.restore();
}

export function aspectOf(photo) {
  return photo.width / photo.height;
}

/** The largest rectangle of these proportions in the middle of an area. */
export function fitted(area, aspect) {
  const w = Math.min(area.w, area.h * aspect);
  const h = w / aspect;
  return { x: area.x + (area.w - w) / 2, y: area.y + (area.h - h) / 2, w, h };
}
