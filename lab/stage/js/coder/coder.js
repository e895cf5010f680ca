// Draw a digit or pick one, and follow it through the model of the run.

import { make, makeButton, setAll, setText, show } from "../core/dom.js";
import { count } from "../core/numbers.js";
import { wearPalette } from "../core/palette.js";
import { fill } from "../core/words.js";
import { bytesOf, onesOf, paintShaped } from "../draw/pixels.js";
import { Asker } from "../live/asker.js";
import { Pad } from "../pads/pad.js";
import { Listing } from "./listing.js";
import { Way } from "./way.js";
import { CODER_WORDS } from "./words.js";

const LOOK_AGAIN = 1000; // ms: how often a picture is looked at anew while the model trains

export default class CoderView {
  constructor(parent) {
    this.seed = 1;
    this.label = this.test = this.since = null;
    this.answers = 0;
    this.asker = new Asker(this);
    this.pad = new Pad(() => this.drew());
    const lit = (follow) => (boxes) => this.light(boxes, follow);
    this.way = new Way(lit(true));
    this.listing = new Listing(lit(false));
    this.build(parent);
  }

  build(parent) {
    this.undo = makeButton("pad-undo", "", () => this.pad.undo());
    this.clear = makeButton("pad-clear", "", () => this.pad.put(null));
    this.another = makeButton("pick-another", "", () => this.offer(this.page + 1));
    this.newEps = makeButton("new-eps", "", () => this.draws(1 + Math.floor(Math.random() * 1e6)));
    this.mean = makeButton("use-mean", "", () => this.draws(null));
    this.centre = make("input", { type: "checkbox", checked: true, "data-testid": "pad-centre" });
    this.centre.addEventListener("change", () => this.look());
    this.centreSays = make("span");
    const centre = make("label", { class: "pad-centre" }, this.centre, this.centreSays);
    this.tools = make("div", { class: "pad-tools" }, this.undo, this.clear, centre);
    this.picks = make("div", { class: "picks", role: "group", "data-testid": "picks" });
    this.pickTitle = make("span", { class: "way-title" });
    this.labels = make("div", { class: "pad-labels", role: "group", "data-testid": "labels" });
    this.note = make("p", { class: "coder-note", role: "status", "data-testid": "coder-note" });
    this.of = make("span", { class: "readout", "data-testid": "coder-round" });
    this.eps = make("div", { class: "bar" }, this.newEps, this.mean, this.of);
    const pickHead = make("div", { class: "bar" }, this.pickTitle, this.another);
    const picks = make("div", { class: "coder-picks" }, pickHead, this.picks);
    const way = make("div", { class: "coder-way" }, this.labels, this.note, this.way.element, this.eps);
    const grid = make("div", { class: "coder-grid" }, this.pad.element, this.tools, way, picks, this.listing.element);
    this.root = make("div", { class: "stage coder controls", "data-testid": "coder" }, grid);
    parent.append(this.root);
  }

  update({ data }) {
    this.data = data;
    this.words = { ...CODER_WORDS, ...data.labels };
    this.palette = wearPalette(this.root);
    for (const [part, word] of [[this.undo, "undo"], [this.clear, "clear"], [this.another, "another"], [this.newEps, "newEps"],
      [this.mean, "useMean"], [this.centreSays, "centre"], [this.pickTitle, "pick"], [this.pad.hint, "hint"]]) setText(part, this.words[word]);
    setAll(this.pad.canvas, { "aria-label": this.words.pad });
    setAll(this.centre.parentElement, { title: this.words.centreSays });
    setAll(this.mean, { title: this.words.useMeanSays });
    for (const part of [this.pad.element, this.tools]) show(part, data.drawable);
    this.listing.update(data, this.words);
    this.showLabels();
    this.asker.at(data.round);
    if (this.run !== data.run) {
      this.run = data.run;
      this.test = null;
      this.picks.replaceChildren(); // the data may be others
      this.asker.connect(data.run);
    }
    if (data.picture && data.picture !== this.brought) this.pad.put(bytesOf(data.picture));
    this.brought = data.picture;
    this.look();
  }

  drew() {
    this.since ??= performance.now();
    this.look();
  }

  draws(seed) {
    this.seed = seed;
    this.look();
  }

  choose(label) {
    this.label = label;
    this.showLabels();
    this.look();
  }

  pick(index, picture, label) {
    this.test = index;
    if (label !== undefined) this.label = label;
    this.showLabels();
    if (this.data.drawable) this.pad.put(picture.data);
    else this.look();
  }

  stated(state) {
    this.state = state.state;
    if (!this.picks.children.length) this.offer(0);
    this.look();
  }

  offer(page) {
    this.asker.ask("offer", () => ({ arguments: { page }, page }));
  }

  look() {
    this.undo.disabled = this.clear.disabled = this.pad.blank;
    this.missing = this.lacks();
    if (this.missing) {
      this.since = null;
      this.say(this.words[this.missing]);
    } else this.asker.ask("look", () => this.question());
  }

  lacks() {
    if (this.data.drawable ? this.pad.blank : this.test === null) return this.data.drawable ? "empty" : "emptyPick";
    return this.data.labelled && this.label === null ? "chooseLabel" : null;
  }

  question() {
    if (this.lacks()) return null;
    const { since, seed, pad } = this;
    this.since = null;
    const what = this.data.drawable
      ? { picture: pad.base64(), centre: this.centre.checked && pad.strokes.length > 0 }
      : { test: this.test };
    const label = this.data.labelled ? { label: this.label } : {};
    return { since, seed, arguments: { ...what, ...label, ...(seed === null ? {} : { seed }) } };
  }

  answered(name, frame, question) {
    if (name === "offer") return this.offered(frame, question.page);
    if (this.missing) return; // wiped meanwhile
    this.say("");
    this.way.draw(frame, this.words, this.palette);
    for (const part of [this.newEps, this.mean]) show(part, frame.arrays.has("spread"));
    setAll(this.mean, { "aria-pressed": String(question.seed === null) });
    setText(this.of, fill(this.words.of, { round: count(frame.meta.round) }));
    this.measure(question.since);
    clearTimeout(this.again);
    if (this.state === "training") this.again = setTimeout(() => this.look(), LOOK_AGAIN);
  }

  /** How long it took from the hand's move to the picture, for who wants to know (`data-latency`, ms). */
  measure(since) {
    this.answers += 1;
    requestAnimationFrame(() => {
      setAll(this.root, { "data-answers": this.answers });
      if (since !== null) setAll(this.root, { "data-latency": (performance.now() - since).toFixed(1) });
    });
  }

  offered({ arrays, meta }, page) {
    this.page = page;
    const pictures = onesOf(arrays.get("pictures"));
    this.picks.replaceChildren(...meta.index.map((index, i) => {
      const picture = pictures[i];
      const label = meta.labels?.[i];
      const says = label === undefined ? fill(this.words.pickOne, { n: index }) : fill(this.words.pickLabelled, { label });
      const canvas = make("canvas", {});
      paintShaped(canvas, picture);
      const attributes = { class: "pick", "aria-label": says, title: says, "data-index": index };
      return makeButton(null, canvas, () => this.pick(index, picture, label), attributes);
    }));
  }

  /** What is to be done, or why there is no answer: then what is shown is pale, for it is of before. */
  say(text) {
    setText(this.note, text);
    show(this.note, Boolean(text));
    this.way.element.classList.toggle("stale", Boolean(text));
  }

  showLabels() {
    const { labelled, classes } = this.data;
    show(this.labels, Boolean(labelled));
    if (!labelled) return;
    const one = (label) => {
      const pressed = { class: "small", "aria-pressed": String(label === this.label) };
      return makeButton(`label-${label}`, String(label), () => this.choose(label), pressed);
    };
    const title = make("span", { class: "way-title" }, this.words.label);
    this.labels.replaceChildren(title, ...Array.from({ length: classes }, (_, label) => one(label)));
  }

  light(boxes, follow) {
    this.way.light(boxes);
    this.listing.light(boxes, follow);
  }

  close() {
    clearTimeout(this.again);
    this.asker.close();
    this.root.remove();
  }
}
