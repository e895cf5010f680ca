// The tree of dilated convolutions: which units, and at last which samples, one distribution can depend on.

const SPARE = 5; // CSS pixels a sample from which units that it does not see are shown, too

/** From the output at t down: `rows[0]` has the places of the last layer's units that it sees, `rows.at(-1)` those of the first
 * layer's inputs, and `edges[l]` has [from, to] from row l to row l + 1. A layer joins what lies `back` before and `ahead` after
 * a place; from the second on it also passes on the place itself. An input at t is the sample t - 1. */
export function treeOf({ back, ahead, D }, t) {
  const rows = [[t]];
  const edges = [];
  for (let l = back.length - 1; l >= 0; l -= 1) {
    const below = new Set();
    const lines = new Map();
    for (const at of rows.at(-1)) {
      const ends = [Math.max(0, at - back[l]), Math.min(D - 1, at + ahead[l]), ...(l ? [at] : [])];
      for (const end of ends) {
        below.add(end);
        lines.set(`${at} ${end}`, [at, end]);
      }
    }
    rows.push([...below].sort((a, b) => a - b));
    edges.push([...lines.values()]);
  }
  return { rows, edges };
}

/** The samples at the leaves of a tree, without what stands before the start. */
export function leavesOf({ rows }) {
  return rows.at(-1).map((at) => at - 1).filter((at) => at >= 0);
}

/** Paint it from the samples, at `top`, down to the output. `x(at)` is the middle of a sample, `each` its width. */
export function paintTree(ctx, tree, { x, each, top, step, from, to, ink, faint }) {
  const { rows, edges } = tree;
  const y = (l) => top + (rows.length - l) * step; // of row l; its leaves' samples are one step above the last row
  const radius = Math.max(0.8, Math.min(3.2, each / 3));
  const dot = (at, l) => {
    ctx.beginPath();
    ctx.arc(x(at), y(l), radius, 0, 7);
    ctx.fill();
  };
  if (each >= SPARE) {
    ctx.fillStyle = faint;
    for (let l = 0; l < rows.length; l += 1) for (let at = Math.ceil(from); at < to; at += 1) dot(at, l);
  }
  ctx.strokeStyle = ctx.fillStyle = ink;
  ctx.lineWidth = each < SPARE ? 0.6 : 1.1;
  const inputs = rows.at(-1).map((at) => [at, at - 1]);
  [...edges, inputs].forEach((lines, l) => {
    ctx.globalAlpha = Math.min(0.7, (0.5 * (to - from) * each) / (lines.length * 6)); // many lines, and each can still be seen
    ctx.beginPath();
    for (const [a, b] of lines) {
      ctx.moveTo(x(a), y(l));
      ctx.lineTo(x(b), y(l + 1));
    }
    ctx.stroke();
  });
  ctx.globalAlpha = 1;
  rows.forEach((row, l) => row.forEach((at) => at >= from - 1 && at <= to && dot(at, l)));
}
