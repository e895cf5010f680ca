// What the stage says in words about the run.

import { make, setText, show } from "../core/dom.js";
import { count, rate } from "../core/numbers.js";
import { fill } from "../core/words.js";

/** now: {words, server, state, round, unit, meta, shown, players} -> "round 1,234 · training" */
export function readout(now) {
  const { words, server, state, unit, meta } = now;
  if (server.recording) return fill(words.recording, { unit, round: count(now.shown) });
  const parts = [fill(words.round, { unit, round: count(now.round) })];
  if (state === "training" && meta.speed) parts.push(fill(words.speed, { unit, speed: rate(meta.speed) }));
  if (state === "paused" && meta.turn && now.players.length > 1) parts.push(fill(words.lastTurn, { player: meta.turn }));
  parts.push(stateWord(words, state));
  if (server.why && state === server.state && state !== "failed") parts.push(server.why);
  return parts.join(" \u00b7 ");
}

export function stateWord(words, state) {
  const known = { training: words.stateTraining, paused: words.statePaused, ended: words.stateEnded, failed: words.stateFailed };
  return known[state] ?? state;
}

/** One sentence over the foot of the picture, for a while or until it is no longer true. */
export class Notice {
  constructor() {
    this.element = make("div", { class: "notice", role: "status", hidden: true, "data-testid": "notice" });
  }

  say(sentence, stays = false) {
    clearTimeout(this.timer);
    setText(this.element, sentence);
    show(this.element, Boolean(sentence));
    if (sentence && !stays) this.timer = setTimeout(() => this.say(""), 8000);
  }
}
