// Where a stage stands: what its controls show, and what it says in words.

import { make, setText, show } from "../core/dom.js";
import { count, rate } from "../core/numbers.js";
import { fill } from "../core/words.js";

/** What the controls show. */
export function situation(stage) {
  const { server, history: { rounds }, view } = stage;
  const round = view ?? shownRound(stage);
  const stored = server?.recording || view !== null;
  return {
    state: stage.state(),
    known: server !== null,
    again: server?.again ?? false, // it failed, and may be tried again
    mine: server?.mine ?? false,
    recording: server?.recording ?? false,
    canTrain: stage.data.train,
    looking: view !== null,
    shown: Boolean(server?.recording && stage.over && !stage.screen.layers.still), // to its end: it may be played again
    rounds,
    position: stored ? Math.max(0, rounds.findLastIndex((kept) => kept <= round)) : rounds.length,
    readout: server ? told(stage) : "",
    effort: server ? effort(stage) : "",
    beside: server ? beside(stage) : "",
    round,
    unit: stage.screen.unit(),
  };
}

/** Whether the picture stays as it is until somebody does something. */
export function rests(stage) {
  if (stage.view !== null) return true;
  if (!stage.server) return false;
  return stage.server.recording ? stage.over || stage.screen.layers.still : stage.state() !== "training";
}

/** Another run than the exhibit is offered once there is one; the exhibit, once one's own run has begun. */
function beside({ data, server }) {
  return server.state === "ready" ? "" : data.beside;
}

/** How long the training will take: as its recording says, then as it goes. */
function effort({ words, server, data, live, round, ...stage }) {
  const { rounds, minutes, usable } = data.effort ?? {};
  if (!rounds || server.state === "failed") return "";
  if (server.recording || server.state === "ready") {
    const after = usable && minutes >= 1 ? fill(words.usable, { time: lasting(words, (60 * minutes * usable) / rounds) }) : "";
    return fill(words.effort, { time: lasting(words, 60 * minutes) }) + after;
  }
  const speed = live?.meta.speed;
  if (stage.guess === "paused" || server.state !== "training" || !speed || round >= rounds) return "";
  return fill(words.left, { time: lasting(words, (rounds - round) / speed) });
}

/** A time that is an estimate: in steps of ten seconds below two minutes, then in minutes. */
function lasting(words, seconds) {
  if (seconds < 115) return fill(words.seconds, { n: Math.max(10, 10 * Math.round(seconds / 10)) });
  return fill(words.minutes, { n: Math.round(seconds / 60) });
}

function shownRound(stage) {
  return stage.screen.shown?.meta.round ?? 0;
}

/** Whether the stage shows a recording, and not the copy of its model that slow motion takes further. */
export function recorded(stage) {
  return Boolean(stage.server?.recording && !stage.drawer.slow.copies);
}

/** "round 1,234 · training" */
export function told(stage) {
  const { words, server, data } = stage;
  const [state, unit, meta] = [stage.state(), stage.screen.unit(), stage.live?.meta ?? {}];
  if (server.recording) return fill(recorded(stage) || stage.view !== null ? words.recording : words.copy, { unit, round: count(shownRound(stage)) });
  const parts = [fill(words.round, { unit, round: count(stage.round) })];
  if (state === "training" && meta.speed) parts.push(fill(words.speed, { unit, speed: rate(meta.speed) }));
  if (state === "paused" && meta.turn && data.players.length > 1) parts.push(fill(words.lastTurn, { player: meta.turn }));
  parts.push(stateWord(words, state));
  if (server.why && state === server.state && state !== "failed") parts.push(server.why);
  return parts.join(" \u00b7 ");
}

function stateWord(words, state) {
  const known = { ready: words.stateReady, training: words.stateTraining, paused: words.statePaused, ended: words.stateEnded, failed: words.stateFailed };
  return known[state] ?? state;
}

/** What a screen reader finds on the canvas. */
export function summary(stage) {
  const { words, screen } = stage;
  const state = stateWord(words, stage.state());
  const late = document.documentElement.hasAttribute("data-words-late"); // the page's words are of another round
  const verdict = late ? "" : (document.querySelector(".st-key-commentary strong")?.textContent ?? "");
  return fill(words.pictureSays, { picture: words.picture, unit: screen.unit(), round: count(stage.round), state, verdict }).trim();
}

/** One sentence over the foot of the picture, for a while or until it is no longer true. */
export class Notice {
  element = make("div", { class: "notice", role: "status", hidden: true, "data-testid": "notice" });

  say(sentence, stays = false) {
    clearTimeout(this.timer);
    setText(this.element, sentence);
    show(this.element, Boolean(sentence));
    if (sentence && !stays) this.timer = setTimeout(() => this.say(""), 8000);
  }
}
