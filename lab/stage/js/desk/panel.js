// What the tools of the desk share: each asks over a link of its own, when it is open and the hand rests.

import { make, setText, show } from "../core/dom.js";
import { Asker } from "../live/asker.js";

const REST = 120; // ms that a hand must rest

export class Panel {
  /** `act` has changed(), and what else a tool needs. */
  constructor(name, act) {
    this.name = name;
    this.act = act;
    this.open = false;
    this.title = make("h2", { class: "desk-title" });
    this.hint = make("p", { class: "desk-hint" });
    this.note = make("p", { class: "desk-note", role: "status", hidden: true });
    this.body = make("div", { class: "desk-body" });
    this.element = make("section", { class: `desk-panel desk-${name}`, "data-testid": `desk-${name}`, hidden: true }, this.title, this.hint, this.note, this.body);
    this.asker = new Asker(this);
  }

  /** What it is about: `desk` has run, round, visible, words, palette, facts. */
  aim(desk) {
    const other = this.desk?.run !== desk.run || this.desk?.round !== desk.round;
    this.asker.at(desk.round);
    if (this.desk?.facts !== desk.facts) this.forget(desk.facts);
    this.desk = desk;
    this.words = desk.words;
    if (other) this.wanted = null;
    setText(this.title, this.words[`${this.name}Title`]);
    setText(this.hint, this.words[`${this.name}Hint`]);
    if (this.open) this.reach();
  }

  /** What is shown is of other data. */
  forget() {}

  turn(on) {
    this.open = on;
    show(this.element, on);
    this.wanted = null;
    if (on && this.desk) this.reach();
  }

  /** Bring it into sight, below the picture. */
  reveal() {
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** A link to the run that is shown. */
  reach() {
    if (this.linked === this.desk.run) return;
    this.linked = this.desk.run;
    this.wanted = null;
    this.asker.connect(this.linked);
  }

  /** Ask this soon, unless it is what was asked last. `stamp` changes with all else that an answer depends on. */
  want(name, given, stamp) {
    const wanted = JSON.stringify([name, given, stamp]);
    if (!this.open || !this.desk.visible || wanted === this.wanted) return;
    this.wanted = wanted;
    this.question = { name, given };
    this.done = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), REST);
  }

  ask() {
    clearTimeout(this.timer);
    if (!this.open || !this.question) return;
    const { name, given } = this.question;
    this.asker.instead(name, () => ({ arguments: given }));
  }

  /** A link that is new, or new again: what was under way is lost. */
  stated() {
    if (this.question && !this.done && !this.asker.asked) this.ask();
  }

  ended() {
    this.done = true;
    this.act.changed();
  }

  refused() {
    this.done = true;
  }

  say(why) {
    setText(this.note, why);
    show(this.note, Boolean(why));
  }

  close() {
    clearTimeout(this.timer);
    this.asker.close();
  }
}
