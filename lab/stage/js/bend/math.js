// The mathematics of one dimension: a monotone curve z = f(x), densities with their mass, and the descent on the knots.

export const BEND_REACH = 3.5; // the picture shows [-3.5, 3.5] in x and in z
export const KNOT_LIMIT = 3.4; // where knots may go
export const KNOT_GAP = 0.08; // the least distance of two neighbours, in x and in z: f stays strictly monotone

/** The rational-quadratic spline through knots [[x, z], ...] that rise in both (Durkan et al. 2019,
 * arXiv:1906.04032, section 3.1). Its slope at a knot is the harmonic mean of the slopes of the chords beside it;
 * outside the knots it goes on straight. */
export function bendSpline(knots) {
  const x = knots.map((knot) => knot[0]);
  const z = knots.map((knot) => knot[1]);
  const chords = x.slice(1).map((right, k) => (z[k + 1] - z[k]) / (right - x[k]));
  const last = chords.length - 1;
  const slopes = x.map((_, k) => {
    const [a, b] = [chords[Math.max(0, k - 1)], chords[Math.min(last, k)]];
    return (2 * a * b) / (a + b);
  });
  return { x, z, chords, slopes };
}

/** {z: f(x), slope: f'(x)}: equations 4 and 5 of the paper between the knots. */
export function bendAt({ x, z, chords, slopes }, at) {
  const last = x.length - 1;
  if (at <= x[0]) return { z: z[0] + slopes[0] * (at - x[0]), slope: slopes[0] };
  if (at >= x[last]) return { z: z[last] + slopes[last] * (at - x[last]), slope: slopes[last] };
  let k = 0;
  while (at > x[k + 1]) k++;
  const [s, left, right] = [chords[k], slopes[k], slopes[k + 1]];
  const xi = (at - x[k]) / (x[k + 1] - x[k]);
  const both = xi * (1 - xi);
  const below = s + (left + right - 2 * s) * both;
  return {
    z: z[k] + ((z[k + 1] - z[k]) * (s * xi * xi + left * both)) / below,
    slope: (s * s * (right * xi * xi + 2 * s * both + left * (1 - xi) * (1 - xi))) / (below * below),
  };
}

// --- densities: each has log(u) = log p(u), and a base has its cdf as well ----------------------------

/** The distribution function of N(0, 1), by its series around 0; every term has the same sign. */
function normalCdf(u) {
  if (Math.abs(u) > 8) return u > 0 ? 1 : 0;
  let [term, sum] = [u, u];
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    term *= (u * u) / k;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-0.5 * u * u)) / Math.sqrt(2 * Math.PI);
}

/** Normal distributions [weight, mean, sigma], added. */
export function normals(...parts) {
  return {
    log: (u) => {
      const far = Math.min(...parts.map(([, m, s]) => ((u - m) / s) ** 2)); // taken out: no exponential vanishes
      const sum = parts.reduce((all, [w, m, s]) => all + (w / s) * Math.exp(0.5 * (far - ((u - m) / s) ** 2)), 0);
      return Math.log(sum) - 0.5 * far - 0.5 * Math.log(2 * Math.PI);
    },
    cdf: (u) => parts.reduce((sum, [w, m, s]) => sum + w * normalCdf((u - m) / s), 0),
  };
}

const softplus = (u) => Math.max(u, 0) + Math.log1p(Math.exp(-Math.abs(u)));

/** Uniform on [-2, 2] with soft edges: with hard ones log p would be minus infinity outside. */
const softUniform = {
  log: (u) => -softplus((Math.abs(u) - 2) / 0.05) - Math.log(4),
  cdf: (u) => {
    const tail = (0.05 / 4) * softplus((2 - Math.abs(u)) / 0.05);
    return u < 0 ? tail : 1 - tail;
  },
};

export const BEND_BASES = {
  normal: normals([1, 0, 1]),
  uniform: softUniform,
  mixture: normals([0.5, -1.2, 0.5], [0.5, 1.2, 0.5]),
};

/** The bumps are those of the lab's data sets of the same names. */
export const BEND_TARGETS = {
  "two-bumps": normals([2 / 3, -1, 0.4], [1 / 3, 1, 0.4]),
  "three-bumps": normals([0.5, -2, 0.3], [0.3, 0, 0.3], [0.2, 2, 0.3]),
  skew: {
    // Azzalini's skew normal: 2 / s phi(v) Phi(4 v)
    log: (u) => {
      const v = (u + 1.2) / 1.4;
      return Math.log(Math.max(1e-300, (2 / 1.4) * normalCdf(4 * v))) - 0.5 * v * v - 0.5 * Math.log(2 * Math.PI);
    },
  },
  uniform: softUniform,
};

/** log p_x(x) = log p_z(f(x)) + log f'(x) */
export function bendLog(spline, base, x) {
  const { z, slope } = bendAt(spline, x);
  return base.log(z) + Math.log(slope);
}

// --- integrals ----------------------------------------------------------------------------------------

const GAUSS = [[0, 128 / 225], ...[[10, 13], [-10, -13]].flatMap(([root, tail]) => [1, -1].map((side) => [
  (side * Math.sqrt(5 + 2 * Math.sign(root) * Math.sqrt(10 / 7))) / 3,
  (322 - tail * Math.sqrt(70)) / 900,
]))];

/** Integral of p_x from a to b, by Gauss and Legendre's five nodes on short pieces between the knots. It uses p_x
 * alone and nothing of the base's cdf, so that the two masses of a slice are found in two ways. */
export function bendMass(spline, base, a, b) {
  const cuts = [a, ...spline.x.filter((x) => x > a && x < b), b];
  let sum = 0;
  for (let k = 0; k + 1 < cuts.length; k++) {
    const [left, right] = [cuts[k], cuts[k + 1]];
    const pieces = Math.ceil(10 * Math.max(right - left, bendAt(spline, right).z - bendAt(spline, left).z));
    const half = (right - left) / pieces / 2;
    for (let i = 0; i < pieces; i++) {
      const middle = left + (2 * i + 1) * half;
      for (const [node, weight] of GAUSS) sum += weight * half * Math.exp(bendLog(spline, base, middle + node * half));
    }
  }
  return sum;
}

/** Integral of p_x over all x for which |f(x)| <= 9: beyond there is no mass that a computer could see. */
export function bendTotal(spline, base) {
  const last = spline.x.length - 1;
  const from = spline.x[0] - (9 + spline.z[0]) / spline.slopes[0];
  return bendMass(spline, base, from, spline.x[last] + (9 - spline.z[last]) / spline.slopes[last]);
}

const BEND_GRID = Array.from({ length: 201 }, (_, i) => -5 + i / 20);

/** Where the target has mass: places of the grid, its weights there, which sum to 1, and its log density. */
export function bendTarget(target) {
  const logs = BEND_GRID.map(target.log);
  const weights = logs.map((log) => Math.exp(log) / 20);
  return BEND_GRID.map((x, i) => ({ x, log: logs[i], weight: weights[i] })).filter(({ weight }) => weight > 1e-12);
}

/** KL(target || p_x) = E over the target of log target - log p_x, in nats. */
export function bendKL(places, spline, base) {
  return places.reduce((sum, { x, log, weight }) => sum + weight * (log - bendLog(spline, base, x)), 0);
}

// --- gradient descent on the knots -----------------------------------------------------------------------

/** Knots as free numbers: shares of the way from edge to edge, as logits (the paper's softmax of widths and heights).
 * Whatever the numbers are, the knots keep their order and stay in the picture. */
const ROOM = 2 * KNOT_LIMIT;

export function toLogits(values) {
  const ends = [-KNOT_LIMIT, ...values, KNOT_LIMIT];
  return ends.slice(1).map((end, k) => Math.log(Math.max(1e-3, end - ends[k] - (k && k < values.length ? KNOT_GAP : 0))));
}

export function fromLogits(logits) {
  const parts = logits.map(Math.exp);
  const inner = logits.length - 2;
  const unit = (ROOM - KNOT_GAP * inner) / parts.reduce((sum, part) => sum + part, 0);
  let at = -KNOT_LIMIT;
  return parts.slice(0, -1).map((part, k) => (at += part * unit + (k ? KNOT_GAP : 0)));
}

/** Adam on -E[log p_x(x)] over the target; the gradient is taken by central differences. */
export class BendDescent {
  constructor(knots, base, target) {
    this.base = base;
    this.places = bendTarget(target);
    this.free = [...toLogits(knots.map((knot) => knot[0])), ...toLogits(knots.map((knot) => knot[1]))];
    this.first = this.free.map(() => 0);
    this.second = this.free.map(() => 0);
    this.steps = 0;
  }

  knots(free = this.free) {
    const z = fromLogits(free.slice(free.length / 2));
    return fromLogits(free.slice(0, free.length / 2)).map((x, k) => [x, z[k]]);
  }

  loss(free) {
    const spline = bendSpline(this.knots(free));
    return -this.places.reduce((sum, { x, weight }) => sum + weight * bendLog(spline, this.base, x), 0);
  }

  step(rate = 0.05) {
    const t = ++this.steps;
    const moved = (i, by) => this.free.map((value, k) => (k === i ? value + by : value));
    const slope = this.free.map((_, i) => (this.loss(moved(i, 1e-4)) - this.loss(moved(i, -1e-4))) / 2e-4);
    slope.forEach((g, i) => {
      this.first[i] = 0.9 * this.first[i] + 0.1 * g;
      this.second[i] = 0.99 * this.second[i] + 0.01 * g * g;
      this.free[i] -= (rate * (this.first[i] / (1 - 0.9 ** t))) / (Math.sqrt(this.second[i] / (1 - 0.99 ** t)) + 1e-8);
    });
  }
}
