// What lies under a place of the picture, in words: a fake with its z, a place of the plane or of
// the graph, or one picture of a grid.

const NEAR = 12; // px within which a point is meant
const NEAR_TOUCH = 22;

/** {lines, under, tile} at a place of the canvas, or null. `under` = {name, index} of a point. */
function reading({ panels, layers, look, box }, px, py, touch) {
  const panel = panels?.find(({ area }) => px >= area.x && px <= area.x + area.w && py >= area.y && py <= area.y + area.h);
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

/** The nearest point whose z is known. */
function pointNear(layers, look, map, px, py, reach) {
  let found = null;
  for (const [name, item] of layers.entries("points")) {
    if (look.isOff(name) || !zOf(name, layers)) continue;
    for (let index = 0; index < item.shape[0]; index++) {
      const far = Math.hypot(map.x(item.values[2 * index]) - px, map.y(item.values[2 * index + 1]) - py);
      if (far <= reach) [reach, found] = [far, { name, index }];
    }
  }
  return found;
}

/** The noise that these points were made of. */
function zOf(name, layers) {
  return layers.items.get(`latent/${splitName(name)[1]}`);
}

function readPoint(under, layers, look, box) {
  const [, rest] = splitName(under.name);
  const z = rowOf(zOf(under.name, layers), under.index);
  const x = rowOf(layers.items.get(under.name), under.index);
  const belief = layers.items.get(`belief/${rest}`)?.values[under.index];
  const lines = [`z = ${vector(z)}`, `x = ${vector(x)}`];
  if (belief !== undefined) lines.push(beliefSays(look, belief));
  return { lines, under };
}

function rowOf(item, index) {
  const wide = item.values.length / item.shape[0];
  return item.values.slice(index * wide, (index + 1) * wide);
}

function readPlane(layers, look, box, at) {
  const field = layers.entries("field").find(([name]) => !look.isOff(name));
  if (!field) return null;
  const name = look.words[field[0]] ?? look.words.field;
  return { lines: [`x = ${vector(at)}`, `${name} = ${fieldAt(field[1], box, ...at).toFixed(3)}`] };
}

function beliefSays(look, belief) {
  return `${look.words.field} = ${belief.toFixed(3)}`;
}

/** Every curve at this x. */
function readGraph(layers, look, map, x) {
  const lines = [`x = ${signed(x.toFixed(2))}`];
  for (const [name, item] of layers.entries("line")) {
    if (look.isOff(name)) continue;
    const value = heightAt(item.values, x) / (isBelief(name) ? map.graph.top : 1);
    lines.push(`${look.words[name] ?? splitName(name)[1]} = ${signed(value.toFixed(3))}`);
  }
  return lines;
}

function readTile(panel, layers, look, px, py) {
  const item = layers.items.get(panel.name);
  if (!item || look.isOff(panel.name)) return null;
  const score = scoreOf(panel.name, layers);
  const index = tileAt(tileGrid(item, panel.area, shownScore(panel.name, layers, look)), px, py);
  if (index < 0) return null;
  return { lines: score ? [beliefSays(look, score.values[index])] : [], tile: { item, index } };
}
