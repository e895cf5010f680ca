// The world: every layer in its order, then what is pointed at, then the frame.

import { drawFrame } from "../draw/axes.js";
import { paintArrows, paintField, paintPaths, paintPoints } from "../draw/draw.js";
import { paintMesh } from "../draw/mesh.js";
import { clip } from "../draw/pen.js";
import { paintDecodedPoint } from "../plane/decoded.js";
import { drawGraphAxes, paintLine } from "./graph.js";
import { ringed } from "./trail.js";

export function drawWorld(ctx, layers, map, look) {
  clip(ctx, map.area);
  for (const [kind, paint] of PAINTERS) {
    if (kind === "points") look.trail.draw(ctx, layers, map, look);
    for (const [name, item] of inOrder(layers.entries(kind), look)) paint(ctx, item, map, look, name);
  }
  look.trail.end(ctx, layers, map, look);
  ringed(ctx, layers, map, look);
  paintDecodedPoint(ctx, layers, map, look);
  ctx.restore();
  if (map.graph) drawGraphAxes(ctx, layers, map, look);
  drawFrame(ctx, map, look);
}

/** Data under model, so that what learns is never hidden; layers switched off are left out. */
function inOrder(entries, look) {
  const rank = ([name]) => ["critic", "truth", "data", "latent", "model", "gradient"].indexOf(look.role(name));
  return entries.filter(([name]) => !look.isOff(name)).sort((a, b) => rank(a) - rank(b));
}

const PAINTERS = [
  ["field", paintField], ["mesh", paintMesh], ["paths", paintPaths],
  ["line", paintLine], ["points", paintPoints], ["arrows", paintArrows],
];
