// What lies under a place of the world, in words: a fake with its z, or a place of the plane or the graph.

import { splitName } from "../core/names.js";
import { fixed, vector } from "../core/numbers.js";
import { fieldAt } from "../draw/box.js";
import { heightAt, isBelief } from "./graph.js";

/** The nearest point whose z is known. */
export function pointNear(layers, look, map, px, py, reach) {
  let nearest = null;
  for (const [name, item] of layers.entries("points")) {
    if (look.isOff(name) || !zOf(name, layers)) continue;
    for (let index = 0; index < item.shape[0]; index++) {
      const far = Math.hypot(map.x(item.values[2 * index]) - px, map.y(item.values[2 * index + 1]) - py);
      if (far <= reach) [reach, nearest] = [far, { name, index }];
    }
  }
  return nearest;
}

/** The noise that these points were made of. */
export function zOf(name, layers) {
  return layers.items.get(`latent/${splitName(name)[1]}`);
}

export function readPoint(under, layers, look) {
  const [, rest] = splitName(under.name);
  const [z, x] = [zOf(under.name, layers), layers.items.get(under.name)].map((item) => vector(rowOf(item, under.index)));
  const belief = layers.items.get(`belief/${rest}`)?.values[under.index];
  const lines = [`z = ${z}`, `x = ${x}`];
  if (belief !== undefined) lines.push(beliefSays(look, belief));
  return { lines, under };
}

function rowOf({ values, shape: [n] }, index) {
  return values.slice((index * values.length) / n, ((index + 1) * values.length) / n);
}

export function readPlane(layers, look, box, at) {
  const [name, item] = layers.entries("field").find(([name]) => !look.isOff(name)) ?? [];
  if (!item) return null;
  const height = fieldAt(item, box, ...at).toFixed(3);
  return { lines: [`x = ${vector(at)}`, `${look.words[name] ?? look.words.field} = ${height}`] };
}

export function beliefSays(look, belief) {
  return `${look.words.field} = ${belief.toFixed(3)}`;
}

/** Every curve at this x. */
export function readGraph(layers, look, map, x) {
  const lines = [`x = ${fixed(x, 2)}`];
  for (const [name, item] of layers.entries("line")) {
    if (look.isOff(name)) continue;
    const value = heightAt(item.values, x) / (isBelief(name) ? map.graph.top : 1);
    lines.push(`${look.words[name] ?? splitName(name)[1]} = ${fixed(value, 3)}`);
  }
  return lines;
}
