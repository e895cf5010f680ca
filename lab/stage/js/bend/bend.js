// A curve to bend by hand, and what it makes of a density. All of it runs in the browser.

import { make, makeButton, placeOn, setAll, setText, sharpen } from "../core/dom.js";
import { ARROWS } from "../core/keys.js";
import { differs } from "../core/mount.js";
import { clamp, fixed } from "../core/numbers.js";
import { wearPalette } from "../core/palette.js";
import { fill } from "../core/words.js";
import { mapping } from "../draw/box.js";
import { BendFigure, bendLayout } from "./draw.js";
import { BEND_BASES, BEND_REACH, BEND_TARGETS, BendDescent, bendSpline, bendTarget, KNOT_GAP, KNOT_LIMIT } from "./math.js";
import { BEND_PRESETS, BendChoice, BendNumbers, STRAIGHT } from "./parts.js";
import { BEND_WORDS } from "./words.js";

const DESCENT_STEPS = 400;
const GLIDE = 400; // ms from one set of knots to another
const KNOT_STEP = 0.05;

export default class Bend {
  constructor(parent) {
    this.knots = STRAIGHT;
    this.slice = { x: 0.5, dx: 0.6 };
    this.build();
    parent.append(this.root);
    this.resizing = new ResizeObserver(() => this.repaint());
    this.resizing.observe(this.holder);
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  build() {
    this.canvas = make("canvas", { role: "img", "data-testid": "bend-figure" });
    this.handles = STRAIGHT.map((_, k) => this.handle(k));
    this.figure = make("div", { class: "figure" }, this.canvas, ...this.handles);
    this.holder = make("div", { class: "figure-holder" }, this.figure);
    this.says = make("p", { class: "says", "aria-live": "polite", "data-testid": "bend-says" });
    this.numbers = new BendNumbers();
    this.bases = new BendChoice("base", Object.keys(BEND_BASES), (base) => this.choose({ base }));
    this.targets = new BendChoice("target", ["none", ...Object.keys(BEND_TARGETS)], (target) => this.choose({ target }));
    this.presets = new BendChoice("preset", Object.keys(BEND_PRESETS), (name) => this.preset(name));
    this.straighten = makeButton("bend-straighten", "", () => this.glide(STRAIGHT));
    this.descend = makeButton("bend-descend", "", () => (this.descent ? this.halt() : this.begin()));
    this.descend.classList.add("primary");
    this.sliders = { x: this.slider("x", -3, 3), dx: this.slider("dx", 0.1, 2) };
    const rows = Object.values(this.sliders).map(({ row }) => row);
    const buttons = make("div", { class: "buttons" }, this.descend, this.straighten);
    const controls = make("div", { class: "controls" }, this.bases.root, this.targets.root, buttons, this.presets.root, ...rows);
    const beside = make("div", { class: "beside" }, this.numbers.root, controls);
    const left = make("div", {}, this.holder, this.says);
    this.root = make("div", { class: "stage bend", "data-testid": "bend" }, make("div", { class: "bend-layout" }, left, beside));
    this.listen();
  }

  slider(name, min, max) {
    const input = make("input", { type: "range", min, max, step: 0.05, "data-testid": `bend-slice-${name}` });
    const title = make("span", {});
    const row = make("label", { class: "slide" }, title, input);
    input.addEventListener("input", () => this.cut({ [name]: Number(input.value) }));
    return { input, title, row, min, max };
  }

  handle(k) {
    const handle = make("button", { type: "button", class: "knot", "data-testid": `bend-knot-${k + 1}` });
    const on = (name, act) => handle.addEventListener(name, act);
    on("pointerdown", (event) => event.button === 0 && handle.setPointerCapture(event.pointerId));
    on("pointermove", (event) => handle.hasPointerCapture(event.pointerId) && this.move(k, this.at(event)));
    on("keydown", (event) => {
      const way = ARROWS[event.key];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      this.move(k, this.knots[k].map((value, i) => value + way[i] * KNOT_STEP * (event.shiftKey ? 5 : 1)));
    });
    return handle;
  }

  /** A press in the columns of x takes the slice along; at one of its edges it changes the width. */
  listen() {
    const edge = (event) => {
      const off = Math.abs(this.at(event)[0] - this.slice.x) - this.slice.dx / 2;
      const near = (event.pointerType === "touch" ? 16 : 7) / this.layout.curve.w;
      return Math.abs(off) < near * 2 * BEND_REACH;
    };
    const over = (event) => this.at(event)[0] >= -BEND_REACH;
    const take = (event) => {
      const [x] = this.at(event);
      this.cut(this.dragging === "width" ? { dx: 2 * Math.abs(x - this.slice.x) } : { x: x + this.grip });
    };
    const on = (name, act) => this.canvas.addEventListener(name, act);
    on("pointerdown", (event) => {
      if (event.button !== 0 || !over(event)) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.dragging = edge(event) ? "width" : "place";
      const away = this.slice.x - this.at(event)[0];
      this.grip = Math.abs(away) < this.slice.dx / 2 ? away : 0; // held where it was taken; elsewhere it comes
      take(event);
    });
    on("pointermove", (event) => {
      if (this.dragging) take(event);
      else this.canvas.style.cursor = over(event) ? (edge(event) ? "ew-resize" : "grab") : "";
    });
    for (const name of ["pointerup", "pointercancel"]) on(name, () => (this.dragging = null));
  }

  update({ data }) {
    this.words = { ...BEND_WORDS, ...data.labels };
    if (differs(this.data, data, "base", "target")) this.chosen = { base: data.base, target: data.target ?? "none" };
    this.data = data;
    this.palette = wearPalette(this.root);
    this.numbers.name(this.words);
    setAll(this.canvas, { "aria-label": this.words.figure });
    this.repaint();
  }

  /** The place under the pointer, in x and z. */
  at(event) {
    const [px, py] = placeOn(this.canvas, event);
    const map = mapping([-BEND_REACH, BEND_REACH, -BEND_REACH, BEND_REACH], this.layout.curve);
    return [map.worldX(px), map.worldY(py)];
  }

  /** Put a knot there, or as near as its neighbours allow. */
  move(k, wanted) {
    this.halt();
    const ends = (i) => [(this.knots[k - 1]?.[i] ?? -Infinity) + KNOT_GAP, (this.knots[k + 1]?.[i] ?? Infinity) - KNOT_GAP];
    const free = wanted.map((value) => clamp(value, -KNOT_LIMIT, KNOT_LIMIT));
    const knot = free.map((value, i) => clamp(value, ...ends(i)));
    this.knots = this.knots.map((one, i) => (i === k ? knot : one));
    const stopped = knot.some((value, i) => Math.abs(value - free[i]) > 1e-9);
    this.tell(stopped ? fill(this.words.stopped, { k: k + 1 }) : "");
  }

  cut(change) {
    const wanted = { ...this.slice, ...change };
    for (const name of ["x", "dx"]) this.slice[name] = clamp(wanted[name], this.sliders[name].min, this.sliders[name].max);
    this.repaint();
  }

  choose(change) {
    this.halt();
    this.chosen = { ...this.chosen, ...change };
    this.tell("");
  }

  preset(name) {
    this.glide(BEND_PRESETS[name]);
    this.tell(this.words[`${name}Says`]);
  }

  tell(words) {
    this.note = words;
    this.repaint();
  }

  /** Between two rising sets of knots, those on the straight way rise too. */
  glide(to) {
    this.halt();
    this.tell("");
    const [from, begun] = [this.knots, performance.now()];
    this.motion = (now) => {
      const share = this.calm ? 1 : clamp((now - begun) / GLIDE, 0, 1);
      this.knots = to.map((knot, k) => knot.map((value, i) => from[k][i] + (value - from[k][i]) * share));
      return share < 1;
    };
    this.repaint();
  }

  begin() {
    this.halt();
    const descent = (this.descent = new BendDescent(this.knots, BEND_BASES[this.chosen.base], BEND_TARGETS[this.chosen.target]));
    this.motion = () => {
      descent.step();
      this.knots = descent.knots();
      this.note = fill(this.words.step, { n: descent.steps, N: DESCENT_STEPS });
      if (descent.steps === DESCENT_STEPS) this.descent = null;
      return descent.steps < DESCENT_STEPS;
    };
    this.repaint();
  }

  halt() {
    this.motion = this.descent = null;
    this.repaint();
  }

  repaint() {
    this.due ??= requestAnimationFrame((now) => {
      this.due = null;
      if (this.motion && !this.motion(now)) this.motion = null;
      this.draw();
      if (this.motion) this.repaint();
    });
  }

  draw() {
    const width = this.holder.clientWidth;
    if (!width || !this.palette) return;
    const { x, dx } = this.slice;
    const base = BEND_BASES[this.chosen.base];
    const target = BEND_TARGETS[this.chosen.target];
    const scene = { spline: bendSpline(this.knots), base, target, x, a: x - dx / 2, b: x + dx / 2 };
    this.layout = bendLayout(width, window.innerHeight - 190);
    const ctx = sharpen(this.canvas, this.layout.width, this.layout.height);
    const figure = new BendFigure(ctx, this.layout, this.palette, scene);
    figure.draw();
    this.numbers.show({ ...scene, places: target && bendTarget(target) });
    this.placeHandles(figure.map);
    this.write(Boolean(target));
  }

  placeHandles(map) {
    this.handles.forEach((handle, k) => {
      const [x, z] = this.knots[k];
      handle.style.transform = `translate(${map.x(x)}px, ${map.y(z)}px)`;
      setAll(handle, { "aria-label": fill(this.words.knot, { k: k + 1, x: fixed(x, 2), z: fixed(z, 2) }), "data-at": `${x.toFixed(4)} ${z.toFixed(4)}` });
    });
  }

  write(task) {
    const { words, chosen, slice } = this;
    this.bases.show(words.base, words, chosen.base);
    this.targets.show(words.target, words, chosen.target);
    this.presets.show(words.presets, words);
    setText(this.straighten, words.straighten);
    setText(this.descend, this.descent ? words.stop : words.descend);
    this.descend.disabled = !task;
    setText(this.says, this.note || words.hint);
    for (const [name, { input, title, min, max }] of Object.entries(this.sliders)) {
      setText(title, `${words[name === "x" ? "slice" : "width"]} = ${fixed(slice[name], 2)}`);
      input.value = slice[name];
      input.style.setProperty("--done", `${(100 * (slice[name] - min)) / (max - min)}%`);
    }
  }

  close() {
    cancelAnimationFrame(this.due);
    this.resizing.disconnect();
    this.root.remove();
  }
}
