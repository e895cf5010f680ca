// Drawing one chart: axes, curves, reference lines, names at the ends of the curves.

import { clamp, count } from "../core/numbers.js";
import { ticks } from "../draw/axes.js";
import { mapping } from "../draw/box.js";
import { clip, haloed, lettering, pen, rule, trace } from "../draw/pen.js";
import { barsBox, drawArea, drawBars } from "./areas.js";

export function drawChart(ctx, size, chart, look, marker, beside) {
  const { palette } = look;
  if (chart.unit) look = { ...look, unit: chart.unit };
  const [, , low, high] = chart.box;
  const yTicks = ticks(low, high, size.height < 150 ? 3 : 4);
  ctx.font = `12px ${palette.font}`;
  const left = 8 + Math.max(ctx.measureText(look.unit).width, ...yTicks.map((tick) => ctx.measureText(tick.text).width));
  const small = { x: 2, y: 3, w: size.width - 4, h: size.height - 6 }; // a line alone, its value is above it
  const area = size.small ? small : { x: left, y: 8, w: size.width - left - size.right, h: size.height - 30 };
  const map = mapping(chart.box, area);
  if (!size.small) drawAxes(ctx, map, yTicks, look);
  clip(ctx, { x: area.x, y: area.y - 2, w: area.w + 3, h: area.h + 4 }, 0);
  for (const level of chart.levels) drawLevel(ctx, map, level, palette);
  if (marker !== null) {
    // where a looked-back-at round lies on the axis
    pen(ctx, palette.muted, 1.5);
    rule(ctx, map.x(marker), area.y, map.x(marker), area.y + area.h);
  }
  if (chart.bars) drawBars(ctx, map, chart, palette);
  for (const one of chart.terms) if (one.base) drawArea(ctx, map, one, palette);
  for (const one of chart.terms) drawTerm(ctx, map, one, palette);
  ctx.restore();
  if (beside) drawEnds(ctx, map, chart.terms, palette);
}

/** What a chart shows: all its rounds, and its values. */
export function chartBox(chart) {
  if (chart.bars) return barsBox(chart.bars);
  const end = Math.max(1, ...chart.terms.map((one) => one.values.at(-2) ?? 0));
  const start = Math.min(0, ...chart.terms.map((one) => one.values[0] ?? 0));
  return [start, end, ...verticalRange(chart)];
}

/** From the 1st to the 99th percentile, so that one early spike does not flatten the rest. */
function verticalRange(chart) {
  const all = chart.terms.flatMap(({ values }) => [...values].filter((value, i) => i % 2 && Number.isFinite(value)));
  const lasts = chart.terms.map((one) => one.last).filter(Number.isFinite);
  all.sort((a, b) => a - b);
  const levels = chart.levels.flatMap((level) => [level.value, level.low, level.high]).filter(Number.isFinite);
  if (!all.length) return levels.length ? [Math.min(0, ...levels), Math.max(...levels) * 1.3 || 1] : [0, 1];
  let low = Math.min(all[Math.ceil(0.01 * (all.length - 1))], ...lasts);
  let high = Math.max(all[Math.floor(0.99 * (all.length - 1))], ...lasts);
  // The extremes themselves are shown too when they are no further away than all the rest.
  const [least, most] = [all[0], all.at(-1)];
  const span = high - low;
  if (low - least <= span) low = least;
  if (most - high <= span) high = most;
  // A reference line is worth making room for, unless it is very far away.
  const reach = 1.5 * (high - low) + 1e-9;
  for (const value of levels) {
    if (value < low && low - value < reach) low = value;
    if (value > high && value - high < reach) high = value;
  }
  if (chart.stacked) [low, high] = [Math.min(0, low), Math.max(0, Math.min(high, 1.5 * latestTop(chart.terms)))];
  const margin = 0.1 * (high - low) || 0.1 * Math.abs(high) || 1;
  return [low - margin, high + margin];
}

/** The top of a stack after its first quarter. A sum may fall a thousandfold: then its first rounds run out of the chart. */
function latestTop(terms) {
  let top = -Infinity;
  for (const { values } of terms) {
    const [start, end] = [values[0], values.at(-2)];
    for (let i = 0; i < values.length; i += 2) if (values[i] >= start + (end - start) / 4 && values[i + 1] > top) top = values[i + 1];
  }
  return top > 0 ? top : Infinity;
}

function drawAxes(ctx, map, yTicks, look) {
  const { palette } = look;
  const { area, box } = map;
  pen(ctx, palette.faint, 1);
  lettering(ctx, palette, "12px", "right", "middle", palette.muted);
  for (const tick of yTicks) {
    const y = Math.round(map.y(tick.value)) + 0.5;
    rule(ctx, area.x, y, area.x + area.w, y);
    ctx.fillText(tick.text, area.x - 6, y);
  }
  ctx.textBaseline = "alphabetic";
  ctx.fillText(look.unit, area.x - 6, area.y + area.h + 17);
  for (const tick of ticks(box[0], box[1], area.w < 170 ? 2 : 4)) {
    if (tick.value % 1) continue; // there is no half of a round
    const x = map.x(tick.value);
    ctx.textAlign = x > area.x + area.w - 14 ? "right" : x < area.x + 8 ? "left" : "center";
    ctx.fillText(count(tick.value), ctx.textAlign === "right" ? x + 4 : x, area.y + area.h + 17);
  }
}

/** A reference: a dashed line, and a band where it has a margin. Its name stands above, where no curve can cross it. */
function drawLevel(ctx, map, level, palette) {
  if (!Number.isFinite(level.value)) return;
  const { area } = map;
  const [top, bottom] = [map.y(level.high), map.y(level.low)];
  if (bottom - top > 0.5) {
    ctx.fillStyle = palette.text;
    ctx.globalAlpha = 0.14;
    ctx.fillRect(area.x, top, area.w, bottom - top);
    ctx.globalAlpha = 1;
  }
  pen(ctx, palette.text, 1.3);
  ctx.setLineDash([5, 4]);
  rule(ctx, area.x, map.y(level.value), area.x + area.w, map.y(level.value));
  ctx.setLineDash([]);
}

function drawTerm(ctx, map, one, palette) {
  pen(ctx, palette.roles[one.role].ink, 2);
  ctx.lineJoin = "round";
  ctx.setLineDash(one.dash);
  ctx.beginPath();
  trace(ctx, one.values, map, 0, one.values.length >> 1, 1);
  ctx.stroke();
  ctx.setLineDash([]);
}

/** Name and last value at the end of each curve, pushed apart where they would overlap. */
function drawEnds(ctx, map, terms, palette) {
  const { area } = map;
  const high = 30;
  const heightOf = ({ values }) => clamp(map.y(values.at(-1)) || area.y, area.y, area.y + area.h);
  const ends = terms.filter((one) => one.values.length).map((one) => ({ ...one, y: heightOf(one) }));
  ends.sort((a, b) => a.y - b.y);
  ends.forEach((one, i) => (one.y = Math.max(one.y, i ? ends[i - 1].y + high : area.y + 8)));
  let floor = area.y + area.h + 12;
  for (const one of ends.reverse()) {
    one.y = Math.min(one.y, floor - 12);
    floor = one.y - high + 12;
  }
  for (const one of ends) {
    lettering(ctx, palette, "600 13px", "left", "middle");
    haloed(ctx, palette, one.label, area.x + area.w + 8, one.y - 7, palette.roles[one.role].text);
    lettering(ctx, palette, "13px", "left", "middle");
    haloed(ctx, palette, one.text, area.x + area.w + 8, one.y + 8, palette.roles[one.role].text);
  }
}
