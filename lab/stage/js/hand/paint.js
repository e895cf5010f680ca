// What lies on the sheet: ink, the nib, and the mixture ahead of it.

import { pen, polyline } from "../draw/pen.js";

const ELLIPSES = [2, 1]; // standard deviations
const FAINTEST = 0.01; // a component below this weight is not painted
const NIB = 9; // px

/** Ink through the first n `places` [x, y, lifted] of a way, and towards `nib`; the pen comes to the first place through the
 * air. `look` has colour, width, and perhaps alpha and dash. */
export function paintInk(ctx, map, places, from, to, look, nib = null) {
  ctx.save();
  pen(ctx, look.colour, look.width);
  ctx.lineJoin = ctx.lineCap = "round";
  ctx.globalAlpha = look.alpha ?? 1;
  ctx.setLineDash(look.dash ?? []);
  ctx.beginPath();
  let down = false;
  for (let t = Math.max(0, from - 1); t < to; t++) {
    const [x, y, lifted] = places[t];
    if (down) ctx.lineTo(map.x(x), map.y(y));
    else ctx.moveTo(map.x(x), map.y(y));
    down = !lifted;
  }
  if (nib && down) ctx.lineTo(map.x(nib[0]), map.y(nib[1]));
  ctx.stroke();
  ctx.restore();
}

/** A hand's strokes. */
export function paintStrokes(ctx, map, strokes, colour, width) {
  ctx.lineCap = "round";
  for (const stroke of strokes) {
    const places = stroke.map(([x, y]) => [map.x(x), map.y(y)]);
    polyline(ctx, places.length > 1 ? places : [places[0], [places[0][0] + 0.1, places[0][1]]], colour, width);
  }
}

/** The ellipses of a mixture around `at`, as opaque as their components are heavy. */
export function paintMixture(ctx, map, at, components, colour) {
  const scale = Math.abs(map.x(1) - map.x(0));
  ctx.save();
  Object.assign(ctx, { fillStyle: colour, strokeStyle: colour, lineWidth: 1.5 });
  for (const { pi, mu, axes } of components) {
    if (pi < FAINTEST) continue;
    const [x, y] = [map.x(at[0] + mu[0]), map.y(at[1] + mu[1])];
    for (const far of ELLIPSES) {
      const radii = [axes.long, axes.short].map((one) => Math.max(1.2, far * one * scale));
      ctx.beginPath();
      ctx.ellipse(x, y, ...radii, -axes.angle, 0, 2 * Math.PI);
      ctx.globalAlpha = (far === 1 ? 0.34 : 0.16) * (0.25 + 0.75 * pi) * (pi < 0.05 ? pi / 0.05 : 1);
      ctx.fill();
      ctx.globalAlpha = Math.min(1, 0.1 + pi);
      if (far === 1) ctx.stroke();
    }
  }
  ctx.restore();
}

/** The nib; around it an arc as long as the chance that the pen is lifted. */
export function paintNib(ctx, [x, y], lift, palette) {
  ctx.beginPath();
  ctx.arc(x, y, 4, 0, 2 * Math.PI);
  Object.assign(ctx, { fillStyle: palette.text, strokeStyle: palette.background, lineWidth: 1.5 });
  ctx.fill();
  ctx.stroke();
  if (!(lift > 0.005)) return;
  ctx.beginPath();
  ctx.arc(x, y, NIB, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * lift);
  pen(ctx, palette.text, 3);
  ctx.stroke();
}

/** A cross that the arrow keys move. */
export function paintCross(ctx, [x, y], palette) {
  pen(ctx, palette.text, 1.5);
  ctx.beginPath();
  for (const [dx, dy] of [[9, 0], [0, 9]]) {
    ctx.moveTo(x - dx, y - dy);
    ctx.lineTo(x + dx, y + dy);
  }
  ctx.stroke();
}
