// The loudspeaker: one sound at a time. The browser's audio begins with the first press, as browsers want it.

import { finer } from "./sound.js";

export const TIMES = 4; // more samples a second than a sound has: not every browser plays so few

export class Speaker {
  /** `changed()` is called when a sound begins, and when it ends. */
  constructor(changed) {
    this.changed = changed;
    this.name = null; // of the sound that is heard
  }

  /** Play values of the mu-law, from the beginning. False where this browser has no audio. */
  play(name, v, rate) {
    this.stop();
    const Context = window.AudioContext ?? window.webkitAudioContext;
    if (!Context) return false;
    this.context ??= new Context();
    this.context.resume();
    const samples = finer(v, TIMES);
    const buffer = this.context.createBuffer(1, samples.length, TIMES * rate);
    buffer.copyToChannel(samples, 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    source.onended = () => source === this.source && this.stop();
    source.start();
    Object.assign(this, { name, source, since: this.context.currentTime, seconds: buffer.duration });
    this.changed();
    return true;
  }

  stop() {
    const { source } = this;
    if (!source) return;
    this.source = this.name = null;
    source.stop();
    this.changed();
  }

  /** How much of the sound has been heard, from 0 to 1. */
  get share() {
    return Math.min(1, (this.context.currentTime - this.since) / this.seconds);
  }

  close() {
    this.stop();
    this.context?.close();
  }
}
