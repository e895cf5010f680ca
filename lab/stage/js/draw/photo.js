// A photograph: read, fitted into a rectangle, painted.

import { clipRound } from "./draw.js";

/** A picture in this rectangle, with round corners; smaller or larger than it is, smoothly. */
export function paintPhoto(ctx, area, photo) {
  clipRound(ctx, area);
  ctx.imageSmoothingEnabled = true;
  ctx.imageSmoothingQuality = "high";
  ctx.drawImage(photo, area.x, area.y, area.w, area.h);
  ctx.restore();
}

/** A photograph (WebP, PNG or JPEG bytes) as a picture to draw, or null. */
export function decodePhoto(bytes) {
  return createImageBitmap(new Blob([bytes])).catch(() => null);
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
