// The screen: the picture and its charts, drawn only when something changed or moves.

import { Charts } from "../charts/charts.js";
import { Numbers } from "../charts/numbers.js";
import { Pointer } from "../controls/pointer.js";
import { make, setAll, sharpen, watch } from "../core/dom.js";
import { belongs, splitName } from "../core/names.js";
import { roleOf, wearPalette } from "../core/palette.js";
import { WORDS } from "../core/words.js";
import { boxAround } from "../draw/box.js";
import { Layers } from "../draw/layers.js";
import { MORPH, morphShare } from "../draw/mesh.js";
import { Photos } from "../photo/photos.js";
import { Hand } from "../plane/hand.js";
import { Sheets } from "../plane/sheets.js";
import { wallGrid } from "../wall/grid.js";
import { worldMap } from "../world/graph.js";
import { zOf } from "../world/reading.js";
import { Trail } from "../world/trail.js";
import { roomFor } from "./frame.js";
import { paintPanel, panelsOf, readPanel } from "./panels.js";

const PICTURE_EVERY = 30; // ms: without a graphics card 60 pictures a second take a whole core from the training

export class Screen {
  /** `root` carries the theme; `before(now)` runs before each drawing. */
  constructor(root, before) {
    this.root = root;
    this.before = before;
    this.layers = new Layers();
    this.off = new Set(); // layers switched off in the legend
    this.shown = null; // the picture being shown: {meta, arrays, measures}
    this.box = null;
    this.frames = 0;
    this.drawnAt = -Infinity;
    this.canvas = make("canvas", { role: "img", class: "canvas" });
    this.pointer = new Pointer(this.canvas, {
      read: (...at) => this.read(...at),
      pick: (...at) => this.pick(...at),
      grab: (...press) => this.hand.grab(...press),
    });
    this.photos = new Photos((all) => (all ? this.request(true) : this.repaint()));
    this.element = make("div", { class: "picture" }, this.canvas, this.photos.element, this.pointer.bubble);
    this.numbers = new Numbers();
    this.column = make("div", { class: "column" }, this.element, this.numbers.element);
    this.charts = new Charts(WORDS);
    this.trail = new Trail(); // the path of one z
    this.hand = new Hand(this); // in the latent plane
    this.sheets = new Sheets(() => this.repaint());
    this.under = null; // the point under the pointer: {name, index}
    this.charts.enlarged = () => this.request(true);
    this.resized = () => this.request(true);
    window.addEventListener("resize", this.resized);
    this.unwatch = watch(root, this.resized, (visible) => this.see(visible));
  }

  /** A picture that is scrolled out of sight is not drawn: the time is for what is in sight. */
  see(visible) {
    this.away = !visible;
    if (visible) this.request(true);
  }

  /** Words, colours and settings as the page has them now. */
  update(data, words) {
    this.words = words;
    this.photos.use(words);
    this.palette = wearPalette(this.root);
    this.layered = data.legend.filter((one) => one.layer);
    this.charts.main = data.charts ?? [];
    this.roles = new Map(this.layered.filter((one) => one.role).map((one) => [one.layer, one.role]));
    this.request(true);
  }

  /** Another sentence means another subject: nothing of the old charts is wanted. */
  forget() {
    this.off = new Set(this.layered.filter((one) => one.off).map((one) => one.layer));
    this.numbers.forget();
    this.charts.forget();
    this.charts.use(this.words);
  }

  toggle(layer, on) {
    if (on) this.off.delete(layer);
    else this.off.add(layer);
    this.request(true);
  }

  /** Show how this mesh comes from the plane of z; null ends it. */
  morph(layer) {
    this.morphing = layer && { layer, start: performance.now() };
    this.request(true);
  }

  /** Put a picture on; its points glide to their places within `duration` ms. */
  present(picture, duration) {
    this.layers.show(picture.arrays, performance.now(), duration);
    this.shown = picture;
    const { box } = picture.meta;
    this.autoBox = box ? null : this.autoBox ?? boxAround(this.layers);
    this.box = box ?? this.autoBox;
    this.fresh = true;
    this.numbers.update(picture.arrays, { words: this.words, measures: picture.measures });
    this.request(true);
  }

  /** `all`: charts and layout too, not only what moves. */
  request(all) {
    this.dirty ||= all;
    this.raf ||= requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.raf = 0;
    if (!this.palette) return;
    if (this.away) return this.count();
    // What a hand does is drawn at once.
    if (!this.redraw && now < this.drawnAt + PICTURE_EVERY) return this.request(false);
    const looping = this.before(now);
    const wasMoving = this.moving;
    this.moving = this.layers.advance(now);
    const bending = this.morphing && !this.layers.still && now - this.morphing.start < MORPH + 100;
    if (this.dirty || this.moving || wasMoving || bending || this.redraw) this.draw(now);
    if (this.moving || looping || bending) this.request(false);
  }

  draw(now) {
    this.drawnAt = now;
    this.photos.follow(this.layers);
    const panels = panelsOf(this.layers, this.box ?? [-1, 1, -1, 1], this.shown?.meta.wall, this.words, this.photos);
    const captions = panels.length > 1;
    this.look = this.looks(captions);
    if (this.dirty) this.readCharts();
    const room = roomFor(this, panels, captions);
    if (!room) return;
    const { placed, width, height } = room;
    this.root.style.setProperty("--picture", `${width}px`);
    for (const place of ["beside", "strip"]) this.root.classList.toggle(place, room.charts === place);
    this.panels = placed;
    this.photos.put(placed);
    const ctx = sharpen(this.canvas, width, height, room.zoom);
    for (const panel of placed) paintPanel(ctx, panel, this.layers, this.look);
    if (this.dirty) this.charts.draw(room, this.chartLook, this.marker);
    this.dirty = this.redraw = false;
    this.pointer.refresh();
    setAll(this.root, { "data-path": this.trail.places.size || null, ...this.hand.says() });
    this.count();
  }

  /** Everything the painters need to know besides the arrays. */
  looks(captions) {
    const off = [...this.off].filter((layer) => layer !== this.morphing?.layer);
    return {
      palette: this.palette,
      words: this.words,
      measures: this.shown?.measures,
      unit: this.unit(),
      box: this.box,
      captions,
      trail: this.trail,
      rests: this.rests,
      hand: this.layers.items.has("box/plane") ? this.hand : null,
      sheets: this.sheets,
      photos: this.photos,
      under: this.under,
      round: this.shown?.meta.round ?? 0,
      wall: this.shown?.meta.wall,
      role: (name) => roleOf(name, this.roles.get(name)),
      isOff: (name) => off.some((layer) => belongs(name, layer)),
      morph: (name) => (this.morphing && belongs(name, this.morphing.layer) ? this.bent(name) : null),
    };
  }

  /** How far a mesh has come from its z. Without motion it rests on the plane of z instead. */
  bent(name) {
    const origin = this.layers.items.get(`origin/${splitName(name)[1]}`)?.values;
    const share = this.layers.still ? 0 : morphShare(this.morphing.start, performance.now());
    return origin ? { origin, share } : null;
  }

  /** A stored picture without curves borrows those of now, with a mark at its round. */
  readCharts() {
    const own = this.shown && [...this.shown.arrays.keys()].some((name) => name.startsWith("curve/"));
    const source = own ? this.shown : this.newest ?? this.shown;
    this.marker = own || source === this.shown ? null : this.shown.meta.round;
    this.chartLook = { ...this.look, measures: source?.measures };
    this.charts.read(source?.arrays ?? new Map(), this.chartLook);
  }

  /** Tests and the curious can read what is on the screen from the root element. */
  count() {
    if (!this.fresh) return;
    this.fresh = false;
    this.frames += 1;
    setAll(this.root, { "data-frames": this.frames, "data-round": this.shown.meta.round });
  }

  unit() {
    return this.shown?.meta.unit || this.words.unit;
  }

  /** What lies there, for the bubble; a point gets a ring. */
  read(px, py, touch) {
    const reading = this.look ? readPanel(this, px, py, touch) : null;
    const { over = null, under = null } = reading ?? {};
    if (this.hand.point(over) || under?.name !== this.under?.name || under?.index !== this.under?.index) this.repaint();
    this.under = under;
    return reading;
  }

  /** Press a point: the path of its z. Press elsewhere: none. */
  pick(px, py, touch) {
    const under = this.look && readPanel(this, px, py, touch)?.under;
    if (under?.name === "wall") return this.pickMember(under.index, px, py, touch);
    if (touch && this.hand.grab("press", px, py, touch)) return this.hand.grab("lift");
    if (under) this.trail.pick(under);
    else this.trail.clear();
    if (Number.isNaN(px)) this.pointer.left();
    this.repaint();
  }

  /** Escape: nothing is followed or held. */
  letGo() {
    this.hand.release();
    this.pick(NaN, NaN);
  }

  /** Press a panel of a wall: open it. A finger reads it first, and opens it with a second tap. */
  pickMember(index, ...at) {
    const open = !at[2] || this.tapped === index;
    this.tapped = index;
    if (open) return this.open(index);
    this.pointer.at = at;
    this.pointer.refresh();
  }

  /** The keyboard's way through a wall. */
  readNext(panel) {
    const grid = wallGrid(this.look.wall, panel.area, new OffscreenCanvas(1, 1).getContext("2d"), this.look);
    const index = this.under ? (this.under.index + 1) % grid.n : 0;
    this.pointer.at = [grid.x(index) + grid.side / 2, grid.y(index) + grid.side / 2];
    this.repaint();
  }

  openUnder() {
    if (this.under?.name === "wall") this.open(this.under.index);
  }

  /** The keyboard's way: the path of the next z, and the bubble at its point. */
  followNext() {
    if (this.look?.wall) return this.readNext(this.panels[0]);
    if (this.look?.hand) return this.hand.hold();
    const [name, item] = this.layers.entries("points").find((one) => zOf(one[0], this.layers)) ?? [];
    const panel = this.panels?.find((one) => one.kind === "world");
    if (!item || !panel) return;
    const index = (this.trail.name === name ? this.trail.index + 1 : 0) % item.shape[0];
    const map = worldMap(panel.area, this.layers, this.box);
    this.pointer.at = [map.x(item.values[2 * index]), map.y(item.values[2 * index + 1])];
    this.trail.pick({ name, index });
    this.repaint();
  }

  /** What is at rest is to be seen: the ways that led to it step back. */
  settle(rests) {
    if (this.rests !== rests) this.repaint();
    this.rests = rests;
  }

  /** Draw the picture again, but not the charts. */
  repaint() {
    this.redraw = true;
    this.request(false);
  }

  close() {
    this.unwatch();
    window.removeEventListener("resize", this.resized);
    this.numbers.forget();
    this.photos.close();
    cancelAnimationFrame(this.raf);
  }
}
