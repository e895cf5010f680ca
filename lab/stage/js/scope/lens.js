// Under the waves: some samples in their levels, what the chosen one depends on, and the distribution it was drawn from.

import { make, placeOn, setAll, sharpen } from "../core/dom.js";
import { clamp } from "../core/numbers.js";
import { levelOf } from "./sound.js";
import { paintTree, treeOf } from "./tree.js";

const STRIP = 112; // CSS pixels, of the samples in their levels
const HEAT = 16;
const GAP = 6;
const STEP = 13; // from layer to layer of the tree
const SIDE = 92; // of the distribution
const AT = 0.8; // where in the strip the chosen sample lies
const ALARM = "#d55e00";

export class Lens {
  /** `act` has hover(sample or null), choose(sample) and key(event). */
  constructor(act) {
    this.from = 0;
    this.count = 0; // samples in sight
    this.canvas = make("canvas", { class: "canvas", role: "img", tabindex: 0, "data-testid": "scope-lens" });
    this.element = make("div", { class: "scope-lens" }, this.canvas);
    const on = (name, act) => this.canvas.addEventListener(name, act);
    const touch = (event) => event.pointerType === "touch";
    on("pointerdown", (event) => event.button === 0 && act.choose(this.at(event)));
    on("pointermove", (event) => (event.buttons || touch(event) ? act.choose(this.at(event)) : act.hover(this.at(event))));
    on("pointerleave", () => act.hover(null));
    on("keydown", (event) => act.key(event));
  }

  at(event) {
    const [x] = placeOn(this.canvas, event);
    return Math.floor(this.from + clamp(x / this.plot, 0, 1 - 1e-6) * this.count);
  }

  /** Bring a sample into sight: where it is not, or `anew`. */
  aim(sample, count, anew) {
    const inside = sample >= this.from && sample < this.from + count;
    if (count !== this.count || anew || !inside) this.from = Math.round(sample - AT * count);
    this.count = count;
  }

  get view() {
    return { from: this.from, to: this.from + this.count };
  }

  /** `facts` of the net, the `lane`, the `cursor`, the distribution `p` or null, its `sight` or null; and what it
   * `says` to who does not see it. Returns the tree. */
  draw({ facts, lane, cursor, p, sight, palette, words, says }) {
    const width = this.element.clientWidth;
    if (!width) return;
    const plot = (this.plot = width - SIDE);
    const layers = facts.back.length;
    const top = STRIP + GAP + HEAT + GAP;
    const height = top + (layers + 1) * STEP + 20;
    const ctx = sharpen(this.canvas, width, height);
    const each = plot / this.count;
    const x = (at) => (at - this.from + 0.5) * each;
    ctx.font = `12.5px ${palette.font}`;
    ctx.textBaseline = "middle";
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, 0, plot, height);
    ctx.clip();
    this.paintBefore(ctx, x, height, palette);
    this.paintSamples(ctx, { facts, lane, cursor, x, each, palette });
    if (sight) this.paintHeat(ctx, { sight, x, each, palette });
    const grown = treeOf(facts, cursor);
    paintTree(ctx, grown, { x, each, top, step: STEP, ...this.view, ink: palette.roles.model.ink, faint: palette.faint });
    ctx.fillStyle = palette.text;
    ctx.fillRect(x(cursor) - 0.5, 0, 1, top + (layers + 1) * STEP);
    ctx.restore();
    if (p) this.paintSide(ctx, { facts, lane, cursor, p, left: plot + 8, palette });
    this.paintWords(ctx, { facts, top, left: plot + 8, x: x(cursor), palette, words });
    setAll(this.canvas, { "aria-label": says });
    return grown;
  }

  /** What lies before the start of the sound. */
  paintBefore(ctx, x, height, palette) {
    const end = x(-0.5);
    if (end <= 0) return;
    ctx.fillStyle = palette.faint;
    ctx.globalAlpha = 0.5;
    ctx.fillRect(0, 0, end, height);
    ctx.globalAlpha = 1;
  }

  paintSamples(ctx, { facts, lane, cursor, x, each, palette }) {
    const y = (v) => STRIP * (1 - (levelOf(v, facts.K) + 0.5) / facts.K);
    ctx.fillStyle = palette.faint;
    ctx.fillRect(0, STRIP, this.plot, 1);
    ctx.strokeStyle = palette.roles[lane.role].ink;
    ctx.lineWidth = each < 3 ? 1 : 1.6;
    ctx.beginPath();
    for (let at = Math.max(0, this.from - 1); at < Math.min(lane.n, this.view.to + 1); at += 1) {
      ctx.lineTo(x(at) - each / 2, y(lane.v[at]));
      ctx.lineTo(x(at) + each / 2, y(lane.v[at]));
    }
    ctx.stroke();
    if (cursor >= lane.n) return;
    ctx.fillStyle = palette.text;
    ctx.beginPath();
    ctx.arc(x(cursor), y(lane.v[cursor]), 4, 0, 7);
    ctx.fill();
  }

  /** The influence of each sample; that of later ones, which should be none, in the colour of an alarm. */
  paintHeat(ctx, { sight: { heat, sample }, x, each, palette }) {
    const most = heat.reduce((a, b) => Math.max(a, b), 0) || 1;
    for (let at = Math.max(0, this.from); at < Math.min(heat.length, this.view.to); at += 1) {
      if (!heat[at]) continue;
      ctx.fillStyle = at >= sample ? ALARM : palette.roles.gradient.ink;
      ctx.globalAlpha = 0.08 + 0.92 * Math.sqrt(heat[at] / most);
      ctx.fillRect(x(at) - each / 2, STRIP + GAP, Math.max(1, each), HEAT);
    }
    ctx.globalAlpha = 1;
  }

  /** The distribution beside the strip, level beside level. */
  paintSide(ctx, { facts: { K }, lane, cursor, p, left, palette }) {
    const room = SIDE - 12;
    ctx.fillStyle = palette.faint;
    ctx.fillRect(left, 0, 1, STRIP);
    const most = p.reduce((a, b) => Math.max(a, b));
    const high = STRIP / K;
    const drawn = cursor < lane.n ? levelOf(lane.v[cursor], K) : -1;
    p.forEach((one, k) => {
      ctx.fillStyle = k === drawn ? palette.text : palette.roles.model.ink;
      const long = k === drawn ? Math.max(3, (room * one) / most) : (room * one) / most;
      ctx.fillRect(left + 1, STRIP - (k + 1) * high, long, Math.max(0.75, high > 3 ? high - 1 : high));
    });
  }

  paintWords(ctx, { facts, top, left, x, palette, words }) {
    ctx.fillStyle = palette.muted;
    ctx.textAlign = "left";
    ctx.fillText(words.influence, left, STRIP + GAP + HEAT / 2);
    const layers = facts.back.length;
    facts.back.forEach((back, l) => {
      const d = back + facts.ahead[l];
      ctx.fillText(l === layers - 1 || l === 0 ? `d = ${d}` : String(d), left, top + (l + 1.5) * STEP);
    });
    const name = words.output;
    const half = ctx.measureText(name).width / 2;
    ctx.textAlign = "center";
    ctx.fillStyle = palette.roles.model.text;
    ctx.fillText(name, clamp(x, half, this.plot - half), top + (layers + 1) * STEP + 12);
  }
}
