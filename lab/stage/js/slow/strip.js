// Over time: what the same noise gave at a few stored rounds, one below the other.

import { make, makeButton, setAll, setText, sharpen } from "../core/dom.js";
import { clamp, count } from "../core/numbers.js";
import { roleOf } from "../core/palette.js";
import { fill } from "../core/words.js";
import { aspectOf } from "../draw/pixels.js";
import { firstImages, paintThumb } from "../draw/thumbs.js";
import { imageAtlas } from "../draw/tiles.js";

const STRIP_ROWS = 8;
const STRIP_IMAGES = 10;
const STRIP_PHOTO = 108; // px, height of a photograph
const STRIP_LAYERS = [["points/real", "points/fake"], ["line/truth density", "line/model density"]];

export class Strip {
  constructor(stage) {
    this.stage = stage;
    this.id = "strip";
    this.element = make("div", { class: "strip" });
  }

  use(words) {
    this.words = words;
    this.rows = make("div", { class: "strip-rows", role: "group", "aria-label": words.stripRows });
    this.save = makeButton("strip-save", words.stripSave, () => this.savePicture());
    this.says = make("p", { class: "slow-status" });
    this.element.replaceChildren(this.says, this.rows, make("div", { class: "drawer-buttons" }, this.save));
    this.shown = "";
    if (this.open) this.render();
  }

  offered() {
    const { live, screen } = this.stage;
    return Boolean(this.kind((live ?? screen.shown)?.arrays));
  }

  /** What to show of these arrays: ["photo/result"], ["images/..."], or layers of points or lines. */
  kind(arrays) {
    if (!arrays) return null;
    const images = [...arrays.keys()].find((name) => name.startsWith("images/"));
    const picture = arrays.has("photo/result") ? "photo/result" : images;
    if (picture) return [picture];
    return STRIP_LAYERS.find(([, model]) => arrays.has(model)) ?? null;
  }

  opened() {
    this.shown = "";
    this.render();
  }

  forget() {
    this.shown = "";
    this.rows?.replaceChildren();
  }

  /** Called often: fetches what is missing, and writes the rows anew when there are others. */
  render() {
    const { history, screen, view } = this.stage;
    if (history.missing()) this.stage.askHistory();
    const rounds = stripRounds(history.rounds.filter((round) => history.frames.has(round)));
    const { palette, box } = screen;
    const stamp = `${rounds}${palette?.name}${box}${this.element.clientWidth}`;
    if (stamp !== this.shown && palette && this.element.clientWidth) {
      this.shown = stamp;
      setText(this.says, screen.photos.of("photo/result") ? this.words.stripPhotos : this.words.stripSays);
      this.pictures = rounds.map((round) => this.picture(round)).filter(Boolean);
      this.rows.replaceChildren(...this.pictures.map((one) => one.button));
    }
    for (const one of this.pictures ?? []) setAll(one.button, { "aria-pressed": String(one.round === view) });
  }

  picture(round) {
    const { history, screen } = this.stage;
    const { arrays } = history.frames.get(round);
    const kind = this.kind(arrays);
    if (!kind) return null;
    const array = arrays.get(kind[0]);
    const photo = kind[0] === "photo/result";
    const old = photo && this.pictures?.find((one) => one.array === array);
    const canvas = old?.canvas ?? make("canvas", { "aria-hidden": "true" });
    if (photo) old || this.paintPhoto(canvas, array);
    else if (kind.length === 1) this.paintRow(canvas, array);
    else {
      const layers = kind.filter((name) => arrays.has(name)).map((name) => ({ name, array: arrays.get(name), role: roleOf(name, screen.roles.get(name)) }));
      paintThumb(canvas, 84, 84, layers, this.stage.thumbLook());
    }
    const label = fill(this.words.round, { unit: screen.unit(), round: count(round) });
    const style = kind.length === 1 && !photo ? "strip-row" : "strip-row tile";
    const title = fill(this.words.stripLook, { label });
    const look = () => this.stage.look(this.stage.view === round ? null : round);
    const button = makeButton(null, [make("span", {}, label), canvas], look, { class: style, "data-round": round, title });
    return { round, label, array, canvas, button };
  }

  paintPhoto(canvas, array) {
    const now = this.stage.screen.photos.of("photo/result");
    paintThumb(canvas, Math.round(STRIP_PHOTO * (now ? aspectOf(now) : 1)), STRIP_PHOTO, [{ name: "photo/result", array }]);
  }

  /** The first few images in a row, as large as the width allows. */
  paintRow(canvas, array) {
    const item = firstImages(array, STRIP_IMAGES);
    const [n, high, wide] = item.shape;
    const room = this.element.clientWidth - (this.element.clientWidth < 560 ? 16 : 140);
    const cell = clamp(Math.floor(room / n) - 2, 16, 56);
    const ctx = sharpen(canvas, n * (cell + 2), Math.round((cell * high) / wide));
    const atlas = imageAtlas(item);
    ctx.imageSmoothingEnabled = false;
    for (let i = 0; i < n; i++) ctx.drawImage(atlas, 0, i * high, wide, high, i * (cell + 2), 0, cell, (cell * high) / wide);
  }

  /** One picture of all rows with their labels, as a file. */
  savePicture() {
    const { pictures, stage } = this;
    if (!pictures?.length) return;
    const { palette } = stage.screen;
    const ratio = window.devicePixelRatio || 1;
    const [left, gap] = [130 * ratio, 6 * ratio];
    const wide = left + Math.max(...pictures.map((one) => one.canvas.width)) + gap;
    const canvas = make("canvas", { width: wide, height: pictures.reduce((sum, one) => sum + one.canvas.height + gap, gap) });
    const ctx = canvas.getContext("2d");
    ctx.fillStyle = palette.background;
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    ctx.fillStyle = palette.text;
    ctx.font = `${14 * ratio}px ${palette.font}`;
    ctx.textBaseline = "middle";
    let y = gap;
    for (const one of pictures) {
      ctx.fillText(one.label, 10 * ratio, y + one.canvas.height / 2);
      ctx.drawImage(one.canvas, left, y);
      y += one.canvas.height + gap;
    }
    make("a", { href: canvas.toDataURL("image/png"), download: `${stage.data.run}-over-time.png` }).click();
  }
}

/** The first keyframe and a few of the last two decades, evenly chosen: keyframes are log-spaced. */
function stripRounds(rounds) {
  const late = rounds.filter((round) => round > 0 && round >= rounds[rounds.length - 1] / 100);
  const most = STRIP_ROWS - 1;
  const some = late.length <= most ? late : Array.from({ length: most }, (_, i) => late[Math.round((i * (late.length - 1)) / (most - 1))]);
  return [...rounds.slice(0, 1), ...some.filter((round) => round !== rounds[0])];
}
