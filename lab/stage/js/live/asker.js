// Questions to the model of a run: one is under way, and of each kind only the newest waits.

import { Link } from "./wire.js";

const ANSWER_PATIENCE = 35000; // ms after which a question counts as lost: the server answers within 30 s, be it with BUSY

export class Asker {
  /** `hear` has stated(message), answered(name, frame, question), say(why) and its `words`. Who asks for a film hears
   * answered() once for each part, at last ended(), and refused() where there is none. */
  constructor(hear) {
    this.hear = hear;
    this.waiting = new Map();
    this.number = 0;
    this.link = new Link({
      text: (message) => this.text(message),
      frame: (frame) => this.frame(frame),
      lost: (why) => this.lost(why),
      found: () => {},
      unreadable: () => this.answered(this.number, () => {}),
    }, true);
  }

  connect(run) {
    this.forget();
    this.link.connect(run);
  }

  /** The kept round whose model is asked from now on, or null for the newest. True if that is another one. */
  at(round = null) {
    const before = this.round;
    this.round = round;
    return before !== undefined && before !== round;
  }

  /** `make` gives the question's arguments when its turn comes, or null if there is none any more. */
  ask(name, make) {
    this.waiting.set(name, make);
    this.next();
  }

  /** As `ask`, at once: what is under way is wanted no more, and the server ends it. */
  instead(name, make) {
    clearTimeout(this.timer);
    this.asked = null;
    this.waiting.clear();
    this.ask(name, make);
  }

  next() {
    while (!this.asked && this.ready && this.waiting.size) {
      const [[name, make]] = this.waiting;
      this.waiting.delete(name);
      const question = make();
      if (!question) continue;
      this.asked = { name, question, make };
      this.number += 1;
      this.link.send({ ask: name, with: question.arguments, id: this.number, round: this.round ?? null });
      this.wait();
    }
  }

  /** A question that is lost is asked once more, unless a newer one of its kind waits. */
  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { name, make } = this.asked;
      if (!this.waiting.has(name)) this.waiting.set(name, make);
      this.answered(this.number, () => {});
    }, ANSWER_PATIENCE);
  }

  /** An answer; a part of one leaves the question open. */
  frame(frame) {
    const tell = (asked) => this.hear.answered(asked.name, frame, asked.question);
    if (frame.meta.part === undefined) return this.answered(frame.meta.answer, tell);
    if (frame.meta.answer !== this.number || !this.asked) return;
    this.wait();
    tell(this.asked);
  }

  text(message) {
    if (message.hello) {
      this.forget(); // a new socket knows of no question
      this.ready = true;
    }
    if (message.end) this.answered(message.answer, () => this.hear.ended());
    else if (message.answer !== undefined) this.answered(message.answer, () => this.refused(message.error));
    else if (message.error) this.lost(message.error);
    const state = message.hello ?? message.state;
    if (state) this.hear.stated(state);
  }

  refused(why) {
    this.hear.refused?.();
    this.hear.say(why);
  }

  lost(why) {
    this.hear.say(why || this.hear.words.lost);
  }

  answered(number, tell) {
    if (number !== this.number || !this.asked) return;
    const { asked } = this;
    this.asked = null;
    clearTimeout(this.timer);
    tell(asked);
    this.next();
  }

  forget() {
    clearTimeout(this.timer);
    this.asked = null;
    this.ready = false;
  }

  close() {
    this.forget();
    this.link.close();
  }
}
