// A picture that a model writes: the value of each pixel and its distribution, in the order of the model, as they come.

import { fixed, powerOfTen } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { FREE } from "../draw/cells.js";

/** What the probe `desk` says of a model. `order` has the places 0 ... D - 1 as they are written, `rank` the other way round. */
export function factsOf({ arrays, meta }) {
  const { H, W, K, labels, examples } = meta;
  const rank = Int32Array.from(arrays.get("rank").data);
  const order = new Int32Array(rank.length);
  rank.forEach((r, place) => (order[r] = place));
  const { data } = arrays.get("palette");
  const colours = Array.from({ length: K }, (_, k) => [...data.subarray(3 * k, 3 * k + 3)]);
  return { H, W, K, D: rank.length, labels, examples, rank, order, colours };
}

export class Writing {
  /** `question` has the seed, the label and the temperature; `values`, those that are given (bytes), or null; and `put`,
   * the places whose values a hand has chosen. The first `from` pixels of the order are given. */
  constructor(facts, question, from = 0) {
    Object.assign(this, { facts, question, from });
    this.values = question.values ? question.values.slice() : new Uint8Array(facts.D).fill(FREE);
    this.p = new Float32Array(facts.D * facts.K);
    this.logs = new Float64Array(facts.D); // of each place
    this.sums = new Float64Array(facts.D + 1); // of the first r pixels of the order
    this.written = 0;
  }

  /** One part of the answer of the probe `write`. */
  take({ arrays, meta }) {
    const [picture, places, p, logP] = ["picture", "places", "p", "log_p"].map((name) => arrays.get(name).data);
    const { K } = this.facts;
    places.forEach((place, i) => {
      const row = p.subarray(i * K, (i + 1) * K);
      this.p.set(row, place * K);
      this.values[place] = picture[place];
      this.logs[place] = Math.log(row[picture[place]]);
      this.sums[this.written + 1] = this.sums[this.written] + this.logs[place];
      this.written += 1;
    });
    this.sums[this.written] = logP[0]; // exact, where a p was rounded to 0, too
    this.round = meta.round;
  }

  get complete() {
    return this.written === this.facts.D;
  }

  /** How many pixels it has. */
  get length() {
    return this.facts.D;
  }

  /** How many pixels of the order can be shown. */
  get reach() {
    return Math.max(this.from, this.written);
  }

  /** log p(x), once it is complete. */
  get total() {
    return this.sums[this.facts.D];
  }

  /** What is known of a pixel while n are shown: its value and its distribution p, if it is among them, whether its value was
   * put by hand, and the sum of log p up to it. */
  pixel(place, n) {
    const { facts, question } = this;
    if (place === null || facts.rank[place] >= Math.min(n, this.written)) return { place, p: null };
    const p = this.p.subarray(place * facts.K, (place + 1) * facts.K);
    return { place, p, value: this.values[place], log: this.logs[place], sum: this.sums[facts.rank[place] + 1], put: question.put.includes(place) };
  }

  /** The values when so many pixels are written. */
  shown(n) {
    return this.values.map((value, place) => (this.facts.rank[place] < n ? value : FREE));
  }

  /** What is given when this value is put in a place: it, and all that comes before it in the order. */
  before(place, value) {
    const given = this.shown(this.facts.rank[place]);
    given[place] = value;
    return given;
  }
}

/** The arguments of the probe `write` or `look`, with values as it takes them. */
export function base64Of(values) {
  return values ? btoa(String.fromCharCode(...values)) : "";
}

/** The label as an argument, for a model that is told one. */
export function labelOf({ labels }, label) {
  return labels ? { label } : {};
}

/** "raster", "spiral" or "random": what the order of the pixels looks like. */
export function orderName({ order, W, D }) {
  if (order.every((place, r) => place === r)) return "raster";
  const near = order.slice(1).filter((place, r) => Math.abs((place % W) - (order[r] % W)) + Math.abs(Math.floor(place / W) - Math.floor(order[r] / W)) === 1);
  return near.length > D / 2 ? "spiral" : "random";
}

/** What a value is called. */
export function valueName({ colours, K }, k, words) {
  const grey = ([r, g, b]) => r === g && g === b;
  if (!colours.every(grey)) return words.colour.replace("{k}", k);
  return (words[`shades${K}`] ?? [])[k] ?? words.shade.replace("{k}", k).replace("{most}", K - 1);
}

const HALVES = {
  top: (r, c, H) => r < H / 2,
  left: (r, c, H, W) => c < W / 2,
  bottom: (r, c, H) => r >= H / 2,
};
export const HALF_NAMES = Object.keys(HALVES);

/** A picture of which one half is given. */
export function halfOf(values, { H, W }, half) {
  return values.map((value, place) => (HALVES[half](Math.floor(place / W), place % W, H, W) ? value : FREE));
}

/** How many pixels a model draws before it has seen all that is given. */
export function drawnTooEarly(given, rank) {
  const last = given.reduce((most, value, place) => (value === FREE ? most : Math.max(most, rank[place])), -1);
  return given.reduce((n, value, place) => n + (value === FREE && rank[place] < last ? 1 : 0), 0);
}

/** How many of the pixels that come after the r-th of the order differ. */
function differences(one, other, { rank }, r) {
  return one.values.reduce((n, value, place) => n + (rank[place] > r && value !== other.values[place] ? 1 : 0), 0);
}

/** What comes of a value that was put in the r-th place in place of `was`, while n pixels are shown; `before` is the picture of
 * before, or null where it was never complete. */
export function changeSays({ value, was, r, before }, writing, n, words) {
  const { facts } = writing;
  const later = facts.D - r - 1;
  const names = { value: valueName(facts, value, words), was: valueName(facts, was, words), n: later };
  if (n < facts.D || !writing.complete) return fill(words.putNow, names);
  const after = nats(writing.total);
  if (!before) return fill(words.putDone, { ...names, after });
  const says = writing.total < before.total ? words.fell : words.rose;
  return fill(says, { ...names, after, before: nats(before.total), changed: differences(before, writing, facts, r) });
}

/** "row 3, column 5": {row, column} from 1. */
export function placeOf({ W }, place) {
  return { row: Math.floor(place / W) + 1, column: (place % W) + 1 };
}

/** A probability with as many digits as tell it from 0 and from 1. */
export function chance(p) {
  if (p > 0 && p < 0.0005) return powerOfTen(p);
  return fixed(p, p > 0.9995 ? 4 : 3);
}

/** A logarithm; that of a probability which was rounded to 0 is only known to be lower. */
export function nats(value) {
  return Number.isFinite(value) ? fixed(value, 2) : "< \u221287";
}
