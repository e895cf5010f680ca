// A place of the plane that is pressed, and its way through the flow of the run.

import { make, placeOn, setAll, setText, sharpen, show, watch } from "../core/dom.js";
import { ARROWS } from "../core/keys.js";
import { clamp, subscript, vector } from "../core/numbers.js";
import { roleOf, wearPalette } from "../core/palette.js";
import { fill, WORDS } from "../core/words.js";
import { drawFrame } from "../draw/axes.js";
import { mapping } from "../draw/box.js";
import { paintField } from "../draw/draw.js";
import { Layers } from "../draw/layers.js";
import { clip, disc, haloed, lettering, pen, polyline, rule } from "../draw/pen.js";
import { Asker } from "../live/asker.js";
import { PassageTable } from "./table.js";
import { PASSAGE_WORDS } from "./words.js";

const PASSAGE_AGAIN = 1000; // ms until the model is asked anew while it trains,
const PASSAGE_SHARE = 4; // and as many times as long as the answer took: most of the time is for training
const PASSAGE_KEY = 1 / 60; // of the box: how far an arrow key moves the place; with Shift five times as far

export default class Passage {
  constructor(parent) {
    this.layers = new Layers();
    this.answers = 0;
    this.lit = null; // the number of the h that is pointed at in the table
    this.asker = new Asker(this);
    this.table = new PassageTable((l) => this.light(l));
    this.build(parent);
    this.unwatch = watch(this.root, () => this.draw(), (visible) => this.see(visible));
  }

  build(parent) {
    this.canvas = make("canvas", { role: "img", class: "canvas", tabindex: 0, "data-testid": "passage-plane" });
    this.caption = make("p", { class: "quiet", "data-testid": "passage-mass" });
    this.hint = make("p", { class: "quiet" });
    this.figure = make("div", { class: "passage-plane" }, this.canvas, this.caption, this.hint);
    this.note = make("p", { class: "passage-note", role: "status", hidden: true, "data-testid": "passage-note" });
    this.frame = make("div", { class: "passage-frame" }, this.figure, this.table.element);
    this.root = make("div", { class: "stage passage", "data-testid": "passage", role: "region" }, this.note, this.frame);
    parent.append(this.root);
    this.listen();
  }

  listen() {
    const on = (name, act) => this.canvas.addEventListener(name, act);
    const held = (event) => event.pointerType !== "touch" && event.buttons === 1;
    on("pointerdown", (event) => {
      if (!held(event)) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.press(event);
    });
    on("pointermove", (event) => held(event) && this.press(event));
    on("click", (event) => event.pointerType === "touch" && this.press(event)); // a finger that moves scrolls the page
    on("keydown", (event) => this.keyed(event));
  }

  update({ data }) {
    this.words = { ...WORDS, ...PASSAGE_WORDS, ...data.labels };
    this.palette = wearPalette(this.root);
    setAll(this.root, { "aria-label": this.words.passage });
    if (this.asker.at(data.round)) this.look();
    if (data.run !== this.run) {
      this.run = data.run;
      this.point = this.box = null; // the data may be others
      this.asker.connect(data.run);
    }
    setText(this.hint, this.words.passageHint);
    this.write();
    this.draw();
  }

  press(event) {
    if (!this.map) return;
    const [px, py] = placeOn(this.canvas, event);
    this.put([this.map.worldX(px), this.map.worldY(py)]);
  }

  keyed(event) {
    if (!ARROWS[event.key] || !this.place || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [x0, x1, y0, y1] = this.box;
    const [dx, dy] = ARROWS[event.key].map((way) => way * PASSAGE_KEY * (event.shiftKey ? 5 : 1));
    this.put([this.place[0] + dx * (x1 - x0), this.place[1] + dy * (y1 - y0)]);
  }

  put([x, y]) {
    const [x0, x1, y0, y1] = this.box;
    this.place = [clamp(x, x0, x1), clamp(y, y0, y1)];
    this.asker.ask("point", () => this.question());
    this.draw();
  }

  light(l) {
    this.lit = l;
    this.draw();
  }

  see(visible) {
    this.visible = visible;
    if (visible) this.look();
  }

  stated(state) {
    this.state = state.state;
    this.look();
  }

  /** Ask for all that is shown; a passage that nobody has in sight asks nothing. */
  look() {
    clearTimeout(this.again);
    if (!this.visible || !this.state) return;
    this.askedAt = performance.now();
    this.asker.ask("plane", () => ({ arguments: {} }));
    if (this.place && this.box) this.asker.ask("point", () => this.question());
  }

  question() {
    const [x, y] = this.place;
    return { arguments: { x, y } };
  }

  answered(name, frame) {
    this.say("");
    if (name === "plane") this.takePlane(frame);
    else {
      this.point = frame;
      setAll(this.root, { "data-answers": (this.answers += 1) });
    }
    this.write();
    this.draw();
    clearTimeout(this.again);
    if (this.state === "training") this.again = setTimeout(() => this.look(), Math.max(PASSAGE_AGAIN, PASSAGE_SHARE * (performance.now() - this.askedAt)));
  }

  takePlane({ arrays, meta }) {
    const first = !this.box;
    this.box = meta.box;
    this.mass = meta.mass;
    this.layers.show(arrays, 0, 0);
    if (first) this.put(this.place ?? arrays.get("points/real")?.data.slice(0, 2) ?? [0, 0]);
  }

  /** Why there is no answer: then what is shown is pale, for it is of before. */
  say(text) {
    setText(this.note, text);
    show(this.note, Boolean(text));
    this.frame.classList.toggle("stale", Boolean(text));
    show(this.frame, Boolean(this.box) || !text);
  }

  write() {
    if (this.mass !== undefined) setText(this.caption, fill(this.words.mass, { mass: this.mass.toFixed(3) }));
    if (!this.point) return;
    this.table.write(this.point, this.words);
    const { data } = this.point.arrays.get("way");
    setAll(this.canvas, { "aria-label": fill(this.words.passagePlane, { x: vector(data.slice(0, 2)), z: vector(data.slice(-2)) }) });
  }

  draw() {
    const width = this.figure.clientWidth;
    if (!width || !this.palette || !this.box) return;
    const [x0, x1, y0, y1] = this.box;
    const high = Math.round(width / clamp((x1 - x0) / (y1 - y0), 0.6, 1.8));
    const ctx = sharpen(this.canvas, width, high);
    this.map = mapping(this.box, { x: 0, y: 0, w: width, h: high });
    const look = { palette: this.palette, words: this.words, bold: true, role: (name) => roleOf(name), isOff: () => false };
    clip(ctx, this.map.area);
    for (const [name, item] of this.layers.entries("field")) paintField(ctx, item, this.map, look, name);
    ctx.globalAlpha = 0.35;
    for (const [name, item] of this.layers.entries("points")) paintFaint(ctx, item, this.map, look, name);
    ctx.globalAlpha = 1;
    if (this.point) this.drawWay(ctx, this.point.arrays.get("way"));
    this.drawCross(ctx);
    ctx.restore();
    drawFrame(ctx, this.map, look);
  }

  /** From x, where it was pressed, to z, green; a dot for each h between. */
  drawWay(ctx, { shape: [n], data }) {
    const { map, palette } = this;
    const at = (l) => [map.x(data[2 * l]), map.y(data[2 * l + 1])];
    const places = Array.from({ length: n }, (_, l) => at(l));
    ctx.lineCap = "round";
    for (const [colour, wide] of [[palette.background, 4.5], [palette.text, 1.8]]) polyline(ctx, places, colour, wide);
    for (let l = 0; l < n; l++) {
      const end = l === n - 1;
      disc(ctx, at(l), l === this.lit ? 7 : end ? 5.5 : l ? 3 : 4.5, end ? palette.roles.latent.ink : palette.text, palette.background);
    }
    const names = [["x", 0], ["z", n - 1], ...(this.lit > 0 && this.lit < n - 1 ? [[`h${subscript(this.lit)}`, this.lit]] : [])];
    lettering(ctx, palette, "600 14px", "left");
    for (const [name, l] of names) haloed(ctx, palette, name, at(l)[0] + 8, at(l)[1] - 7, l === n - 1 ? palette.roles.latent.text : palette.text);
  }

  /** Where the place is, at once, while its way is still being computed. */
  drawCross(ctx) {
    if (!this.place) return;
    const [x, y] = [this.map.x(this.place[0]), this.map.y(this.place[1])];
    for (const [colour, wide] of [[this.palette.background, 4], [this.palette.text, 1.5]]) {
      pen(ctx, colour, wide);
      rule(ctx, x - 11, y, x + 11, y);
      rule(ctx, x, y - 11, x, y + 11);
    }
  }

  close() {
    clearTimeout(this.again);
    this.unwatch();
    this.asker.close();
    this.root.remove();
  }
}

/** Points that are only a background: small, and as pale as `ctx` is told. */
function paintFaint(ctx, item, map, look, name) {
  ctx.fillStyle = look.palette.roles[look.role(name)].ink;
  for (let i = 0; i < item.shape[0]; i++) {
    ctx.beginPath();
    ctx.arc(map.x(item.values[2 * i]), map.y(item.values[2 * i + 1]), 1.8, 0, 2 * Math.PI);
    ctx.fill();
  }
}
