// Photographs: what a run makes of a content in a style. They come compressed, and are kept until the next are read.

import { layOver, make, makeButton, setAll } from "../core/dom.js";
import { splitName } from "../core/names.js";
import { fill } from "../core/words.js";
import { outline } from "../draw/pen.js";
import { aspectOf, decodePhoto, fitted, paintPhoto } from "../draw/pixels.js";
import { paintSplit, Split } from "./split.js";

const PHOTO_ORDER = ["photo/result", "photo/content", "photo/style", "photo/second", "photo/mask"];
const SAME_SHAPE = 0.06; // coarse results have sides of few pixels, and so not quite the content's proportions

export class Photos {
  /** `ready(all)` is called when there is another picture to draw; `all` if it has another shape. */
  constructor(ready) {
    this.ready = ready;
    this.kept = new Map(); // name -> {photo, bytes, wanted}
    this.split = new Split(() => ready(false));
    this.picks = new Map(); // name -> the button over a small picture
    this.large = null; // the name of one that is shown in the result's place
    this.element = make("div", { class: "photos" }, this.split.element);
  }

  use(words) {
    this.words = words;
    this.split.use(words, words["photo/content"], words["photo/result"]);
  }

  /** Follow the arrays; one picture of a name is read at a time, and what comes meanwhile gives way to the newest. */
  follow(layers) {
    for (const name of this.kept.keys()) if (!layers.items.has(name)) this.drop(name);
    for (const [name, item] of layers.entries("photo")) {
      if (!this.kept.has(name)) this.kept.set(name, { photo: null });
      const kept = this.kept.get(name);
      kept.wanted = item.target;
      if (!kept.reading) this.read(name, kept);
    }
  }

  async read(name, kept) {
    const same = sameBytes(kept.bytes, kept.wanted);
    kept.bytes = kept.wanted;
    if (same) return;
    kept.reading = true;
    const photo = await decodePhoto(kept.bytes);
    kept.reading = false;
    if (this.kept.get(name) !== kept) return void photo?.close();
    const reshaped = photo && (!kept.photo || aspectOf(kept.photo) !== aspectOf(photo));
    if (photo) {
      kept.photo?.close();
      kept.photo = photo;
    }
    this.ready(reshaped); // to draw it also looks whether another one is wanted
  }

  drop(name) {
    this.kept.get(name).photo?.close();
    this.kept.delete(name);
  }

  of(name) {
    return this.kept.get(name)?.photo ?? null;
  }

  /** A panel for each picture that has been read, the result's first. */
  panels() {
    const rank = (name) => (PHOTO_ORDER.indexOf(name) + 1 || PHOTO_ORDER.length + 1);
    const names = [...this.kept.keys()].filter((name) => this.of(name)).sort((a, b) => rank(a) - rank(b));
    const caption = (name) => (name === "photo/result" ? this.large ?? name : name);
    return names.map((name) => ({ kind: "photo", name, aspect: this.aspect(name), caption: caption(name) }));
  }

  aspect(name) {
    const own = aspectOf(this.of(name));
    const whole = name === "photo/result" && this.of("photo/content") ? aspectOf(this.of("photo/content")) : own;
    return Math.abs(own / whole - 1) < SAME_SHAPE ? whole : own;
  }

  /** Lay the handle over the result, and a button over each of the others. */
  put(panels) {
    const [first, ...small] = panels.filter((panel) => panel.kind === "photo");
    if (!small.some((panel) => panel.name === this.large)) this.large = null;
    const split = first?.name === "photo/result" && this.of("photo/content") && !this.large;
    this.split.put(split ? first.area : null);
    for (const [name, button] of this.picks) {
      if (small.some((panel) => panel.name === name)) continue;
      button.remove();
      this.picks.delete(name);
    }
    for (const panel of small) this.pick(panel);
  }

  pick({ name, area }) {
    if (!this.picks.has(name)) {
      const enlarge = () => {
        this.large = this.large === name ? null : name;
        this.ready(true);
      };
      const button = makeButton(name.replace("/", "-"), "", enlarge, { class: "photo-pick" });
      this.element.append(button);
      this.picks.set(name, button);
    }
    const button = this.picks.get(name);
    const says = fill(this.words.photoLarge, { name: this.words[name] ?? splitName(name)[1] });
    setAll(button, { "aria-pressed": String(this.large === name), "aria-label": says, title: says });
    layOver(button, area);
  }

  /** The result shares its place with the content, or leaves it to one that was pressed. */
  paint(ctx, { name, area }, look) {
    const [photo, content] = [this.of(name), this.of("photo/content")];
    if (name !== "photo/result") {
      paintPhoto(ctx, area, photo);
      return outline(ctx, area, look.palette.faint, 5.5); // a mask's white is the page's
    }
    if (this.large) return paintPhoto(ctx, fitted(area, aspectOf(this.of(this.large))), this.of(this.large));
    if (content) paintSplit(ctx, area, content, photo, this.split, look.palette);
    else paintPhoto(ctx, area, photo);
  }

  close() {
    for (const name of [...this.kept.keys()]) this.drop(name);
  }
}

function sameBytes(one, other) {
  return one === other || (one?.length === other.length && one.every((byte, i) => byte === other[i]));
}
