// The picture is one or more panels side by side: the world, and one for each set of images.

import { inLabelOrder, splitName } from "../core/names.js";
import { drawFrame, paintEmpty } from "../draw/axes.js";
import { CAPTION, GAP, inside, mapping, NARROWEST, NEAR, NEAR_TOUCH } from "../draw/box.js";
import { paintField } from "../draw/draw.js";
import { clip, lettering } from "../draw/pen.js";
import { paintImages, scoreOf, shownScore, tileAt, tileGrid } from "../draw/tiles.js";
import { paintTracks, TRACK_ASPECTS, TRACKS } from "../draw/tracks.js";
import { arrangePhotos } from "../photo/arrange.js";
import { paintDecoded } from "../plane/decoded.js";
import { isLine, readLatent } from "../plane/latent.js";
import { paintPlane } from "../plane/plane.js";
import { wallPanelAspect } from "../wall/grid.js";
import { paintWall, readWall } from "../wall/wall.js";
import { isGraph, worldMap } from "../world/graph.js";
import { beliefSays, pointNear, readGraph, readPlane, readPoint } from "../world/reading.js";
import { drawWorld } from "../world/world.js";

const LOWEST = 150; // px, of a panel in one of several rows
const WORLD_KINDS = ["field", "points", "mesh", "arrows", "paths", "line"];

/** Which panels these layers need: [{kind, name, aspect}], aspect = width / height. */
export function panelsOf(layers, box, wall, words, photos) {
  if (wall) return [{ kind: "wall", name: "wall", aspect: wallPanelAspect(wall) }];
  const panels = photos.panels();
  if (layers.items.has("box/plane")) panels.push({ kind: "plane", name: "plane", aspect: 1, caption: isLine(layers) ? "line" : "plane" });
  if (layers.items.has("atlas/size")) panels.push({ kind: "decoded", name: "decoded", aspect: 1 });
  const aspect = worldAspect(layers, box);
  if (WORLD_KINDS.some((kind) => layers.entries(kind).length)) panels.push({ kind: "world", name: "world", aspect });
  const sides = layers.entries("side").map(([name]) => name);
  for (const name of inLabelOrder(sides, words)) panels.push({ kind: "side", name, aspect });
  for (const [name] of layers.entries("images")) panels.push({ kind: "images", name, aspect: 1 });
  for (const kind of TRACKS) for (const [name] of layers.entries(kind)) panels.push({ kind, name, aspect: TRACK_ASPECTS[kind] });
  return panels.length ? panels : [{ kind: "empty", name: "empty", aspect: 1 }];
}

/** Planes keep their proportions; a graph (y a density, say) has a landscape shape. */
function worldAspect(layers, box) {
  if (isGraph(layers)) return layers.entries("links").length ? 1.25 : 1.6;
  const aspect = (box[1] - box[0]) / (box[3] - box[2]);
  return aspect > 0.4 && aspect < 2.5 ? aspect : 1.6;
}

/** Place the panels in `width` pixels, none higher than `tallest`; nor are rows of them, as long as each can be read. */
export function arrange(panels, width, tallest, captions) {
  if (panels[0].kind === "photo") return arrangePhotos(panels, width, tallest);
  if (panels.length > 1 && (panels[0].kind === "plane" || panels[1].kind === "side")) return arrangeLargest(panels, width, tallest);
  const columns = Math.max(1, Math.min(panels.length, Math.floor((width + GAP) / (NARROWEST + GAP))));
  const caption = captions ? CAPTION : 0;
  const cell = (width - GAP * (columns - 1)) / columns;
  const rows = Math.ceil(panels.length / columns);
  const row = Math.max((tallest - GAP * (rows - 1)) / rows - caption, Math.min(tallest - caption, LOWEST));
  const fits = (panel) => Math.min(row, cell / panel.aspect);
  const high = Math.floor(Math.max(...panels.map(fits)));
  const placed = panels.map((panel, i) => {
    const h = fits(panel);
    const w = h * panel.aspect;
    const x = (i % columns) * (cell + GAP) + (cell - w) / 2;
    const y = Math.floor(i / columns) * (high + caption + GAP) + caption + (high - h) / 2;
    return { ...panel, area: { x, y, w, h } };
  });
  return { placed, height: rows * (high + caption) + GAP * (rows - 1) };
}

/** The first, a latent plane or a world, is the largest. What belongs to it stands beside it, or below where it is narrow. */
function arrangeLargest([first, ...others], width, tallest) {
  const narrow = width < 2 * NARROWEST;
  const wide = Math.min((tallest - CAPTION) * first.aspect, narrow ? width : Math.max(0.55 * width - GAP, (width - 2 * GAP) / 3));
  const high = wide / first.aspect;
  const left = narrow ? (width - wide) / 2 : 0;
  const placed = [{ ...first, area: { x: left, y: CAPTION, w: wide, h: high } }];
  const room = narrow ? { x: 0, y: high + CAPTION + GAP, w: width, h: tallest } : { x: wide + GAP, y: 0, w: width - wide - GAP, h: high + CAPTION };
  const row = (room.w - GAP * (others.length - 1)) / others.length;
  const beside = others.map((one) => Math.min(room.h - CAPTION, row / one.aspect));
  // One above the other what belongs to a plane begins with the larger one.
  const share = first.kind === "plane" && others.length > 1 ? 0.6 : 1 / others.length;
  const shares = others.map((_, i) => (i ? (1 - share) / (others.length - 1) : share));
  const below = others.map((one, i) => Math.min(shares[i] * (room.h - CAPTION * others.length - GAP * (others.length - 1)), room.w / one.aspect));
  const inRow = narrow || beside[0] >= below[0];
  let [x, y] = [room.x, room.y];
  others.forEach((one, i) => {
    const h = inRow ? beside[i] : below[i];
    const w = h * one.aspect;
    placed.push({ ...one, area: { x: inRow ? x : room.x + (room.w - w) / 2, y: y + CAPTION, w, h } });
    if (inRow) x += w + GAP;
    else y += h + CAPTION + GAP;
  });
  return { placed, height: Math.max(...placed.map(({ area }) => area.y + area.h)) };
}

export function paintPanel(ctx, panel, layers, look) {
  if (panel.kind === "world") drawWorld(ctx, layers, worldMap(panel.area, layers, look.box), look);
  else if (panel.kind === "plane") paintPlane(ctx, panel, layers, look);
  else if (panel.kind === "decoded") paintDecoded(ctx, panel, layers, look);
  else if (panel.kind === "side") paintSide(ctx, panel, layers, look);
  else if (panel.kind === "wall") paintWall(ctx, panel, layers, look);
  else if (panel.kind === "photo") look.photos.paint(ctx, panel, look);
  else if (panel.kind === "images") {
    const score = shownScore(panel.name, layers, look);
    if (!look.isOff(panel.name)) paintImages(ctx, layers.items.get(panel.name), panel.area, look, score);
  } else if (TRACKS.includes(panel.kind)) {
    if (!look.isOff(panel.name)) paintTracks(ctx, panel.kind, layers.items.get(panel.name), panel.area, look, panel.name);
  } else paintEmpty(ctx, panel.area, look);
  if (look.captions && panel.kind !== "empty") paintCaption(ctx, panel, look);
}

/** A field of the world's box in a panel of its own. */
function paintSide(ctx, { name, area }, layers, look) {
  const map = mapping(look.box, area);
  clip(ctx, area);
  if (!look.isOff(name)) paintField(ctx, layers.items.get(name), map, { ...look, bold: true }, name);
  ctx.restore();
  drawFrame(ctx, map, look);
}

function paintCaption(ctx, panel, look) {
  lettering(ctx, look.palette, "600 13px", "center", "alphabetic", look.palette.muted);
  const text = look.words[panel.caption ?? panel.name] ?? (["images", "side", "photo", ...TRACKS].includes(panel.kind) ? splitName(panel.name)[1] : "");
  ctx.fillText(text, panel.area.x + panel.area.w / 2, panel.area.y - 7, panel.area.w);
}

/** {lines, under, tile} at a place of the canvas, or null. `under` = {name, index} of a point. */
export function readPanel(screen, px, py, touch) {
  const { panels, layers, look, box } = screen;
  const panel = panels?.find(({ area }) => inside(area, px, py));
  if (panel?.kind === "wall") return readWall(panel, layers, look, px, py, touch);
  if (panel?.kind === "plane") return readLatent(screen, panel, px, py, touch);
  if (panel?.kind === "images") return readTile(panel, layers, look, px, py);
  const world = worldPlace(screen, px, py);
  if (!world) return null;
  const { map, x, y } = world;
  if (map.graph) return { lines: readGraph(layers, look, map, x) };
  const under = pointNear(layers, look, map, px, py, touch ? NEAR_TOUCH : NEAR);
  return under ? readPoint(under, layers, look) : readPlane(layers, look, box, [x, y]);
}

/** {map, x, y}: a place of the canvas in the world, or null where it is outside. */
function worldPlace({ panels, layers, box }, px, py) {
  const panel = panels?.find(({ kind }) => kind === "world");
  if (!panel || !box) return null;
  const map = worldMap(panel.area, layers, box);
  const [x, y, [x0, x1, y0, y1]] = [map.worldX(px), map.worldY(py), map.box];
  return x >= x0 && x <= x1 && y >= y0 && y <= y1 ? { map, x, y } : null;
}

function readTile(panel, layers, look, px, py) {
  const item = layers.items.get(panel.name);
  if (!item || look.isOff(panel.name)) return null;
  const score = scoreOf(panel.name, layers);
  const index = tileAt(tileGrid(item, panel.area, shownScore(panel.name, layers, look)), px, py);
  if (index < 0) return null;
  return { lines: score ? [beliefSays(look, score.values[index])] : [], tile: { item, index } };
}
