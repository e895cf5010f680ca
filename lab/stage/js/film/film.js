// A film: what a model makes step by step, kept in the browser, so that scrubbing needs nobody's answer.

import { writeLegend } from "../controls/legend.js";
import { iconButton, make, setAll, setText, show, watch } from "../core/dom.js";
import { ARROWS } from "../core/keys.js";
import { differs } from "../core/mount.js";
import { belongs, splitName } from "../core/names.js";
import { roleOf, wearPalette } from "../core/palette.js";
import { fill, WORDS } from "../core/words.js";
import { Pad } from "../pads/pad.js";
import { FilmBar } from "./bar.js";
import { FilmRow } from "./row.js";
import { FilmTime } from "./time.js";
import { FILM_WORDS } from "./words.js";

const FILM_KEYS = {
  ArrowLeft: (time, far) => time.nudge(-1, far),
  ArrowRight: (time, far) => time.nudge(1, far),
  Home: (time) => time.jump(0),
  End: (time) => time.jump(-1),
};
const SWITCHES = { paths: true, density: false, mesh: false }; // and whether each is on at first

export default class Film {
  constructor(parent) {
    this.rows = [];
    this.chosen = 0; // of many pictures, the one shown large
    this.frames = 0;
    this.time = new FilmTime(() => this.request(false));
    this.bar = new FilmBar(this.time, {
      toggle: (layer, on) => this.toggle(layer, on),
      showAll: (name) => this.showAll(name),
      again: () => this.askAll(true),
    });
    this.build(parent);
    // a film that nobody has in sight is neither asked for nor drawn
    this.unwatch = watch(this.root, () => this.request(true), (visible) => this.see(visible));
  }

  build(parent) {
    this.legendHolder = make("div", {});
    this.rowsHolder = make("div", { class: "film-rows" });
    this.padHolder = make("div", { class: "film-pad", hidden: true });
    const body = make("div", { class: "film-body" }, this.padHolder, this.rowsHolder);
    this.root = make("div", { class: "stage film", "data-testid": "film", tabindex: 0, role: "region" }, this.legendHolder, body, this.bar.element);
    this.root.addEventListener("keydown", (event) => this.keyed(event));
    parent.append(this.root);
  }

  see(visible) {
    this.visible = visible;
    if (!visible) return;
    if (!this.seen) this.askAll();
    this.seen = true;
    this.request(true);
  }

  update({ data }) {
    const old = this.data;
    this.data = data;
    this.words = { ...WORDS, ...FILM_WORDS, ...data.labels };
    this.palette = wearPalette(this.root);
    setAll(this.root, { "aria-label": this.words.film });
    if (differs(old, data, "legend", "labels", "screens")) this.buildLegend();
    if (differs(old, data, "large")) this.grid = data.large;
    this.time.tween = data.tween;
    this.seatRows();
    this.seatPad();
    if (this.seen) this.askAll();
    this.bar.update(this.words);
    this.request(true);
  }

  buildLegend() {
    const segments = this.data.legend;
    const words = { ...this.words, morphSays: this.words.layerSays };
    const layered = segments.filter((one) => one.layer);
    this.roles = new Map(layered.filter((one) => one.role).map((one) => [one.layer, one.role]));
    // what the sentence switches, or has a screen, needs no second switch
    this.switches = Object.keys(SWITCHES).filter((name) => !this.data.screens[name] && !layered.some((one) => splitName(one.layer)[0] === name));
    this.off = new Set([...layered.filter((one) => one.off).map((one) => one.layer), ...this.switches.filter((name) => !SWITCHES[name])]);
    writeLegend(this.legendHolder, segments, words, { toggle: (layer, on) => this.toggle(layer, on), morph: () => {} });
  }

  toggle(layer, on) {
    if (on) this.off.delete(layer);
    else this.off.add(layer);
    this.request(true);
  }

  seatRows() {
    const { rows } = this.data;
    while (this.rows.length > rows.length) this.rows.pop().close();
    while (this.rows.length < rows.length) {
      const row = new FilmRow({ began: () => this.began(row), grew: () => this.time.grew(), said: () => this.request(false) });
      setAll(row.element, { "data-testid": `film-row-${this.rows.length}` });
      this.rowsHolder.append(row.element);
      this.rows.push(row);
    }
    this.rows.forEach((row, i) => {
      row.alone = rows.length === 1; // then the bar says its t
      setText(row.title, rows[i].title);
      show(row.title, Boolean(rows[i].title));
      this.seatScreens(row);
    });
    this.time.rows = this.rows;
  }

  /** The screens of which this row has something to show. */
  seatScreens(row) {
    const [part] = row.parts;
    const named = Object.keys(this.data.screens);
    const names = part ? named.filter((name) => part.screens[name] || row.still[name]) : named;
    row.pictured = part ? names.filter((name) => picturesOf(row, name) > 1) : [];
    const grid = row.pictured.includes(this.grid) ? this.grid : null;
    row.seat(names, grid, (index) => this.choose(index));
    for (const screen of row.list) this.caption(row, screen);
  }

  caption(row, screen) {
    const { words, data } = this;
    const name = data.screens[screen.name];
    const many = row.pictured.includes(this.grid) && row.pictured.includes(screen.name);
    const of = many ? picturesOf(row, this.grid) : 0;
    const n = Math.min(this.chosen + 1, of);
    const label = many && !screen.choose ? row.still[screen.name]?.get("label")?.data[n - 1] : undefined;
    const says = screen.choose ? words.all : label === undefined ? words.chosen : words.chosenLabel;
    setText(screen.caption, many ? fill(says, { name, n, label }) : name);
    setAll(screen.canvas, { "aria-label": screen.choose ? fill(words.gridSays, { name, n, of }) : screen.caption.textContent });
  }

  choose(index) {
    this.chosen = index;
    for (const row of this.rows) for (const screen of row.list) this.caption(row, screen);
    this.request(true);
  }

  /** The grid shows these pictures instead: x_t, or the prediction of x_0. */
  showAll(name) {
    this.grid = name;
    for (const row of this.rows) this.seatScreens(row);
    this.request(true);
  }

  seatPad() {
    const { data, words } = this;
    show(this.padHolder, Boolean(data.pad));
    if (!data.pad) return;
    if (!this.pad) {
      this.pad = new Pad(() => this.pad?.pointer == null && this.drew());
      for (const name of ["pointerup", "pointercancel"]) this.pad.canvas.addEventListener(name, () => this.drew());
      this.undo = iconButton("pad-undo", null, "small", () => this.pad.undo());
      this.clear = iconButton("pad-clear", null, "small", () => this.pad.put(null));
      this.padHolder.append(this.pad.element, make("div", { class: "buttons controls" }, this.undo, this.clear));
    }
    setText(this.pad.hint, words.hint);
    setAll(this.pad.canvas, { "aria-label": words.pad });
    this.undo.say(words.undo);
    this.clear.say(words.clear);
  }

  /** A stroke has ended; another may follow at once. */
  drew() {
    clearTimeout(this.drawing);
    this.drawing = setTimeout(() => this.askAll(), 250);
  }

  /** Whether there is a pad and nothing on it. */
  lacking() {
    return Boolean(this.data.pad) && this.pad.blank;
  }

  /** Ask for all films that are wanted and not here; `anew`: for all. */
  askAll(anew = false) {
    const { run, round, rows, pad } = this.data;
    const lacking = this.lacking();
    const drawn = pad && !lacking ? { [pad.name]: this.pad.base64() } : {};
    this.rows.forEach((row, i) => row.want(run, round, lacking ? null : [rows[i].ask, { ...rows[i].with, ...drawn }], this.words, anew));
    this.request(false);
  }

  began(row) {
    this.seatScreens(row);
    row.writeKey();
    this.time.began();
  }

  /** What is to be done or why there is no film; while it grows, that it does. */
  status() {
    const { rows, words } = this;
    const told = rows.filter((row) => row.told).map((row) => (rows.length > 1 ? `${row.title.textContent}: ${row.told}` : row.told));
    if (this.lacking()) return words.empty;
    return [...new Set(told)].join(" ") || (rows.some((row) => row.growing) ? words.growing : "");
  }

  keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [target] = event.composedPath();
    const grid = this.rows.flatMap((row) => row.list).find((screen) => screen.choose && screen.canvas === target);
    if (target.tagName === "SELECT") return;
    if (grid && ARROWS[event.key]) grid.step(event.key);
    else if (event.key === " " && target.tagName !== "BUTTON") this.time.toggle();
    else if (FILM_KEYS[event.key]) FILM_KEYS[event.key](this.time, event.shiftKey);
    else return;
    event.preventDefault();
  }

  /** `all`: also what has not changed, for its size, its colours or its layers have. */
  request(all) {
    this.dirty ||= all;
    this.raf ||= requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.raf = 0;
    if (!this.visible || !this.data) return;
    const start = performance.now();
    if (this.time.playing) this.time.move(now);
    const look = this.look();
    for (const row of this.rows) row.draw(this.time, look);
    this.dirty = false;
    this.offer();
    this.bar.render(this.status());
    this.frames += 1;
    setAll(this.root, { "data-frames": this.frames, "data-draw": (performance.now() - start).toFixed(1) });
    if (this.time.playing) this.request(false);
  }

  /** Only what there is can be switched. */
  offer() {
    const has = (...kinds) => this.rows.some((row) => row.has(kinds));
    const there = { paths: has("points/"), density: has("points/"), mesh: has("mesh/") };
    const pictured = new Set(this.rows.flatMap((row) => row.pictured));
    const grids = Object.entries(this.data.screens).filter(([name]) => this.data.large && name !== "eps" && pictured.has(name));
    this.bar.offer(this.switches.filter((name) => there[name]), this.off, Object.fromEntries(grids), this.grid);
  }

  look() {
    const off = [...this.off];
    return {
      palette: this.palette,
      words: this.words,
      chosen: this.rows.some((row) => row.pictured.includes(this.grid)) ? this.chosen : null,
      again: this.dirty,
      smooth: !off.includes("density") && !this.data.screens.density,
      morph: () => null,
      isOffOn: (screen, name) => off.some((layer) => belongs(name, layer) || belongs(`${screen}/${name}`, layer)),
      roleOn: (screen, name) => roleOf(name, this.roles.get(`${screen}/${name}`) ?? this.roles.get(name) ?? usualRole(screen, name)),
    };
  }

  close() {
    cancelAnimationFrame(this.raf);
    clearTimeout(this.drawing);
    this.unwatch();
    for (const row of this.rows) row.close();
    this.root.remove();
  }
}

function usualRole(screen, name) {
  if (name === "hist") return "data";
  const [kind, rest] = splitName(name);
  if (kind !== "arrows") return undefined;
  return screen === "exact" || rest === "truth" ? "truth" : rest === "model" ? "model" : "gradient";
}

/** How many pictures this screen of a row shows at once. */
function picturesOf(row, screen) {
  const arrays = [...(row.parts[0].screens[screen] ?? []), ...(row.still[screen] ?? [])];
  const [, array] = arrays.find(([name]) => name.startsWith("images/")) ?? [];
  return array?.shape[0] ?? 0;
}
