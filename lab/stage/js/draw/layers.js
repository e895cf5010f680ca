// What is on the screen now: named arrays, some of them gliding to their next place.

import { splitName } from "../core/names.js";

const GLIDING = new Set(["points", "mesh", "paths", "line", "links", "arrows", "field", "side", "wall/points", "codes/test"]);
const LARGEST_GLIDE = 60000; // numbers; larger arrays jump
const FIELD_GLIDE_FROM = 80; // ms; at a faster rate a field has no need to be blended

export class Layers {
  constructor() {
    this.items = new Map();
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  /** Show exactly these arrays; what can glide arrives `duration` ms after `now`. */
  show(arrays, now, duration) {
    for (const name of this.items.keys()) if (!arrays.has(name)) this.items.delete(name);
    for (const [name, array] of arrays) {
      const old = this.items.get(name);
      if (old?.target === array.data) continue;
      const glides = !this.still && duration > 0 && canGlide(name, array, old, duration);
      this.items.set(name, glides ? glide(array, old, now, duration) : rest(array, old));
    }
  }

  /** Move everything to where it is at `now`. True while something still moves. */
  advance(now) {
    let moving = false;
    for (const item of this.items.values()) {
      if (!item.from) continue;
      const share = Math.min(1, Math.max(0, (now - item.start) / item.duration));
      blend(item, share);
      if (share >= 1) item.from = null;
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

/** `values` is what to draw; it reaches `target` at the end of the glide. */
function glide(array, old, start, duration) {
  const from = Float32Array.from(old.values);
  return { ...basics(array, old), values: Float32Array.from(from), from, start, duration };
}

function rest(array, old) {
  return { ...basics(array, old), values: array.data, from: null };
}

/** The cache (a field's offscreen canvas, an image atlas) is handed on, to be painted over. */
function basics(array, old) {
  return { shape: array.shape, target: array.data, eight: isEight(array), cache: old?.cache, painted: "", version: nextVersion() };
}

let versions = 0;
function nextVersion() {
  return ++versions;
}

function blend(item, share) {
  const { from, target, values } = item;
  for (let i = 0; i < values.length; i++) values[i] = from[i] + (target[i] - from[i]) * share;
  item.version = nextVersion();
}
