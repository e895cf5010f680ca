// Tidy numbers, and the quiet frame around a world.

import { signed } from "../core/numbers.js";

/** A quiet frame with a few numbers inside it, haloed so that they read over anything. */
export function drawFrame(ctx, map, look) {
  const { area, box } = map;
  const { palette } = look;
  ctx.strokeStyle = palette.faint;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.roundRect(area.x + 0.5, area.y + 0.5, area.w - 1, area.h - 1, 6);
  ctx.stroke();
  ctx.font = `12px ${palette.font}`;
  ctx.textBaseline = "alphabetic";
  // Numbers near a corner would be cut or would collide with the other axis.
  ctx.textAlign = "center";
  for (const tick of ticks(box[0], box[1], 4)) {
    const x = map.x(tick.value);
    if (x < area.x + 34 || x > area.x + area.w - 14) continue;
    tickMark(ctx, palette, x, area.y + area.h, 0, -5);
    haloed(ctx, palette, tick.text, x, area.y + area.h - 9, palette.muted);
  }
  ctx.textAlign = "left";
  for (const tick of ticks(box[2], box[3], 4)) {
    const y = map.y(tick.value);
    if (y < area.y + 16 || y > area.y + area.h - 22) continue;
    tickMark(ctx, palette, area.x, y, 5, 0);
    haloed(ctx, palette, tick.text, area.x + 9, y + 4, palette.muted);
  }
}

export function tickMark(ctx, palette, x, y, dx, dy) {
  ctx.strokeStyle = palette.muted;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x + dx, y + dy);
  ctx.stroke();
}

export function rule(ctx, x0, y0, x1, y1) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
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
    const text = digits > 4 ? value.toExponential(0) : value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    out.push({ value, text: i === 0 ? "0" : signed(text) });
  }
  return out;
}

/** Text with a rim of the page's colour, legible over lines and heat maps. */
export function haloed(ctx, palette, text, x, y, colour) {
  ctx.lineJoin = "round";
  ctx.strokeStyle = palette.background;
  ctx.globalAlpha = 0.75;
  ctx.lineWidth = 3;
  ctx.strokeText(text, x, y);
  ctx.globalAlpha = 1;
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

export function paintEmpty(ctx, area, look) {
  ctx.strokeStyle = look.palette.faint;
  ctx.beginPath();
  ctx.roundRect(area.x + 0.5, area.y + 0.5, area.w - 1, area.h - 1, 6);
  ctx.stroke();
  ctx.font = `15px ${look.palette.font}`;
  ctx.fillStyle = look.palette.muted;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(look.words.waiting, area.x + area.w / 2, area.y + area.h / 2);
}
