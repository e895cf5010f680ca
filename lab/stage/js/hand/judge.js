// What the net makes of a hand's drawing: the loss of each of its steps, and by the rule of Bayes which digit it is.

import { make, setAll, setText, show } from "../core/dom.js";
import { fixed } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { Asker } from "../live/asker.js";

const JUDGE_REST = 250; // ms that a hand must rest

export class Judge {
  /** `judged()` is called when there is a verdict. */
  constructor(judged) {
    this.judged = judged;
    this.asker = new Asker(this);
    this.verdict = null;
    this.title = make("h2", { class: "hand-title" });
    this.says = make("p", { role: "status", "data-testid": "hand-verdict" });
    this.bars = make("div", { class: "hand-bayes", role: "group", "data-testid": "hand-bayes" });
    this.element = make("section", { class: "hand-judge", "data-testid": "hand-judge", hidden: true }, this.title, this.bars, this.says);
  }

  /** `desk` has run, round, words and facts. */
  aim({ run, round, words, facts }) {
    this.words = words;
    this.asker.at(round);
    if (facts !== this.facts) this.verdict = null;
    this.facts = facts;
    setText(this.title, facts.labels.length ? words.judgeTitle : words.judgeWords);
    if (run !== this.run) this.asker.connect(run);
    this.run = run;
    this.write();
  }

  /** Ask for a verdict on this drawing once the hand rests; `given` are the arguments of the probe, or null for none. */
  want(given) {
    clearTimeout(this.timer);
    this.given = given;
    if (!given) this.verdict = null;
    else this.timer = setTimeout(() => this.asker.instead("judge", () => this.given && { arguments: this.given }), JUDGE_REST);
    this.write();
  }

  turn(open) {
    this.open = open;
    this.write();
  }

  stated() {
    if (this.given && !this.verdict && !this.asker.asked) this.want(this.given);
  }

  answered(name, { arrays, meta }) {
    if (!this.given) return;
    this.refusal = "";
    const bayes = arrays.get("bayes");
    const [, classes] = bayes?.shape ?? [0, 0];
    this.verdict = { losses: [...arrays.get("losses").data], places: placesOf(arrays.get("places")), bayes: bayes ? [...bayes.data.subarray(-classes)] : [], usual: meta.usual };
    this.write();
    this.judged();
  }

  say(why) {
    this.refusal = why;
    if (why) this.verdict = null;
    this.write();
  }

  write() {
    if (!this.words) return;
    const { verdict, words, facts, given } = this;
    show(this.element, Boolean(this.open && (verdict || (given && this.refusal))));
    show(this.bars, Boolean(verdict?.bayes.length));
    setAll(this.bars, { "aria-label": words.judgeTitle });
    if (!verdict) return setText(this.says, this.refusal ?? "");
    const sum = verdict.losses.reduce((total, one) => total + one, 0) / (facts.kind === "words" ? verdict.losses.length : 1);
    const told = { nats: fixed(sum, 1), usual: fixed(verdict.usual, 1), label: facts.labels[given.label] ?? "" };
    const best = verdict.bayes.reduce((most, p, label) => (p > verdict.bayes[most] ? label : most), 0);
    const cost = fill(facts.kind === "words" ? words.costWord : facts.labels.length ? words.costLabel : words.cost, told);
    setText(this.says, verdict.bayes.length ? `${fill(words.likeliest, { label: facts.labels[best], p: fixed(verdict.bayes[best], 3) })} ${cost}` : cost);
    this.bars.replaceChildren(...verdict.bayes.map((p, label) => this.bar(p, label, label === given.label)));
  }

  bar(p, label, chosen) {
    const says = fill(this.words.bayes, { label: this.facts.labels[label], p: fixed(p, 3) });
    return make("div", { class: "hand-bar", role: "img", "aria-label": says, title: says, "data-chosen": chosen, style: `--p: ${p.toFixed(4)}` }, make("i"), make("span", {}, this.facts.labels[label]));
  }

  close() {
    clearTimeout(this.timer);
    this.asker.close();
  }
}

/** Places (t, 2) as pairs. */
function placesOf({ data }) {
  return Array.from({ length: data.length / 2 }, (_, t) => [data[2 * t], data[2 * t + 1]]);
}
