// What is on the screen now: named arrays, some of them gliding to their next place.

import { splitName } from "../core/names.js";
import { clamp } from "../core/numbers.js";

const GLIDING = new Set(["points", "mesh", "paths", "line", "links", "arrows", "field", "side", "wall/points", "codes/test"]);
const LARGEST_GLIDE = 60000; // numbers; larger arrays jump
const FIELD_GLIDE_FROM = 80; // ms; at a faster rate a field has no need to be blended

export class Layers {
  items = new Map();
  still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  /** Show exactly these arrays. What can glide arrives `duration` ms after `now`: then its `values` are its `target`. */
  show(arrays, now, duration) {
    for (const name of this.items.keys()) if (!arrays.has(name)) this.items.delete(name);
    for (const [name, array] of arrays) {
      const old = this.items.get(name);
      if (old?.target === array.data) continue;
      const glides = !this.still && duration > 0 && canGlide(name, array, old, duration);
      const values = glides ? Float32Array.from(old.values) : array.data;
      const glide = glides ? { from: values.slice(), start: now, duration } : {};
      this.items.set(name, { ...basics(array, old), values, ...glide });
    }
  }

  /** Move everything to where it is at `now`. True while something still moves. */
  advance(now) {
    let moving = false;
    for (const item of this.items.values()) {
      if (!item.from) continue;
      const share = clamp((now - item.start) / item.duration, 0, 1);
      blend(item, share);
      if (share === 1) item.from = null;
      else moving = true;
    }
    return moving;
  }

  entries(kind) {
    return [...this.items].filter(([name]) => name.startsWith(kind + "/"));
  }
}

function canGlide(name, array, old, duration) {
  const [kind] = splitName(name);
  if (!old || !(GLIDING.has(kind) || GLIDING.has(name)) || array.data.length > LARGEST_GLIDE) return false;
  if ((kind === "field" || kind === "side") && duration < FIELD_GLIDE_FROM) return false;
  return old.shape.join() === array.shape.join() && old.eight === isEight(array);
}

export function isEight(array) {
  return array.data instanceof Uint8Array;
}

let versions = 0;

/** The cache (a field's offscreen canvas, an image atlas) is handed on, to be painted over. */
function basics(array, old) {
  return { shape: array.shape, target: array.data, eight: isEight(array), cache: old?.cache, painted: "", version: ++versions };
}

function blend(item, share) {
  const { from, target, values } = item;
  for (let i = 0; i < values.length; i++) values[i] = from[i] + (target[i] - from[i]) * share;
  item.version = ++versions;
}
