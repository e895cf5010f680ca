// Every sentence the stage can show, in one place. `data.labels` overrides any of them.
const WORDS = {
  train: "Train",
  pause: "Pause",
  step: "Step",
  stepSays: "Step: one turn of one player",
  stepPlayer: "Step {player}",
  stepPlayerSays: "Step {player}: one turn of {player}",
  reset: "Reset",
  resetSays: "Reset to the same first weights",
  scrub: "Look back at an earlier round",
  fork: "Fork",
  forkHere: "Fork from here",
  rewind: "Rewind to here",
  backToNow: "Back to now",
  playRecording: "Play the recording",
  lookingAt: "looking at {unit} {round}",
  unit: "round",
  round: "{unit} {round}",
  recording: "recording, {unit} {round}",
  speed: "{speed} {unit}s/s",
  lastTurn: "last turn: {player}",
  stateTraining: "training",
  statePaused: "paused",
  stateEnded: "finished",
  stateFailed: "stopped by an error",
  failed: "This run stopped by itself.",
  notMine: "You are watching someone else's run. Fork it to make it yours.",
  lost: "Connection lost, trying again.",
  unreadable: "A picture could not be read.",
  waiting: "Waiting for the first picture",
  charts: "Charts",
  controls: "Controls of the run",
  picture: "Picture of the model",
  pictureSays: "{picture}: {unit} {round}, {state}",
  chartSays: "{chart} over the {unit}s: {values}",
  layerSays: "Show or hide {layer}",
  morphSays: "Show or hide {layer}. Rest on this word to watch G bend the plane of z into it.",
  field: "value",
  wallModes: "modes found: {score}",
  wallJS: "JS divergence: {score} bits",
  wallDiverged: "diverged",
  wallTap: "Tap again to open it as a run of its own",
  wallOpen: "Press to open it as a run of its own",
  plane: "Latent plane",
  line: "Latent line: height has no meaning of its own",
  decoded: "Decoded",
  "images/samples": "Samples of the prior",
  principal: "direction {number}",
  label: "label {label}",
  original: "test picture",
  restored: "its code, decoded",
  sliced: "its place here, decoded",
  dimension: "dimension",
  "unit/loss by t": "tenth of T",
  asleep: "asleep: {count} of {of}",
  awake: "all {of} awake",
  numbers: "Numbers",
  "role/content": "data",
  "role/style 1": "style-1",
  "role/style 2": "style-2",
  "role/style 3": "style-3",
  "role/style 4": "style-4",
  "role/style 5": "style-5",
  "role/total variation": "critic",
  "photo/content": "content",
  "photo/style": "style",
  "photo/second": "second style",
  "photo/mask": "style here (mask)",
  "photo/result": "result",
  photoLarge: "Show large: {name}",
  split: "Divide the picture: {left} at the left, {right} at the right",
  splitHint: "Drag: {left} at the left, {right} at the right. A double click puts it back.",
  splitSays: "{left} left of {percent} %",
  splitOnly: "{right} only",
  splitAll: "{left} only",
  cure: "Cure:",
  alsoSeen: "Also seen: {names}.",
  drawer: "Look closer",
  slow: "Slow motion",
  slowBack: "Back",
  slowNext: "Next line",
  slowPlay: "Play",
  slowPause: "Stop",
  slowSpeed: "Speed of playing",
  slowTurn: "Next turn",
  slowTurnOf: "Next turn of {player}",
  slowCode: "The lines that run",
  slowThings: "What these lines have computed",
  slowThing: "Values of {name}",
  slowStart: "Press Next line: the run makes one turn, and you walk through the lines that made it.",
  slowRecording: "This is a recording. Press Train first.",
  slowLine: "Turn of {player} in {unit} {round}: line {line} of {of}. The picture is still the one before the step.",
  slowStep: "Turn of {player} in {unit} {round}: now {player} takes its step, and the picture changes.",
  slowInfinite: "not finite",
  "slow-gradient": "size of the gradient",
  "slow-change": "size of the weights\u2019 change",
  graph: "Graph",
  strip: "Over time",
  stripRows: "The model at earlier rounds",
  stripSays: "The same noise at a few rounds. Press one to look back at it.",
  stripPhotos: "The picture at a few rounds. Press one to look back at it.",
  stripLook: "Look at {label}",
  stripSave: "Save PNG",
};

/** Fill the {holes} of a sentence. */
function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
}

/** 12345 -> "12,345" */
function count(n) {
  return Math.round(n).toLocaleString("en-US");
}

/** A measured number, short enough to sit beside a curve. */
function short(value) {
  if (!Number.isFinite(value)) return "not a number";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1000) return signed(String(value));
  if (size >= 1000) return signed(count(value));
  if (size < 0.001) return powerOfTen(value);
  return signed(value.toPrecision(3));
}

/** 0.00012 -> "1.2\u00b710\u207b\u2074" */
function powerOfTen(value) {
  const [front, power] = value.toExponential(1).split("e");
  const raised = [...power].map((one) => (one === "-" ? "\u207b" : "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"[one])).join("");
  return `${signed(front)}\u00b710${raised}`;
}

/** Names in the order in which the page's labels speak of them, then as they came. */
function inLabelOrder(names, words, prefix = "") {
  const spoken = Object.keys(words);
  const rank = (name) => (words[prefix + name] === undefined ? spoken.length : spoken.indexOf(prefix + name));
  return [...names].sort((a, b) => rank(a) - rank(b));
}

/** Hyphens that mean minus become minus signs: "-E[log(1 - D)]", but not "high-quality". */
function signed(text) {
  return text.replace(/(?<![A-Za-z0-9])-|(?<=\de)-/g, "\u2212");
}

/** 12 -> "\u2081\u2082" */
function subscript(number) {
  return [...String(number)].map((digit) => String.fromCharCode(0x2080 + Number(digit))).join("");
}

/** A vector as it is written: (0.12, \u22121.03, ...); of a long one only the first three numbers. */
function vector(values) {
  const some = [...values].slice(0, values.length > 4 ? 3 : 4).map((one) => signed(one.toFixed(2)));
  return `(${some.join(", ")}${values.length > some.length ? ", \u2026" : ""})`;
}

/** A rate: no decimals when it is large, one when it is small. */
function rate(value) {
  return value >= 10 ? count(value) : value.toFixed(1);
}

/** The sentences of a film (`film.js`), besides those above. */
const FILM_WORDS = {
  film: "Film of the process, step by step",
  play: "Play",
  first: "First frame",
  back: "One step back",
  forth: "One step forth",
  last: "Last frame",
  time: "Time t of the process",
  t: "t = {t} of {T}",
  speed: "Speed",
  again: "Make anew",
  againSays: "Make this film anew, with the model as it is now",
  growing: "The frames are still coming. You can look at those that are here.",
  filmRound: "model of round {round}",
  empty: "Draw a digit first.",
  hint: "Draw a digit here",
  pad: "Drawing pad, white ink on black",
  undo: "Undo",
  clear: "Clear",
  paths: "paths",
  density: "density",
  mesh: "mesh",
  grid: "The grid shows",
  all: "All: {name}",
  chosen: "{name}, picture {n}",
  chosenLabel: "{name}, picture {n} (class {label})",
  gridSays: "{name}: {of} pictures, number {n} is chosen. Press one, or use the arrow keys.",
  classes: "Coloured by class:",
  tweenFirst: "z = h{h}, before any layer",
  tweenAt: "h{h}, after {done} of {T} layers",
  tweenIn: "between h{h} and h{hNext}",
  tweenLast: "x = h\u2080, after all {T} layers",
  tweenNote: "Now back through layer f{h}: {note}",
};

/** The sentences of a place's way through a flow (`passage.js`). "_x" is written as a subscript. */
const PASSAGE_WORDS = {
  passage: "The way of a place through the layers of the flow",
  passagePlane: "Density of the model in the plane, and the way of the place x = {x} to z = {z}. Move the place with the arrow keys, with Shift in larger steps.",
  passageHint: "Press a place, or move it with the arrow keys.",
  mass: "Integral of p over the plane shown: {mass}",
  passageOf: "The model of round {round}",
  logPx: "log p_x(x)",
  logPz: "log p_z(z)",
  logDets: "\u03a3 log|det J_l|",
  logTruth: "exact log p(x) of the data",
  inversion: "|x \u2212 f\u207b\u00b9(f(x))|, at most",
  nats: "in nats",
  infinitely: "\u2212\u221e",
  layer: "Layer",
  jacobian: "Jacobian J",
  logDet: "log|det J|",
  runningSum: "sum so far",
  wholeJacobian: "Jacobian of the whole f",
  lower: "lower triangular: det = product of the diagonal",
  upper: "upper triangular: det = product of the diagonal",
  diagonal: "diagonal: det = product of the diagonal",
  full: "no entry is 0",
  matrixSays: "{name}, row by row: {entries}",
};
