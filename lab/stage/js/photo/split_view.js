// Two given pictures of one scene in one place, with a handle between them.

import { make, setAll, sharpen } from "../core/dom.js";
import { wearPalette } from "../core/palette.js";
import { fill, WORDS } from "../core/words.js";
import { aspectOf, bytesOf, decodePhoto, fitted } from "../draw/pixels.js";
import { paintSplit, Split } from "./split.js";

export default class SplitView {
  constructor(parent) {
    this.split = new Split(() => this.draw());
    this.canvas = make("canvas", { role: "img", class: "canvas" });
    this.element = make("div", { class: "picture" }, this.canvas, make("div", { class: "photos" }, this.split.element));
    this.root = make("div", { class: "stage", "data-testid": "split-view", style: "--picture: 100%" }, this.element);
    parent.append(this.root);
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.root);
  }

  update({ data }) {
    const old = this.data;
    this.data = data;
    this.words = { ...WORDS, ...data.labels };
    this.palette = wearPalette(this.root);
    const { left = this.words["photo/content"], right = this.words["photo/result"] } = data.labels;
    this.split.use(this.words, left, right);
    setAll(this.canvas, { "aria-label": fill(this.words.split, { left, right }) });
    if (old?.left !== data.left || old?.right !== data.right) this.read(data);
    this.draw();
  }

  /** The old pictures stay until both new ones are read. */
  async read(data) {
    const photos = await Promise.all([data.left, data.right].map((text) => decodePhoto(bytesOf(text))));
    if (!photos.every(Boolean) || this.data.left !== data.left || this.data.right !== data.right) return photos.forEach((one) => one?.close());
    this.forget();
    this.photos = photos;
    this.draw();
  }

  draw() {
    const width = this.root.clientWidth;
    if (!this.photos || !width) return;
    const [left, right] = this.photos;
    const { w, h } = fitted({ x: 0, y: 0, w: width, h: this.data.height }, aspectOf(right));
    const area = { x: 0, y: 0, w, h };
    paintSplit(sharpen(this.canvas, area.w, area.h), area, left, right, this.split, this.palette);
    this.split.put(area);
  }

  forget() {
    for (const photo of this.photos ?? []) photo.close();
    this.photos = null;
  }

  close() {
    this.resizing.disconnect();
    this.forget();
    this.root.remove();
  }
}
