// What lies under a place of the picture, in words: a fake with its z, a place of the plane or of
// the graph, or one picture of a grid.

import { inside, NEAR, NEAR_TOUCH } from "../draw/box.js";
import { scoreOf, shownScore, tileAt, tileGrid } from "../draw/tiles.js";
import { readLatent } from "../plane/latent.js";
import { readWall } from "../wall/wall.js";
import { worldMap } from "../world/graph.js";
import { beliefSays, pointNear, readGraph, readPlane, readPoint } from "../world/reading.js";

/** {lines, under, tile} at a place of the canvas, or null. `under` = {name, index} of a point. */
export function reading({ panels, layers, look, box }, px, py, touch) {
  const panel = panels?.find(({ area }) => inside(area, px, py));
  if (panel?.kind === "wall") return readWall(panel, layers, look, px, py, touch);
  if (panel?.kind === "plane") return readLatent({ layers, look }, panel, px, py, touch);
  if (panel?.kind === "images") return readTile(panel, layers, look, px, py);
  if (panel?.kind !== "world" || !box) return null;
  const map = worldMap(panel.area, layers, box);
  const at = [map.worldX(px), map.worldY(py)];
  if (at[0] < map.box[0] || at[0] > map.box[1] || at[1] < map.box[2] || at[1] > map.box[3]) return null;
  if (map.graph) return { lines: readGraph(layers, look, map, at[0]) };
  const under = pointNear(layers, look, map, px, py, touch ? NEAR_TOUCH : NEAR);
  return under ? readPoint(under, layers, look, box) : readPlane(layers, look, box, at);
}

function readTile(panel, layers, look, px, py) {
  const item = layers.items.get(panel.name);
  if (!item || look.isOff(panel.name)) return null;
  const score = scoreOf(panel.name, layers);
  const index = tileAt(tileGrid(item, panel.area, shownScore(panel.name, layers, look)), px, py);
  if (index < 0) return null;
  return { lines: score ? [beliefSays(look, score.values[index])] : [], tile: { item, index } };
}
