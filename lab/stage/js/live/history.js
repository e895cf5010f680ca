// Earlier rounds: keyframes kept once fetched, and how a recording plays: once, and then it rests on its last picture.

const SHOWING = 6000; // ms

export class History {
  frames = new Map();
  rounds = [];
  askedAt = -1e9;
  start = null;

  add(frame) {
    this.frames.set(frame.meta.key, frame);
    if (!this.missing()) this.askedAt = -1e9; // answered: what is missing later may be asked for at once
  }

  /** Follow the server's list; what it no longer lists is from a past that was undone. */
  list(rounds) {
    this.rounds = rounds;
    for (const round of this.frames.keys()) if (!rounds.includes(round)) this.frames.delete(round);
  }

  /** After a reset or a rewind, later rounds will be different ones. */
  forgetAfter(round) {
    for (const old of this.frames.keys()) if (old > round) this.frames.delete(old);
  }

  missing() {
    return this.rounds.some((round) => !this.frames.has(round));
  }

  /** Ask once; again only if something is still missing after a while. */
  ask(send) {
    if (this.waiting()) return;
    this.askedAt = performance.now();
    send({ show: "keyframes" });
  }

  waiting() {
    return this.missing() && performance.now() - this.askedAt < 4000;
  }

  /** What a recording shows at `now`: the frame it moves towards, and for how long. It begins with the first call. */
  play(now) {
    const rounds = this.rounds.filter((round) => this.frames.has(round));
    if (!rounds.length) return null;
    if (this.start === null) {
      this.start = now;
      return { frame: this.frames.get(rounds[0]), duration: 0 };
    }
    const step = SHOWING / Math.max(1, rounds.length - 1);
    const index = Math.min(rounds.length - 1, Math.floor(Math.max(0, now - this.start) / step) + 1);
    return { frame: this.frames.get(rounds[index]), duration: step };
  }

  /** Whether it has been shown to its end. */
  over(now) {
    return this.start !== null && now - this.start > SHOWING;
  }

  again() {
    this.start = null;
  }

  /** It is shown as one that is over. */
  rest() {
    this.start = -Infinity;
  }

  /** For those who asked for less motion: the last picture of the recording. */
  end() {
    const frame = this.frames.get(this.rounds.at(-1));
    return frame ? { frame, duration: 0 } : null;
  }
}
