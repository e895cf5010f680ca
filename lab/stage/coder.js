// Draw a digit or pick one, and follow it through the model of the run.

const CODER_WORDS = {
  hint: "Draw a digit here",
  pad: "Drawing pad, white ink on black. Without a pointer, pick a test picture below.",
  clear: "Clear",
  undo: "Undo",
  centre: "Centre it as MNIST does",
  centreSays: "The model knows only digits in a box of 20 \u00d7 20 pixels, with their centre of mass in the middle.",
  pick: "Or pick a test picture",
  another: "Others",
  pickOne: "Test picture {n}",
  pickLabelled: "Test picture of a {label}",
  label: "It is a",
  empty: "Draw something first, or pick a test picture.",
  emptyPick: "Pick a test picture.",
  chooseLabel: "Choose which digit it is: this model is told the label.",
  lost: "Connection lost, trying again.",
  of: "The model of round {round}",
  newEps: "New \u03b5",
  useMean: "Use the mean (\u03b5 = 0)",
  useMeanSays: "z = \u03bc",
  way: "The way of the picture through the model",
  code: "The lines that compute it. Point at a box or at a line.",
  spread: "Eight more \u03b5, the same \u03bc and \u03c3",
  oneOfSpread: "Reconstruction {n} of 8",
  rest: "{n} more: {size}",
  restSays: "Root mean square of the others",
  infinite: "not finite",
  "box-x": "x",
  "box-encoder": "Encoder",
  "box-mu": "\u03bc",
  "box-sigma": "\u03c3",
  "box-eps": "\u03b5",
  "box-z": "z = \u03bc + \u03c3\u03b5",
  "box-code": "z",
  "box-decoder": "Decoder",
  "box-reconstruction": "x\u0302",
  "box-error": "x\u0302 \u2212 x",
  "box-log_p": "\u2212log p(x|z)",
  "box-kl": "KL[q(z|x) \u2016 p(z)]",
  "box-elbo": "ELBO, with this \u03b5",
  "box-elbo_mean": "ELBO, mean of 8 \u03b5",
  "box-square": "\u2016x \u2212 x\u0302\u2016\u00b2",
  "says-x": "What the encoder sees",
  "says-reconstruction": "Reconstruction",
  "says-error": "Error of the reconstruction",
  errorMore: "ink added",
  errorLess: "ink missing",
};
const LOOK_AGAIN = 1000; // ms: how often a picture is looked at anew while the model trains

class CoderView {
  constructor(parent) {
    this.seed = 1;
    this.label = this.test = this.since = null;
    this.answers = 0;
    this.asker = new Asker({
      state: (state) => this.stated(state),
      answer: (name, frame, question) => this.answered(name, frame, question),
      refused: (name, why) => this.say(why),
      lost: (why) => this.say(why || this.words.lost),
    });
    this.pad = new Pad(() => this.drew());
    const lit = (follow) => (boxes) => this.light(boxes, follow);
    this.way = new Way(lit(true));
    this.listing = new Listing(lit(false));
    this.build(parent);
  }

  build(parent) {
    const button = (id, act) => {
      const one = make("button", { type: "button", "data-testid": id });
      one.addEventListener("click", act);
      return one;
    };
    this.undo = button("pad-undo", () => this.pad.undo());
    this.clear = button("pad-clear", () => this.pad.put(null));
    this.another = button("pick-another", () => this.offer(this.page + 1));
    this.newEps = button("new-eps", () => this.draws(1 + Math.floor(Math.random() * 1e6)));
    this.mean = button("use-mean", () => this.draws(null));
    this.centre = make("input", { type: "checkbox", checked: true, "data-testid": "pad-centre" });
    this.centre.checked = true;
    this.centre.addEventListener("change", () => this.look());
    this.centreSays = make("span");
    const centre = make("label", { class: "pad-centre" }, this.centre, this.centreSays);
    this.tools = make("div", { class: "pad-tools" }, this.undo, this.clear, centre);
    this.picks = make("div", { class: "picks", role: "group", "data-testid": "picks" });
    this.pickTitle = make("span", { class: "way-title" });
    this.labels = make("div", { class: "pad-labels", role: "group", "data-testid": "labels" });
    this.note = make("p", { class: "coder-note", role: "status", "data-testid": "coder-note" });
    this.of = make("span", { class: "readout", "data-testid": "coder-round" });
    this.eps = make("div", { class: "bar" }, this.newEps, this.mean, this.of);
    const pickHead = make("div", { class: "bar" }, this.pickTitle, this.another);
    const picks = make("div", { class: "coder-picks" }, pickHead, this.picks);
    const way = make("div", { class: "coder-way" }, this.labels, this.note, this.way.element, this.eps);
    const grid = make("div", { class: "coder-grid" }, this.pad.element, this.tools, way, picks, this.listing.element);
    this.root = make("div", { class: "stage coder controls", "data-testid": "coder" }, grid);
    parent.append(this.root);
  }

  update({ data }) {
    this.data = data;
    this.words = { ...CODER_WORDS, ...data.labels };
    this.palette = readPalette(this.root);
    this.root.dataset.mood = this.palette.mood;
    for (const [part, word] of [[this.undo, "undo"], [this.clear, "clear"], [this.another, "another"], [this.newEps, "newEps"],
      [this.mean, "useMean"], [this.centreSays, "centre"], [this.pickTitle, "pick"], [this.pad.hint, "hint"]]) setText(part, this.words[word]);
    setAll(this.pad.canvas, { "aria-label": this.words.pad });
    setAll(this.centre.parentElement, { title: this.words.centreSays });
    setAll(this.mean, { title: this.words.useMeanSays });
    for (const part of [this.pad.element, this.tools]) show(part, data.drawable);
    this.listing.update(data, this.words);
    this.showLabels();
    if (this.run !== data.run) {
      this.run = data.run;
      this.test = null;
      this.picks.replaceChildren(); // the data may be others
      this.asker.connect(data.run);
    }
    if (data.picture && data.picture !== this.brought) this.pad.put(bytesOf(data.picture));
    this.brought = data.picture;
    this.look();
  }

  // --- what the student does -----------------------------------------------------------------

  drew() {
    this.since ??= performance.now();
    this.look();
  }

  draws(seed) {
    this.seed = seed;
    this.look();
  }

  choose(label) {
    this.label = label;
    this.showLabels();
    this.look();
  }

  pick(index, picture, label) {
    this.test = index;
    if (label !== undefined) this.label = label;
    this.showLabels();
    if (this.data.drawable) this.pad.put(picture.data);
    else this.look();
  }

  // --- the model -----------------------------------------------------------------------------

  stated(state) {
    this.state = state.state;
    if (!this.picks.children.length) this.offer(0);
    this.look();
  }

  offer(page) {
    this.asker.ask("offer", () => ({ arguments: { page }, page }));
  }

  look() {
    this.undo.disabled = this.clear.disabled = this.pad.blank;
    this.missing = this.lacks();
    if (this.missing) {
      this.since = null;
      this.say(this.words[this.missing]);
    } else this.asker.ask("look", () => this.question());
  }

  lacks() {
    if (this.data.drawable ? this.pad.blank : this.test === null) return this.data.drawable ? "empty" : "emptyPick";
    return this.data.labelled && this.label === null ? "chooseLabel" : null;
  }

  question() {
    if (this.lacks()) return null;
    const { since, seed, pad } = this;
    this.since = null;
    const what = this.data.drawable
      ? { picture: pad.base64(), centre: this.centre.checked && pad.strokes.length > 0 }
      : { test: this.test };
    const label = this.data.labelled ? { label: this.label } : {};
    return { since, seed, arguments: { ...what, ...label, ...(seed === null ? {} : { seed }) } };
  }

  answered(name, frame, question) {
    if (name === "offer") return this.offered(frame, question.page);
    if (this.missing) return; // wiped meanwhile
    this.say("");
    this.way.draw(frame, this.words, this.palette);
    const spread = frame.arrays.has("spread");
    for (const part of [this.newEps, this.mean]) show(part, spread);
    setAll(this.mean, { "aria-pressed": String(question.seed === null) });
    setText(this.of, fill(this.words.of, { round: count(frame.meta.round) }));
    this.measure(question.since);
    clearTimeout(this.again);
    if (this.state === "training") this.again = setTimeout(() => this.look(), LOOK_AGAIN);
  }

  /** How long it took from the hand's move to the picture, for who wants to know (`data-latency`, ms). */
  measure(since) {
    this.answers += 1;
    requestAnimationFrame(() => {
      setAll(this.root, { "data-answers": this.answers });
      if (since !== null) setAll(this.root, { "data-latency": (performance.now() - since).toFixed(1) });
    });
  }

  offered({ arrays, meta }, page) {
    this.page = page;
    const { shape: [n, ...shape], data } = arrays.get("pictures");
    const length = data.length / n;
    this.picks.replaceChildren(...meta.index.map((index, i) => {
      const picture = { shape, data: data.slice(i * length, (i + 1) * length) };
      const label = meta.labels?.[i];
      const says = label === undefined ? fill(this.words.pickOne, { n: index }) : fill(this.words.pickLabelled, { label });
      const canvas = make("canvas", {});
      paintShaped(canvas, picture);
      const one = make("button", { type: "button", class: "pick", "aria-label": says, title: says, "data-index": index }, canvas);
      one.addEventListener("click", () => this.pick(index, picture, label));
      return one;
    }));
  }

  // --- what is seen --------------------------------------------------------------------------

  /** What is to be done, or why there is no answer: then what is shown is pale, for it is of before. */
  say(text) {
    setText(this.note, text);
    show(this.note, Boolean(text));
    this.way.element.classList.toggle("stale", Boolean(text));
  }

  showLabels() {
    const { labelled, classes } = this.data;
    show(this.labels, Boolean(labelled));
    if (!labelled) return;
    const one = (label) => {
      const button = make("button", { type: "button", class: "small", "aria-pressed": String(label === this.label), "data-testid": `label-${label}` }, String(label));
      button.addEventListener("click", () => this.choose(label));
      return button;
    };
    this.labels.replaceChildren(make("span", { class: "way-title" }, this.words.label), ...Array.from({ length: classes }, (_, label) => one(label)));
  }

  light(boxes, follow) {
    this.way.light(boxes);
    this.listing.light(boxes, follow);
  }

  close() {
    clearTimeout(this.again);
    this.asker.close();
    this.root.remove();
  }
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
}

function mountCoder(component) {
  return mountOnce(component, "genlabCoder", (parent) => new CoderView(parent));
}
