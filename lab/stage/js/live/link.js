// The link to the run: says when it is lost, and rests while nobody looks.

import { Live } from "./wire.js";

export const ANSWER_WITHIN = 3000; // ms after which a button shows the server's state again
const LOST_AFTER = 2000;
const HIDDEN_FOR = 10000; // a tab hidden this long stops asking for pictures

export class Link {
  /** `hear` has text(message), frame(frame), lost(why), found(), unreadable(). A quiet link asks for no pictures. */
  constructor(hear, quiet = false) {
    this.hear = hear;
    this.quiet = quiet;
    this.visibility = () => (document.hidden ? this.hidden() : this.seen());
    document.addEventListener("visibilitychange", this.visibility);
  }

  connect(run) {
    this.live?.close();
    this.run = run;
    this.asleep = false;
    this.live = new Live(run, {
      text: (message) => this.hear.text(message),
      frame: (frame) => this.hear.frame(frame),
      unreadable: (problem) => this.hear.unreadable(problem),
      found: () => this.found(),
      lost: (why, final) => this.dropped(why, final),
    }, this.quiet);
  }

  send(order) {
    this.live?.send(order);
  }

  found() {
    if (this.losing) this.hear.found();
    clearTimeout(this.losing);
    this.losing = null;
  }

  /** A short interruption is nobody's business. */
  dropped(why, final) {
    if (final) this.hear.lost(why);
    else this.losing ??= setTimeout(() => this.hear.lost(""), LOST_AFTER);
  }

  hidden() {
    this.hiding = setTimeout(() => {
      this.asleep = true;
      this.live?.close();
    }, HIDDEN_FOR);
  }

  seen() {
    clearTimeout(this.hiding);
    if (this.asleep) this.connect(this.run);
  }

  close() {
    document.removeEventListener("visibilitychange", this.visibility);
    clearTimeout(this.losing);
    clearTimeout(this.hiding);
    this.live?.close();
  }
}
