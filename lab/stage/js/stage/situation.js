// Where a stage stands: what its controls show, and what it says in words.

import { readout, stateWord } from "../controls/readout.js";
import { count } from "../core/numbers.js";
import { fill } from "../core/words.js";

/** What the controls show. */
export function situation(stage) {
  const { server, history, view } = stage;
  const { rounds } = history;
  const round = view ?? shownRound(stage);
  const stored = server?.recording || view !== null;
  return {
    state: stage.state(),
    known: server !== null,
    mine: server?.mine ?? false,
    recording: server?.recording ?? false,
    canTrain: stage.data.train,
    looking: view !== null,
    rounds,
    position: stored ? Math.max(0, rounds.indexOf(round)) : rounds.length,
    readout: server ? told(stage) : "",
    round,
    unit: stage.screen.unit(),
  };
}

function shownRound(stage) {
  return stage.screen.shown?.meta.round ?? 0;
}

/** "round 1,234 · training" */
export function told(stage) {
  const { words, server, round, live, screen, data } = stage;
  return readout({ words, server, state: stage.state(), round, unit: screen.unit(), meta: live?.meta ?? {}, shown: shownRound(stage), players: data.players });
}

/** What a screen reader finds on the canvas. */
export function summary(stage) {
  const { words, round } = stage;
  const says = { picture: words.picture, unit: stage.screen.unit(), round: count(round), state: stateWord(words, stage.state()) };
  return fill(words.pictureSays, says);
}
