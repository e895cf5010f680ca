// Tidy numbers, and the quiet frame around a world.

import { grouped, signed } from "../core/numbers.js";
import { haloed, lettering, outline, pen, rule } from "./pen.js";

/** A quiet frame with a few numbers inside it, haloed so that they read over anything. */
export function drawFrame(ctx, map, { palette }) {
  const { area, box } = map;
  outline(ctx, area, palette.faint);
  // Numbers near a corner would be cut or would collide with the other axis.
  lettering(ctx, palette, "12px", "center");
  const [right, bottom] = [area.x + area.w, area.y + area.h];
  for (const { value, text } of ticks(box[0], box[1], 4)) {
    const x = map.x(value);
    if (x < area.x + 34 || x > right - 14) continue;
    tickMark(ctx, palette, x, bottom, 0, -5);
    haloed(ctx, palette, text, x, bottom - 9, palette.muted);
  }
  ctx.textAlign = "left";
  for (const { value, text } of ticks(box[2], box[3], 4)) {
    const y = map.y(value);
    if (y < area.y + 16 || y > bottom - 22) continue;
    tickMark(ctx, palette, area.x, y, 5, 0);
    haloed(ctx, palette, text, area.x + 9, y + 4, palette.muted);
  }
}

export function tickMark(ctx, palette, x, y, dx, dy) {
  pen(ctx, palette.muted, 1);
  rule(ctx, x, y, x + dx, y + dy);
}

/** Tidy numbers between two ends: steps of 1, 2 or 5 times a power of ten. */
export function ticks(low, high, wanted) {
  const rough = (high - low) / wanted;
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((one) => one * power >= rough * 0.999) * power;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const out = [];
  for (let i = Math.ceil(low / step - 1e-6); i * step <= high + 1e-6 * step; i++) {
    const value = i * step;
    const text = digits > 4 ? signed(value.toExponential(0)) : grouped(value, digits);
    out.push({ value, text: i === 0 ? "0" : text });
  }
  return out;
}

export function paintEmpty(ctx, area, { palette, words }) {
  outline(ctx, area, palette.faint);
  lettering(ctx, palette, "15px", "center", "middle", palette.muted);
  ctx.fillText(words.waiting, area.x + area.w / 2, area.y + area.h / 2);
}
