// The screen: the picture and its charts, drawn only when something changed or moves.

class Screen {
  /** `root` carries the theme; `send` takes pointer orders; `before(now)` runs before each drawing. */
  constructor(root, send, before) {
    this.root = root;
    this.before = before;
    this.layers = new Layers();
    this.off = new Set(); // layers switched off in the legend
    this.shown = null; // the picture being shown: {meta, arrays}
    this.box = null;
    this.frames = 0;
    this.canvas = make("canvas", { role: "img", class: "canvas" });
    this.pointer = new Pointer(this.canvas, (px, py) => this.place(px, py), send);
    this.element = make("div", { class: "picture" }, this.canvas, this.pointer.bubble);
    this.charts = new Charts(WORDS);
    this.resizing = new ResizeObserver(() => this.request(true));
    this.resizing.observe(root);
  }

  /** Words, colours and settings as the page has them now. */
  update(data, words) {
    this.words = words;
    // the buttons stay in sight
    this.tallest = Math.min(data.height, Math.max(300, 0.55 * window.innerHeight));
    this.pointer.sends = Boolean(data.pointer);
    this.canvas.style.touchAction = data.pointer ? "none" : "pan-y";
    this.palette = readPalette(this.root);
    this.root.dataset.mood = this.palette.mood;
    this.roles = new Map(data.legend.filter((one) => one.layer && one.role).map((one) => [one.layer, one.role]));
    this.request(true);
  }

  /** Another sentence means another subject: nothing of the old charts is wanted. */
  forget() {
    this.off.clear();
    this.charts.forget();
    this.charts.use(this.words);
  }

  toggle(layer, on) {
    if (on) this.off.delete(layer);
    else this.off.add(layer);
    this.request(true);
  }

  /** Put a picture on; its points glide to their places within `duration` ms. */
  present(picture, duration) {
    this.layers.show(picture.arrays, performance.now(), duration);
    this.shown = picture;
    const { box } = picture.meta;
    this.autoBox = box ? null : this.autoBox ?? boxAround(this.layers);
    this.box = box ?? this.autoBox;
    this.fresh = true;
    this.request(true);
  }

  /** `all`: charts and layout too, not only what moves. */
  request(all) {
    this.dirty ||= all;
    this.raf ||= requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.raf = 0;
    if (!this.palette) return;
    const looping = this.before(now);
    const wasMoving = this.moving;
    this.moving = this.layers.advance(now);
    if (this.dirty || this.moving || wasMoving) this.draw();
    if (this.moving || looping) this.request(false);
  }

  draw() {
    const panels = panelsOf(this.layers, this.box ?? [-1, 1, -1, 1]);
    const captions = panels.length > 1;
    const wanted = panels.reduce((sum, panel) => sum + panel.aspect * this.tallest + GAP, -GAP);
    this.root.style.setProperty("--picture", `${Math.round(wanted)}px`);
    const width = this.element.clientWidth;
    if (!width) return;
    const { placed, height } = arrange(panels, width, this.tallest, captions);
    this.panels = placed;
    this.look = this.looks(captions);
    const ctx = sharpen(this.canvas, width, height);
    for (const panel of placed) paintPanel(ctx, panel, this.layers, this.look);
    if (this.dirty) this.drawCharts(height);
    this.dirty = false;
    this.pointer.refresh();
    this.count();
  }

  /** Everything the painters need to know besides the arrays. */
  looks(captions) {
    const off = [...this.off];
    return {
      palette: this.palette,
      words: this.words,
      unit: this.unit(),
      box: this.box,
      captions,
      role: (name) => roleOf(name, this.roles.get(name)),
      isOff: (name) => off.some((layer) => name === layer || name.startsWith(layer.endsWith("/") ? layer : layer + "/")),
    };
  }

  /** A stored picture without curves borrows those of now, with a mark at its round. */
  drawCharts(height) {
    const own = this.shown && [...this.shown.arrays.keys()].some((name) => name.startsWith("curve/"));
    const source = own ? this.shown : this.newest ?? this.shown;
    const marker = own || source === this.shown ? null : this.shown.meta.round;
    const before = this.charts.figures.size;
    this.charts.update(source?.arrays ?? new Map(), this.look, height, marker);
    const after = this.charts.figures.size;
    this.root.classList.toggle("with-charts", after > 0);
    // The first chart narrows the picture: lay everything out once more.
    if (after !== before) queueMicrotask(() => this.request(true));
  }

  /** Tests and the curious can read what is on the screen from the root element. */
  count() {
    if (!this.fresh) return;
    this.fresh = false;
    this.frames += 1;
    setAll(this.root, { "data-frames": this.frames, "data-round": this.shown.meta.round });
  }

  unit() {
    return this.shown?.meta.unit || this.words.unit;
  }

  /** Canvas pixels to the world under them, with the words of the read-out. */
  place(px, py) {
    const panel = this.panels?.find((one) => one.kind === "world");
    if (!panel || !this.box) return null;
    const map = mapping(this.box, panel.area);
    const [x, y] = [map.worldX(px), map.worldY(py)];
    if (x < this.box[0] || x > this.box[1] || y < this.box[2] || y > this.box[3]) return null;
    const field = this.layers.entries("field").find(([name]) => !this.look.isOff(name));
    if (!field) return { x, y, text: "" };
    const value = fieldAt(field[1], this.box, x, y);
    const name = this.words[field[0]] ?? this.words.field;
    return { x, y, text: `x ${x.toFixed(2)}   y ${y.toFixed(2)}\n${name} = ${value.toFixed(3)}`.replaceAll("-", "\u2212") };
  }

  close() {
    this.resizing.disconnect();
    cancelAnimationFrame(this.raf);
  }
}
