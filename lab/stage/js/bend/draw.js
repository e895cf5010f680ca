// The textbook's figure: the curve, the base density at its left (turned), p_x below it. Equal masses are equal areas.

import { clamp, signed } from "../core/numbers.js";
import { mapping } from "../draw/box.js";
import { clip, haloed, lettering, pen, polyline, rule } from "../draw/pen.js";
import { BEND_REACH, bendAt, bendLog } from "./math.js";

const LEAST_TOP = 0.72; // density at the upper edge of the picture of p_x, at least
const MOST_TOP = 3; // a peak that is higher is cut

/** Where the three pictures stand, in CSS pixels, if there is so much width and height for all. */
export function bendLayout(width, height) {
  const [left, below] = width < 480 ? [22, 22] : [30, 26]; // for the numbers of the axes
  const side = Math.floor(Math.min((width - left - 8) / 1.27, Math.max(260, (height - below) / 1.46)));
  const depth = Math.floor(0.27 * side);
  const x = depth + left;
  return {
    width: x + side + 8,
    height: Math.ceil(1.46 * side) + below + 4,
    curve: { x, y: 0, w: side, h: side },
    base: { x: 0, y: 0, w: depth, h: side },
    made: { x, y: side + below, w: side, h: Math.ceil(0.46 * side) },
    size: width < 480 ? 15 : 18,
  };
}

export class BendFigure {
  /** `scene`: {spline, base, target, a, b, x}; the slice is [a, b] around x. */
  constructor(ctx, layout, palette, scene) {
    Object.assign(this, { ctx, layout, palette, ...scene });
    const box = [-BEND_REACH, BEND_REACH, -BEND_REACH, BEND_REACH];
    this.map = mapping(box, layout.curve);
    const { w } = layout.made;
    this.places = Array.from({ length: w + 1 }, (_, i) => -BEND_REACH + (2 * BEND_REACH * i) / w);
    this.curve = this.places.map((x) => [x, bendAt(this.spline, x).z]);
    const most = Math.max(LEAST_TOP, ...this.places.map((x) => Math.max(this.px(x), this.target ? Math.exp(this.target.log(x)) : 0)));
    this.unit = (layout.made.h - 4) / Math.min(MOST_TOP, 1.06 * most); // pixels for density 1
  }

  px(x) {
    return Math.exp(bendLog(this.spline, this.base, x));
  }

  draw() {
    this.axes();
    this.band();
    this.madeDensity();
    this.baseDensity();
    this.curveItself();
    this.names();
  }

  ink(role) {
    return this.palette.roles[role].ink;
  }

  axes() {
    const { ctx, palette, map, layout } = this;
    pen(ctx, palette.faint, 1);
    lettering(ctx, palette, `${layout.size - 4}px`, "center", "middle", palette.muted);
    const { curve, base, made } = layout;
    for (let i = 1 - Math.ceil(BEND_REACH); i < BEND_REACH; i++) {
      const [x, y] = [Math.round(map.x(i)) + 0.5, Math.round(map.y(i)) + 0.5];
      ctx.globalAlpha = 0.6;
      rule(ctx, x, curve.y, x, curve.y + curve.h);
      rule(ctx, curve.x, y, curve.x + curve.w, y);
      ctx.globalAlpha = 1;
      if (i > 2) continue; // here the axis has its letter
      const text = signed(String(i));
      ctx.fillText(text, x, (curve.y + curve.h + made.y) / 2 + 1);
      ctx.fillText(text, (base.w + curve.x) / 2, y);
    }
    ctx.strokeRect(curve.x + 0.5, curve.y + 0.5, curve.w - 1, curve.h - 1);
    ctx.strokeStyle = palette.muted;
    rule(ctx, made.x, made.y + made.h + 0.5, made.x + made.w, made.y + made.h + 0.5);
    rule(ctx, base.w - 0.5, base.y, base.w - 0.5, base.y + base.h);
  }

  /** The slice on its way: up to the curve, and from there to the left. */
  band() {
    const { ctx, map, layout, a, b } = this;
    const { curve, base, made } = layout;
    const steps = Array.from({ length: 25 }, (_, i) => a + ((b - a) * i) / 24);
    const along = steps.map((x) => [map.x(x), map.y(bendAt(this.spline, x).z)]);
    const [first, last] = [along[0], along[24]];
    clip(ctx, { x: base.w, y: curve.y, w: curve.x + curve.w - base.w, h: made.y + made.h - curve.y }, 0);
    ctx.fillStyle = this.palette.text;
    ctx.globalAlpha = 0.1;
    this.shape([[first[0], made.y + made.h], ...along, [last[0], made.y + made.h]]);
    this.shape([[base.w, first[1]], ...along, [base.w, last[1]]]);
    ctx.restore();
  }

  /** Fill the shape between these places. */
  shape(places) {
    this.ctx.beginPath();
    for (const [x, y] of places) this.ctx.lineTo(x, y);
    this.ctx.fill();
  }

  /** An area between a base line and a density: all of it pale, the slice strong, and its outline. */
  density(role, places, from, to, at, foot) {
    const { ctx } = this;
    ctx.fillStyle = this.ink(role);
    const area = (list) => this.shape([foot(list[0]), ...list.map(at), foot(list.at(-1))]);
    ctx.globalAlpha = 0.16;
    area(places);
    ctx.globalAlpha = 0.7;
    area([from, ...places.filter((one) => one > from && one < to), to]);
    ctx.globalAlpha = 1;
    polyline(ctx, places.map(at), this.ink(role), 2.5);
  }

  madeDensity() {
    const { ctx, map, unit } = this;
    const { made } = this.layout;
    const floor = made.y + made.h;
    const at = (density) => (x) => [map.x(x), floor - unit * density(x)];
    clip(ctx, { ...made, y: made.y - 2, h: made.h + 2 }, 0);
    this.density("model", this.places, this.a, this.b, at((x) => this.px(x)), (x) => [map.x(x), floor]);
    if (this.target) {
      ctx.setLineDash([6, 4]);
      polyline(ctx, this.places.map(at((x) => Math.exp(this.target.log(x)))), this.ink("truth"), 1.8);
      ctx.setLineDash([]);
    }
    ctx.restore();
  }

  baseDensity() {
    const { ctx, map, unit } = this;
    const { base } = this.layout;
    const at = (z) => [base.w - 1 - unit * Math.exp(this.base.log(z)), map.y(z)];
    const [from, to] = [this.a, this.b].map((x) => bendAt(this.spline, x).z);
    clip(ctx, base, 0);
    this.density("latent", this.places, from, to, at, (z) => [base.w - 1, map.y(z)]);
    ctx.restore();
  }

  curveItself() {
    const { ctx, map, layout, x } = this;
    const { z, slope } = bendAt(this.spline, x);
    clip(ctx, layout.curve, 0);
    polyline(ctx, this.curve.map(([u, v]) => [map.x(u), map.y(v)]), this.ink("model"), 3);
    const reach = 0.9 / Math.hypot(1, slope);
    const ends = [-reach, reach].map((step) => [map.x(x + step), map.y(z + slope * step)]);
    polyline(ctx, ends, this.ink("gradient"), 3);
    ctx.restore();
    const text = `f\u200a\u2032(x) = ${slope.toFixed(2)}`;
    ctx.font = `italic ${layout.size}px ${BEND_SERIF}`;
    ctx.textBaseline = "middle";
    const { curve } = layout;
    const wide = ctx.measureText(text).width;
    ctx.textAlign = "left";
    // below and right of a curve that rises there is room; near the edge it must turn back
    const [px, py] = [Math.min(map.x(x) + 16, curve.x + curve.w - wide - 6), clamp(map.y(z) + 26, 14, curve.h - 14)];
    haloed(ctx, this.palette, text, px, py, this.palette.roles.gradient.text);
  }

  names() {
    const { layout, palette } = this;
    const { curve, base, made, size } = layout;
    const right = curve.x + curve.w - 8;
    this.name(["z = f(x)"], curve.x + 10, curve.y + size, palette.roles.model.text, "left");
    this.name(["p", "z", "(z)"], 2, base.y + size, palette.roles.latent.text, "left");
    this.name(["p", "x", "(x)"], right, made.y + 12, palette.roles.model.text, "right");
    if (this.target) this.name(["target"], right, made.y + 14 + 1.3 * size, palette.text, "right");
    this.name(["x"], this.map.x(3) + 5, (curve.y + curve.h + made.y) / 2, palette.text, "right");
    this.name(["z"], (base.w + curve.x) / 2 + 5, this.map.y(3), palette.text, "right");
  }

  /** Letters as in a book; the second of three pieces is a subscript. */
  name(pieces, x, y, colour, side) {
    const { ctx, layout, palette } = this;
    const font = (i) => (ctx.font = `italic ${i === 1 ? layout.size - 5 : layout.size}px ${BEND_SERIF}`);
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    const widths = pieces.map((text, i) => (font(i), ctx.measureText(text).width + 1));
    let at = side === "right" ? x - widths.reduce((sum, one) => sum + one, 0) : x;
    pieces.forEach((text, i) => {
      font(i);
      haloed(ctx, palette, text, at, y + (i === 1 ? 5 : 0), colour);
      at += widths[i];
    });
  }
}

const BEND_SERIF = '"STIX Two Text", "Latin Modern Roman", Cambria, Georgia, "DejaVu Serif", serif';
