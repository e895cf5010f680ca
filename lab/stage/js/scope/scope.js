// The scope: a model writes a sound, sample by sample, and what each sample was drawn from can be seen and heard.

import { make, setAll, setText, show, watch } from "../core/dom.js";
import { clamp, count, fixed, short } from "../core/numbers.js";
import { wearPalette } from "../core/palette.js";
import { fill, WORDS } from "../core/words.js";
import { Speaker } from "./audio.js";
import { coarse, Lane } from "./lane.js";
import { Lens } from "./lens.js";
import { Net } from "./net.js";
import { levelOf, valueOf, valuesOf } from "./sound.js";
import { LEVELS, nearest, Stops, Tools, ZOOMS } from "./tools.js";
import { leavesOf } from "./tree.js";
import { SCOPE_WORDS } from "./words.js";

export default class Scope {
  constructor(parent) {
    this.words = { ...WORDS, ...SCOPE_WORDS };
    const act = { play: (lane) => this.play(lane), choose: (lane, at) => this.choose(lane, at), key: (event, lane) => this.keyed(event, lane) };
    this.lanes = Object.fromEntries([["model", "model"], ["data", "data"], ["brought", "truth"], ["other", "model"]].map(([name, role]) => [name, new Lane(name, role, act)]));
    this.lane = this.lanes.model;
    this.pinned = this.hovered = null;
    this.nets = { model: this.netFor(this.lanes.model), other: this.netFor(this.lanes.other) };
    this.speaker = new Speaker(() => this.request());
    this.tools = new Tools({ write: () => this.write(), set: () => this.write() });
    this.levels = new Stops("levels", () => this.coarsen());
    this.zoom = new Stops("zoom", () => this.request());
    this.field = new Stops("field", () => this.another("field"));
    this.fewer = new Stops("fewer", () => this.another("levels"));
    this.lens = new Lens({ hover: (at) => this.hover(at), choose: (at) => this.choose(this.lane, at), key: (event) => this.keyed(event) });
    this.build(parent);
    this.unwatch = watch(this.root, () => this.request(), (visible) => this.see(visible));
  }

  netFor(lane) {
    return new Net({
      words: this.words,
      changed: () => this.request(),
      wrote: (part) => this.wrote(lane, part),
      known: () => this.known(lane),
      clip: (bytes, label) => this.clipped(bytes, label),
      rested: () => this.data.round === null && this.write(),
      say: (text) => this.say(text),
    });
  }

  build(parent) {
    const { model, data, brought, other } = this.lanes;
    data.more.append(this.levels.element);
    other.more.append(this.field.element, this.fewer.element);
    this.note = make("p", { class: "scope-note", role: "status", hidden: true, "data-testid": "scope-note" });
    this.says = make("p", { class: "scope-says", "data-testid": "scope-says" });
    this.leak = make("p", { class: "scope-leak", role: "alert", hidden: true, "data-testid": "scope-leak" });
    this.took = make("span", { class: "scope-took", role: "status", "data-testid": "scope-took" });
    other.element.append((this.hint = make("p", { class: "scope-hint" })));
    const below = make("div", { class: "scope-below" }, this.zoom.element, this.took);
    this.frame = make("div", { class: "scope-frame" }, this.tools.element, model.element, data.element, brought.element, other.element, this.lens.element, this.says, this.leak, below);
    this.root = make("div", { class: "stage scope controls", "data-testid": "scope", role: "region" }, this.note, this.frame);
    parent.append(this.root);
  }

  update({ data }) {
    this.data = data;
    Object.assign(this.words, data.labels);
    this.palette = wearPalette(this.root);
    setAll(this.root, { "aria-label": this.words.scope });
    const before = this.nets.model.run;
    if (this.nets.model.connect(data.run, data.round) && before === data.run && this.nets.model.facts) this.write();
    const { brought } = this.lanes;
    if (data.brought?.wave !== this.brought) {
      brought.hold(valuesOf((this.brought = data.brought?.wave) ?? ""));
      if (this.brought) this.choose(brought, brought.loudest);
    }
    this.known(this.lanes.model);
    this.judge();
  }

  /** All that depends on what the model is. */
  known(lane) {
    const { nets, words, data, lanes } = this;
    const { facts } = nets.model;
    show(this.frame, Boolean(facts));
    if (!facts) return;
    if (lane === lanes.other && nets.other.facts) this.begin(lanes.other);
    this.tools.update(words, facts);
    this.levels.offer(words.levels, LEVELS, facts.K);
    this.zoom.offer(words.zoom, ZOOMS, ZOOMS.find((n) => n >= 1.2 * facts.field) ?? ZOOMS.at(-1), (n) => fill(words.samples, { n: count(n) }));
    const stops = (name) => [...new Set(data.others.map((one) => one[name]))].sort((a, b) => a - b);
    if (data.others.length) {
      this.field.offer(words.field, stops("field"), data.others[0].field, count);
      this.fewer.offer(words.levels, stops("levels"), data.others[0].levels);
    }
    show(lanes.brought.element, Boolean(this.brought));
    show(lanes.other.element, data.others.length > 0);
    setText(this.hint, words.hint);
    show(this.hint, !lanes.other.v.length);
    this.look();
    this.request();
  }

  // --- what is asked ---------------------------------------------------------------------------------------

  see(visible) {
    this.visible = visible;
    this.look();
    this.request();
  }

  /** A scope that comes into sight begins. */
  look() {
    if (this.visible && this.nets.model.facts && !this.lanes.model.v.length) this.write();
  }

  /** The sound of these settings, by the model and, where they were asked, by recorded weights. */
  write() {
    const { nets, lanes, tools } = this;
    if (!nets.model.facts) return;
    if (lanes.data.label !== tools.question.label) nets.model.clip(tools.question.label);
    else this.coarsen(); // another model may hear it otherwise
    lanes.brought.hold(lanes.brought.v);
    this.lane = lanes.model;
    this.pinned = this.hovered = null;
    this.begin(lanes.model);
    if (nets.other.facts) this.begin(lanes.other);
  }

  begin(lane) {
    const net = this.nets[lane.name];
    if (this.speaker.name === lane.name) this.speaker.stop();
    lane.begin(net.facts.D);
    Object.assign(lane, { p: null, since: performance.now(), took: null });
    net.write(this.tools.question);
    this.request();
  }

  /** A part of a sound, or null at its end. */
  wrote(lane, part) {
    if (part) {
      if (!part.part) lane.begin(lane.v.length); // it may be asked once more, where the link was lost
      lane.take(Float32Array.from(part.k, (k) => valueOf(k, this.nets[lane.name].facts.K)));
      Object.assign(lane, { p: part.p, round: part.round });
    } else {
      lane.took = (performance.now() - lane.since) / 1000;
      if (lane === this.lane && this.pinned === null) this.pinned = lane.loudest;
      this.judge();
    }
    this.request();
  }

  judge() {
    if (!this.nets.model.facts) return;
    const { lanes: { model, data, brought, other }, tools: { question: { label } } } = this;
    this.nets.model.judge([model, data, brought], label);
    if (other.complete) this.nets.other.judge([other], label);
  }

  clipped(bytes, label) {
    this.clip = Float32Array.from(bytes, (byte) => valueOf(byte, 256));
    this.lanes.data.label = label;
    this.coarsen();
  }

  /** The data's sound in so many levels; it is heard anew where it was being heard. */
  coarsen() {
    const { data } = this.lanes;
    if (!this.clip) return;
    data.hold(coarse(this.clip, this.levels.stop));
    if (this.speaker.name === "data") this.speaker.play("data", data.v, this.nets.model.facts.rate);
    this.judge();
    this.request();
  }

  /** Recorded weights with another field or other levels: the nearest that there are. */
  another(name) {
    const best = nearest(this.data.others, { field: this.field.stop, levels: this.fewer.stop }, name);
    this.field.set(best.field);
    this.fewer.set(best.levels);
    this.lane = this.lanes.other;
    this.pinned = this.hovered = null;
    if (this.nets.other.run === best.run) this.begin(this.lanes.other);
    else this.nets.other.connect(best.run, null);
    this.request();
  }

  /** Why there is no answer: then what is shown is pale, for it is of before. */
  say(text) {
    setText(this.note, text);
    show(this.note, Boolean(text));
    this.frame.classList.toggle("stale", Boolean(text));
  }

  // --- what a hand does ------------------------------------------------------------------------------------

  /** The sample that is looked at: while a sound is written, the newest. */
  get cursor() {
    const { lane, hovered, pinned } = this;
    const newest = Math.max(0, lane.n - 1);
    return Math.min(hovered ?? pinned ?? newest, newest);
  }

  get net() {
    return this.lane === this.lanes.other ? this.nets.other : this.nets.model;
  }

  hover(at) {
    this.hovered = at !== null && at >= 0 && at < this.lane.n ? at : null;
    this.request();
  }

  choose(lane, at) {
    if (!lane.n) return;
    const moved = lane !== this.lane || at < this.lens.view.from || at >= this.lens.view.to;
    this.lane = lane;
    this.hovered = null;
    this.pinned = clamp(at, 0, lane.n - 1);
    this.aimed = this.aimed && !moved;
    this.request();
  }

  play(lane) {
    if (this.speaker.name === lane.name) return this.speaker.stop();
    if (!this.speaker.play(lane.name, lane.v, this.nets.model.facts.rate)) this.say(this.words.noAudio);
  }

  keyed(event, lane = this.lane) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const at = lane === this.lane ? this.cursor : lane.loudest;
    if (by) this.choose(lane, at + by * (event.shiftKey ? 10 : 1));
    else if (event.key === "Home") this.choose(lane, 0);
    else if (event.key === "End") this.choose(lane, lane.n - 1);
    else if (event.key === " " && lane.complete) this.play(lane);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // --- what is shown ---------------------------------------------------------------------------------------

  request() {
    this.raf ||= requestAnimationFrame(() => this.tick());
  }

  tick() {
    this.raf = 0;
    if (!this.visible || !this.nets.model.facts) return;
    this.draw();
    if (this.speaker.name) this.request();
  }

  draw() {
    const { lane, lanes, lens, cursor, palette, words, speaker, nets, data } = this;
    const facts = this.net.facts ?? nets.model.facts;
    if (lane.complete && this.net.facts) this.net.look(lane, cursor, this.tools.question.label);
    lens.aim(cursor, this.zoom.stop, !lane.complete || !this.aimed);
    this.aimed = true;
    const { sight } = this.net;
    const seen = sight && sight.lane === lane && sight.stamp === lane.stamp && sight.sample === cursor && lane.complete ? sight : null;
    const p = seen ? seen.p : lane.complete ? null : lane.p;
    for (const one of Object.values(lanes)) {
      const heard = speaker.name === one.name ? speaker.share : null;
      const title = fill(words[one.name], { name: data.brought?.name ?? "" });
      one.draw({ palette, words, rate: facts.rate, heard, title, view: one === lane ? lens.view : null, cursor });
    }
    const says = this.tell(facts, p, seen);
    const tree = lens.draw({ facts, lane, cursor, p, sight: seen, palette, words, says });
    setAll(this.root, {
      "data-lane": lane.name, "data-cursor": cursor, "data-n": lane.n, "data-complete": String(lane.complete), "data-playing": speaker.name,
      "data-seen": seen ? cursor : null, "data-reach": seen?.reach, "data-ahead": seen?.ahead, "data-leaves": tree && leavesOf(tree).length, "data-first": tree && leavesOf(tree)[0],
    });
  }

  /** What is known of the chosen sample, in words; returns what the picture says to who does not see it. */
  tell(facts, p, seen) {
    const { lane, cursor, words } = this;
    const { K, rate, field, D } = facts;
    const level = lane.n ? levelOf(lane.v[cursor], K) : null;
    const best = p ? p.indexOf(p.reduce((a, b) => Math.max(a, b))) : 0;
    const where = { at: count(cursor + 1), of: count(D), level, K, best, p: p && short(p[level]), most: p && short(p[best]), field: count(field) };
    const parts = [lane.n ? (p ? words.drawn + words.likeliest : "") : words.notYet];
    if (seen) {
      const numbers = { ...where, reach: count(seen.reach), ms: fixed((1000 * seen.reach) / rate, 1), ahead: count(seen.ahead) };
      parts.push(words.reaches);
      setText(this.leak, fill(words.ahead, numbers));
      setText(this.says, fill(words.where + parts.join(""), numbers));
    } else setText(this.says, lane.complete ? "" : fill(words.writing, { n: count(lane.n), of: count(lane.v.length) }));
    show(this.leak, Boolean(seen?.ahead));
    const took = lane.took ? { sound: fixed(D / rate, 2), took: fixed(lane.took, 1), round: count(lane.round) } : null;
    setText(this.took, took ? fill(words.took, took) : "");
    return fill(words.lens, { ...where, drawn: fill(parts[0], where) });
  }

  close() {
    cancelAnimationFrame(this.raf);
    this.unwatch();
    for (const one of [this.speaker, ...Object.values(this.nets), ...Object.values(this.lanes)]) one.close();
    this.root.remove();
  }
}
