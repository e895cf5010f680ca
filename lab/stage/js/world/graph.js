// A world on a line: densities as curves, D with an axis on the right, and below thin lines from z to x = G(z).

import { tickMark, ticks } from "../draw/axes.js";
import { mapping } from "../draw/box.js";
import { clip, haloed, lettering, pen, rule, stroke, trace } from "../draw/pen.js";

const HEADROOM = 1.06; // D = 1 lies a little below the frame
const D_MARGIN = 40; // px right of the frame, for the axis of D
const STRIP = 0.24; // of the picture's height

export const isGraph = (layers) => layers.entries("line").length > 0;
export const isBelief = (name) => /discriminator/.test(name);

/** Where the world lies in its panel: a plane fills it, a graph leaves room for its axes. */
export function worldMap(area, layers, box) {
  if (!isGraph(layers)) return mapping(box, area);
  const right = layers.entries("line").some(([name]) => isBelief(name)) ? D_MARGIN : 0;
  const below = layers.entries("links").length ? Math.max(72, STRIP * area.h) : 0;
  const inner = { ...area, w: area.w - right, h: area.h - below };
  const high = box[2] + HEADROOM * (box[3] - box[2]);
  return { ...mapping([box[0], box[1], box[2], high], inner), graph: { top: box[3], right, below } };
}

/** As the paper draws them: the data dotted, the model solid, D dashed; the best D dashed and thin. */
export function paintLine(ctx, item, map, look, name) {
  const best = /best/.test(name);
  const truth = !best && look.role(name) === "truth";
  ctx.setLineDash(truth ? [1, 4.5] : best ? [4, 4] : isBelief(name) ? [9, 5] : []);
  ctx.beginPath();
  trace(ctx, item.values, map, 0, item.shape[0], 1);
  stroke(ctx, look, name, truth ? 2.8 : best ? 1.4 : isBelief(name) ? 2.4 : 2.6);
  ctx.setLineDash([]);
}

export function drawGraphAxes(ctx, layers, map, look) {
  if (map.graph.right) drawBeliefAxis(ctx, map, look);
  for (const [name, item] of layers.entries("links")) drawLinks(ctx, item, map, look, name);
}

/** The right-hand axis: D(x) = 0, a half and 1. */
function drawBeliefAxis(ctx, map, look) {
  const { area, graph, box } = map;
  const { palette } = look;
  const right = area.x + area.w;
  const at = (belief) => map.y(box[2] + belief * (graph.top - box[2]));
  lettering(ctx, palette, "12px", "left", "middle");
  for (const [belief, text] of [[0, "0"], [0.5, "\u00bd"], [1, "1"]]) {
    const y = at(belief);
    tickMark(ctx, palette, right, y, 5, 0);
    haloed(ctx, palette, text, right + 9, y, palette.muted);
    ctx.strokeStyle = palette.faint;
    ctx.setLineDash([2, 4]);
    if (belief) rule(ctx, area.x, Math.round(y) + 0.5, right, Math.round(y) + 0.5);
    ctx.setLineDash([]);
  }
  haloed(ctx, palette, look.words.field, right + 7, at(0.78), palette.muted);
}

/** z on an axis of its own, and a thin line from each z up to where G puts it. */
function drawLinks(ctx, item, map, look, name) {
  const { area, graph } = map;
  const { palette } = look;
  const [top, bottom] = [area.y + area.h, area.y + area.h + graph.below - 20];
  const reach = 1.1 * item.values.reduce((most, value, i) => (i % 2 ? most : Math.max(most, Math.abs(value))), 1e-6);
  const z = mapping([-reach, reach, 0, 1], area);
  pen(ctx, palette.faint, 1);
  rule(ctx, area.x, bottom, area.x + area.w, bottom);
  lettering(ctx, palette, "12px", "center");
  for (const tick of ticks(-reach, reach, 5)) {
    tickMark(ctx, palette, z.x(tick.value), bottom, 0, 4);
    haloed(ctx, palette, tick.text, z.x(tick.value), bottom + 17, palette.muted);
  }
  ctx.textAlign = "left";
  haloed(ctx, palette, "z", area.x + area.w + 9, bottom + 4, palette.muted);
  haloed(ctx, palette, "x", area.x + area.w - 16, top - 9, palette.muted);
  if (look.isOff(name)) return;
  clip(ctx, { ...area, y: top, h: bottom - top }, 0);
  ctx.beginPath();
  for (let i = 0; i < item.shape[0]; i++) {
    ctx.moveTo(z.x(item.values[2 * i]), bottom);
    ctx.lineTo(map.x(item.values[2 * i + 1]), top);
  }
  stroke(ctx, look, name, 1.2, 0.7);
  ctx.restore();
}

/** The height of a curve at x, between the nodes around it; NaN outside them. */
export function heightAt(values, x) {
  for (let i = 2; i < values.length; i += 2) {
    const [x0, x1] = [values[i - 2], values[i]];
    if (x >= x0 && x <= x1) return values[i - 1] + ((values[i + 1] - values[i - 1]) * (x - x0)) / (x1 - x0 || 1);
  }
  return NaN;
}
