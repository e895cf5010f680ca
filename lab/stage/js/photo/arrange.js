// Where photographs stand.

import { CAPTION, GAP, NARROWEST } from "../draw/box.js";

const PHOTO_ROW = 120; // px, height of the small ones on a phone
const PHOTO_COLUMN = 80; // px; a narrower column is a row instead

/** The result large at the right, the others one above the other at its left; where it is larger so, in a row below it. */
export function arrangePhotos(panels, width, tallest) {
  const [first, ...others] = panels;
  if (width < 2 * NARROWEST) return arrangeBelow(first, others, width, tallest);
  const large = ({ placed }) => placed[0].area.w;
  const below = arrangeBelow(first, others, width, tallest - PHOTO_ROW - CAPTION - GAP);
  const beside = arrangeBeside(first, others, width, tallest);
  return large(below) > 1.15 * large(beside) ? below : beside;
}

function arrangeBeside(first, others, width, tallest) {
  const caption = others.length ? CAPTION : 0;
  // As high as the result, with their words between them, they are `slope * h - less` wide.
  const sum = others.reduce((so, one) => so + 1 / one.aspect, 0);
  const slope = sum ? 1 / sum : 0;
  const less = sum ? ((others.length - 1) * (CAPTION + GAP)) / sum : 0;
  const gap = others.length ? GAP : 0;
  const h = Math.min(tallest - caption, (width - gap + less) / (first.aspect + slope));
  const wide = slope * h - less;
  if (others.length && wide < PHOTO_COLUMN) return arrangeBelow(first, others, width, tallest - PHOTO_ROW);
  let y = caption;
  const column = others.map((one) => {
    const area = { x: 0, y, w: wide, h: wide / one.aspect };
    y += area.h + GAP + CAPTION;
    return { ...one, area };
  });
  const area = { x: wide + gap, y: caption, w: h * first.aspect, h };
  return { placed: [{ ...first, area }, ...column], height: caption + h };
}

function arrangeBelow(first, others, width, tallest) {
  const caption = others.length ? CAPTION : 0;
  const w = Math.min(width, tallest * first.aspect);
  const placed = [{ ...first, area: { x: (width - w) / 2, y: caption, w, h: w / first.aspect } }];
  const top = caption + w / first.aspect;
  if (!others.length) return { placed, height: top };
  const sum = others.reduce((so, one) => so + one.aspect, 0);
  const h = Math.min(PHOTO_ROW, (width - GAP * (others.length - 1)) / sum);
  let x = (width - sum * h - GAP * (others.length - 1)) / 2;
  for (const one of others) {
    placed.push({ ...one, area: { x, y: top + GAP + CAPTION, w: h * one.aspect, h } });
    x += h * one.aspect + GAP;
  }
  return { placed, height: top + GAP + CAPTION + h };
}
