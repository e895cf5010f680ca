// What a pen writes: steps of several ways to go on, with all that the model knew before each of them.

const PARTS = 6; // numbers of a component: weight, mean and spread to the right and upwards, correlation

/** What the probe `hand` says of a model. */
export function factsOf({ arrays, meta }) {
  return { ...meta, paces: [...(arrays.get("paces")?.data ?? [])] };
}

/** One way: `places` after each step [x, y, lifted], the `mixtures` before it (PARTS numbers a component), the chance that
 * the pen is `lifted`, the window `phi` over the letters, and the `losses` in nats. */
class Way {
  constructor() {
    Object.assign(this, { places: [], mixtures: [], lifts: [], phi: [], losses: [], length: Infinity });
  }
}

export class Writing {
  /** `question` has the seed, the bias, the label or the text, and the strokes that are given; `n` ways are asked for. */
  constructor(facts, question) {
    Object.assign(this, { facts, question, chosen: 0, ways: [], limp: [], given: 0, text: "", complete: false });
  }

  /** One part of the answer of the probe `write`. */
  take({ arrays, meta }) {
    const [n, m] = arrays.get("steps").shape;
    while (this.ways.length < n) this.ways.push(new Way());
    const row = (name, way, t) => {
      const { shape, data } = arrays.get(name);
      const size = shape.slice(2).reduce((product, one) => product * one, 1);
      return data.subarray((way * m + t) * size, (way * m + t + 1) * size);
    };
    this.ways.forEach((way, i) => {
      for (let t = 0; t < m; t++) {
        const [x, y] = way.places.at(-1) ?? [0, 0];
        const [dx, dy, lifted] = row("steps", i, t);
        way.places.push([x + dx, y + dy, lifted > 0.5]);
        way.mixtures.push(row("mixture", i, t));
        way.lifts.push(row("lift", i, t)[0]);
        if (arrays.has("phi")) way.phi.push(row("phi", i, t));
        way.losses.push(row("loss", i, t)[0]);
      }
      way.length = meta.lengths[i] ?? Infinity;
    });
    this.given = meta.given;
    this.text = meta.text;
    this.round = meta.round;
  }

  /** The way of the probe `limp`, which always goes to the mean. */
  takeLimp({ arrays }) {
    const { data } = arrays.get("places");
    this.limp = Array.from({ length: data.length / 3 }, (_, t) => [data[3 * t], data[3 * t + 1], data[3 * t + 2] > 0.5]);
  }

  /** All has come. */
  end() {
    this.complete = true;
  }

  get way() {
    return this.ways[this.chosen];
  }

  /** How many steps it has; while it is not complete, how many it may have. */
  get length() {
    return this.complete ? this.reach : this.facts.T;
  }

  /** How many steps can be shown. */
  get reach() {
    return this.way ? Math.min(this.way.places.length, this.way.length) : 0;
  }

  /** Where the pen is after n steps and a share of the next. */
  nib(n, share = 0) {
    const from = n ? this.way.places[n - 1] : [0, 0];
    const to = share > 0 && n < this.reach ? this.way.places[n] : from;
    return [0, 1].map((axis) => from[axis] + share * (to[axis] - from[axis]));
  }

  /** What the model knows of the step after the first n: its components, the chance of a lift, the window, and what was
   * drawn; null where nothing follows. */
  next(n) {
    if (n < 0 || n >= this.reach) return null;
    const { mixtures, lifts, phi, losses, places } = this.way;
    const at = this.nib(n);
    const drawn = [0, 1].map((axis) => places[n][axis] - at[axis]);
    return { components: componentsOf(mixtures[n]), lift: lifts[n], phi: phi[n] ?? null, loss: losses[n], drawn, given: n < this.given };
  }

  /** The loss of the first n steps, in nats. */
  loss(n) {
    return this.way ? this.way.losses.slice(0, n).reduce((sum, one) => sum + one, 0) : 0;
  }
}

/** A hand's own drawing as far as the time axis shows it: the losses of its steps, or none. */
export function ownWriting(losses) {
  const length = losses?.length ?? 0;
  return { way: losses ? { losses, phi: [] } : null, length, reach: length, given: length, text: "" };
}

/** The components of a mixture, the heaviest last, so that it is painted over the others. */
function componentsOf(numbers) {
  const all = Array.from({ length: numbers.length / PARTS }, (_, m) => {
    const [pi, mx, my, sx, sy, rho] = numbers.subarray(PARTS * m, PARTS * (m + 1));
    return { pi, mu: [mx, my], axes: axesOf(sx, sy, rho) };
  });
  return all.sort((one, other) => one.pi - other.pi);
}

/** The half axes of the ellipse of one standard deviation, and the angle of the first, from the covariance's eigenvalues. */
export function axesOf(sx, sy, rho) {
  const [a, b, c] = [sx * sx, rho * sx * sy, sy * sy];
  const [middle, far] = [(a + c) / 2, Math.hypot((a - c) / 2, b)];
  return { long: Math.sqrt(middle + far), short: Math.sqrt(Math.max(0, middle - far)), angle: Math.atan2(2 * b, a - c) / 2 };
}

/** The mean of a mixture. */
export function meanOf(components) {
  return [0, 1].map((axis) => components.reduce((sum, { pi, mu }) => sum + pi * mu[axis], 0));
}

/** The box [x0, x1, y0, y1] of the sheet: that of the data, as wide as the text, with a margin; and all that is written,
 * unless a hand draws its `own`. */
export function boxOf({ kind, box, advance, letters }, writing, own) {
  let [x0, x1, y0, y1] = box;
  if (kind === "words") x1 = advance * (writing.text.length || letters);
  const seen = own ? [] : writing.given ? writing.ways : [writing.way];
  for (const way of seen) {
    for (const [x, y] of way?.places.slice(0, Math.min(way.length, way.places.length)) ?? []) {
      [x0, x1] = [Math.min(x0, x), Math.max(x1, x)];
      [y0, y1] = [Math.min(y0, y), Math.max(y1, y)];
    }
  }
  const margin = 0.06 * Math.max(x1 - x0, y1 - y0);
  return [x0 - margin, x1 + margin, y0 - margin, y1 + margin];
}

/** Which letter the window weighs most, or -1. */
export function letterOf(phi) {
  return phi ? phi.reduce((best, one, u) => (one > phi[best] ? u : best), 0) : -1;
}
