// What a pixel sees: of this model, measured, over the picture; and in nets of other kinds.

import { make, setAll, setText, sharpen, show } from "../core/dom.js";
import { fill } from "../core/words.js";
import { cellSize, FREE, paintChosen, paintSight, paintValues } from "../draw/cells.js";
import { Panel } from "./panel.js";
import { base64Of, labelOf, placeOf } from "./writing.js";

const SMALL = 132; // CSS pixels along a side of a small picture
const KINDS = ["PixelCNN", "Gated PixelCNN", "Row LSTM", "Diagonal BiLSTM"];

export class Lens extends Panel {
  constructor(act) {
    super("lens", act);
    this.sight = null;
    this.says = make("p", { class: "desk-sees", role: "status", "data-testid": "desk-sees" });
    this.leak = make("p", { class: "desk-leak", role: "alert", hidden: true, "data-testid": "desk-leak" });
    this.keys = make("p", { class: "desk-keys" });
    this.body.append(this.says, this.leak, this.keys, this.hint);
  }

  aim(desk) {
    super.aim(desk);
    const { words } = desk;
    const key = (kind, says) => make("span", { class: `desk-key ${kind}` }, says);
    this.alarm = key("alarm", words.lensAlarm);
    show(this.alarm, false);
    this.keys.replaceChildren(key("heat", words.lensHeat), key("blind", words.lensBlind), this.alarm);
    if (this.sight?.can) this.write();
  }

  turn(on) {
    super.turn(on);
    if (!on) this.sight = null;
  }

  forget() {
    this.sight = null;
  }

  /** The model writes: what a pixel sees is looked at afterwards. */
  wait() {
    if (!this.open || !this.desk) return;
    this.wanted = this.sight = null;
    clearTimeout(this.timer);
    setText(this.says, this.words.lensWaits);
    for (const part of [this.leak, this.alarm]) show(part, false);
  }

  /** Look from this pixel of a picture whose values are `shown`. */
  point(pixel, shown, label, stamp) {
    if (pixel === null) return;
    this.want("look", { pixel, values: base64Of(shown), ...labelOf(this.desk.facts, label) }, stamp);
  }

  answered(name, { arrays, meta }, { arguments: { pixel } }) {
    this.say("");
    this.sight = { pixel, heat: arrays.get("heat").data, can: arrays.get("can")?.data ?? null, ...meta };
    if (this.sight.can) this.write();
    this.act.changed();
  }

  write() {
    const { words, facts, verdict } = this.desk;
    const { pixel, past, seen, blind, itself, ahead } = this.sight;
    const numbers = { ...placeOf(facts, pixel), past, seen, blind, ahead, after: facts.D - past - 1 };
    const leaks = [...(itself ? [words.leakItself] : []), ...(ahead ? [ahead === 1 ? words.leakOne : words.leakAhead] : [])];
    const before = past === 0 ? words.lensFirst : blind ? words.lensSees : words.lensAll;
    const plain = [before, itself ? words.lensItself : words.lensNotItself, words.lensAhead];
    setText(this.says, (verdict ? [before] : plain).map((sentence) => fill(sentence, numbers)).join(" "));
    setText(this.leak, leaks.map((sentence) => fill(sentence, numbers)).concat(words.leak).join(" "));
    for (const part of [this.leak, this.alarm]) show(part, verdict && leaks.length > 0);
    setAll(this.element, { "data-pixel": pixel });
  }
}

export class Nets extends Panel {
  constructor(act) {
    super("nets", act);
    this.row = make("div", { class: "desk-row" });
    this.body.append(this.row);
  }

  point(pixel) {
    if (pixel !== null) this.want("fields", { pixel });
  }

  answered(name, { arrays }, { arguments: { pixel } }) {
    this.say("");
    const { facts, palette, words } = this.desk;
    const { rank, D } = facts;
    const raster = rank.map((_, place) => place); // in these nets pixels come row by row, whatever the model's order
    const cell = cellSize(facts, SMALL);
    const figures = KINDS.filter((kind) => arrays.has(`field/${kind}`)).map((kind) => {
      const { data } = arrays.get(`field/${kind}`);
      const seen = data.reduce((n, one, place) => n + (one && place < pixel ? 1 : 0), 0);
      const says = fill(words.netSees, { seen, past: pixel });
      const canvas = make("canvas", { role: "img", "aria-label": `${kind}: ${says}` });
      const ctx = sharpen(canvas, cell * facts.W, cell * facts.H);
      paintValues(ctx, facts, new Uint8Array(D).fill(FREE), cell, palette);
      paintSight(ctx, { ...facts, rank: raster }, { pixel, can: data, heat: null }, cell, palette, true);
      paintChosen(ctx, facts, pixel, cell, palette);
      return make("figure", { "data-net": kind, "data-seen": seen }, canvas, make("figcaption", {}, make("b", {}, kind), make("span", {}, words[`net ${kind}`]), make("span", {}, says)));
    });
    this.row.replaceChildren(...figures);
    setAll(this.element, { "data-pixel": pixel });
  }
}
