// A model that is asked for sounds, and what it makes of them: one link to write over, and one to look over.

import { Asker } from "../live/asker.js";
import { base64Of } from "./sound.js";

const REST = 120; // ms that a hand must rest before what it points at is looked at

export class Net {
  /** `act` has changed(), wrote(part or null at the end), known() once the model has told what it is, clip(answer),
   * judged(lane, answer), rested(), say(text) and the `words`. */
  constructor(act) {
    this.act = act;
    const { words } = act;
    const say = (text) => act.say(text);
    this.writer = new Asker({
      words, say,
      stated: (state) => this.stated(state),
      answered: (_, { arrays, meta }) => act.wrote({ k: arrays.get("k").data, p: arrays.get("p").data, ...meta }),
      ended: () => act.wrote((this.question = null)),
      refused: () => (this.question = null),
    });
    this.ear = new Asker({
      words, say,
      stated: () => this.linked(),
      answered: (name, frame, question) => this.heard(name, frame, question),
    });
  }

  /** Ask the model of this run from now on, at this round. True if it is another model. */
  connect(run, round) {
    const other = [this.writer.at(round), this.ear.at(round)].includes(true);
    if (run === this.run) return other;
    this.run = run;
    this.facts = this.state = this.question = this.sight = null;
    this.looked = "";
    for (const asker of [this.writer, this.ear]) asker.connect(run);
    return true;
  }

  stated({ state, round }) {
    const rests = this.state === "training" && state !== "training";
    Object.assign(this, { state, round });
    if (rests) this.act.rested();
    else if (this.question && !this.writer.asked) this.write(this.question);
    this.act.changed();
  }

  /** A link that is new, or new again: what was under way is lost. */
  linked() {
    if (!this.ear.asked) {
      if (!this.facts) this.ear.ask("scope", () => ({ arguments: {} }));
      if (!this.sight) this.looked = "";
      this.ear.next();
    }
    this.act.changed();
  }

  write(question) {
    this.question = question;
    this.writer.instead("utter", () => ({ arguments: question }));
  }

  clip(label) {
    this.ear.ask("clip", () => ({ arguments: { label }, label }));
  }

  /** Look from one sample of a whole sound, soon, unless that is what was looked at last. */
  look(lane, sample, label) {
    const looked = JSON.stringify([lane.name, lane.stamp, sample, label]);
    if (looked === this.looked) return;
    this.looked = looked;
    this.sight = null;
    clearTimeout(this.timer);
    const about = { lane, sample, stamp: lane.stamp };
    this.timer = setTimeout(() => this.ear.ask("hear", () => ({ arguments: { values: base64Of(lane.v, this.facts.K), sample, label }, ...about })), REST);
  }

  /** How well the model predicts the next of these sounds that is whole, and that nobody has judged. */
  judge(lanes, label) {
    this.judges = lanes;
    this.ear.ask("judge_sound", () => {
      const lane = this.judges.find((one) => one.complete && one.judged !== one.stamp && !one.silent(this.facts.K));
      if (!lane) return null;
      lane.judged = lane.stamp;
      return { arguments: { values: base64Of(lane.v, this.facts.K), label }, lane, stamp: lane.stamp, label };
    });
  }

  heard(name, { arrays, meta }, { lane, sample, stamp, label }) {
    this.act.say("");
    if (name === "scope") {
      this.facts = meta;
      this.act.known();
    } else if (name === "clip") this.act.clip(arrays.get("wave").data, label);
    else if (name === "judge_sound") {
      if (stamp === lane.stamp) lane.bits = meta.bits;
      this.judge(this.judges, label);
    } else if (stamp === lane.stamp) this.sight = { lane, sample, stamp, p: arrays.get("p").data, heat: arrays.get("heat").data, ...meta };
    this.act.changed();
  }

  close() {
    clearTimeout(this.timer);
    for (const asker of [this.writer, this.ear]) asker.close();
  }
}
