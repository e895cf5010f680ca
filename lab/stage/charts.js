// Small line charts of what was measured, one for each <chart> in curve/<chart>/<term>.

const BESIDE = 3; // more charts than these stand in two columns
const BELOW = 230; // px, of a chart that stands below the picture, with its words
const LOWEST = 96; // px, of a chart without its words
const RIGHT_SHARE = 0.36; // labels wider than this share of a chart go above it instead
const MANY_TERMS = 4; // more than these stand in columns above the chart
const WIDE_CHART = 260; // px; only in a chart this wide do labels stand at the right

const CHART_KINDS = ["curve", "level", "stack", "bars"];

/** curve/, level/, stack/ and bars/ arrays, by chart: Map of title -> {terms, levels}. */
function readCharts(arrays, look) {
  const charts = new Map();
  for (const [name, array] of arrays) {
    const [kind, rest] = splitName(name);
    if (!CHART_KINDS.includes(kind)) continue;
    const [title, term] = kind === "bars" ? [rest, rest] : splitName(rest);
    if (!charts.has(title)) charts.set(title, { terms: [], levels: [] });
    const chart = charts.get(title);
    if (kind === "bars") {
      const unit = look.words[`unit/${title}`] ?? look.words.dimension;
      Object.assign(chart, { bars: array.data, unit, sleeps: unit === look.words.dimension });
      continue;
    }
    chart.stacked = kind === "stack";
    const label = look.words[`term/${term}`] ?? signed(term);
    const [value, low = value, high = value] = array.data;
    if (kind === "level") chart.levels.push({ label, value, low, high });
    else chart.terms.push({ term, label, values: array.data, last: array.data[array.data.length - 1], hidden: look.isOff(name) });
  }
  for (const chart of charts.values()) {
    dress(chart, look);
    if (chart.stacked) stackUp(chart.terms);
  }
  return charts;
}

/** Colours that mean here what they mean elsewhere; of two curves of one colour the second is dashed. */
function dress(chart, look) {
  const worn = new Set();
  chart.terms.forEach((term, i) => {
    const own = look.words[`role/${term.term}`];
    term.role = look.palette.roles[own] ? own : chart.terms.length === 1 ? "model" : CYCLE[i % CYCLE.length];
    term.dash = worn.has(term.role) ? [5, 3] : [];
    worn.add(term.role);
  });
  chart.alone = chart.terms.length === 1;
  chart.terms = chart.terms.filter((term) => !term.hidden);
}

class Charts {
  constructor(words) {
    this.element = make("div", { class: "charts", role: "group" });
    this.figures = new Map();
    this.boxes = new Map(); // [first round, last round, lowest, highest], by chart
    this.use(words);
  }

  use(words) {
    this.words = words;
    setAll(this.element, { "aria-label": words.charts });
  }

  /** One figure a chart, all of them in `height` (if it is given) and if they fit. A chart once shown stays, so that the
   * page never jumps. */
  update(arrays, look, height, marker) {
    const charts = readCharts(arrays, look);
    for (const title of inLabelOrder(charts.keys(), this.words, "chart/")) if (!this.figures.has(title)) this.add(title);
    show(this.element, this.figures.size > 0);
    if (!this.figures.size) return;
    const columns = getComputedStyle(this.element).gridTemplateColumns.split(" ").length;
    const rows = Math.ceil(this.figures.size / columns);
    const each = height === null ? BELOW : Math.floor((height - 10 * (rows - 1)) / rows);
    for (const [title, figure] of this.figures) {
      const chart = charts.get(title) ?? { terms: [], levels: [], alone: true };
      chart.box = this.scale(title, chart);
      setAll(figure.root, { "data-box": chart.box.map((end) => end.toPrecision(4)).join(" ") });
      this.draw(title, figure, chart, look, each, marker);
    }
  }

  /** What a chart shows of both axes. Charts beside it (`peers`) of the same name have the same scales. */
  scale(title, chart) {
    const own = chartBox(chart);
    const changed = String(own) !== String(this.boxes.get(title));
    this.boxes.set(title, own);
    const others = (this.peers ?? []).map((peer) => peer.boxes.get(title)).filter(Boolean);
    if (changed) for (const peer of this.peers ?? []) peer.again();
    return others.reduce((one, other) => one.map((end, i) => (i % 2 ? Math.max(end, other[i]) : Math.min(end, other[i]))), own);
  }

  forget() {
    this.figures.clear();
    this.boxes.clear();
    this.element.replaceChildren();
  }

  add(title) {
    const canvas = make("canvas", { role: "img" });
    const keys = make("div", { class: "keys" });
    const caption = make("figcaption", {}, make("span", {}, this.words[`chart/${title}`] ?? title), keys);
    const root = make("figure", { class: "chart", "data-chart": title }, caption, canvas);
    this.element.append(root);
    this.figures.set(title, { root, canvas, caption, keys });
  }

  draw(title, figure, chart, look, height, marker) {
    const width = figure.root.clientWidth;
    if (!width) return;
    const probe = figure.canvas.getContext("2d");
    probe.font = `600 13px ${look.palette.font}`;
    const widest = Math.max(0, ...chart.terms.map((one) => probe.measureText(one.label).width));
    const beside = !chart.alone && chart.terms.length <= MANY_TERMS && width >= WIDE_CHART && widest + 12 <= RIGHT_SHARE * width;
    this.writeKeys(figure.keys, [...(beside ? [] : chart.terms), ...chart.levels, ...sleepers(chart, this.words)], chart.alone, look);
    const room = height - figure.caption.offsetHeight - 6;
    const size = { width, height: clamp(room, LOWEST, 260), right: beside ? Math.max(58, widest + 14) : 10 };
    const ctx = sharpen(figure.canvas, size.width, size.height);
    drawChart(ctx, size, chart, look, marker, beside);
    const values = chart.bars ? [...chart.bars].map(short).join(", ") : chart.terms.map((one) => `${one.label} ${short(one.last)}`).join(", ");
    const unit = chart.unit ?? look.unit;
    this.describe(figure, fill(this.words.chartSays, { chart: title, unit, values }));
  }

  /** Names and values above the chart. A curve alone needs no name but its chart's. */
  writeKeys(holder, keys, alone, look) {
    while (holder.children.length > keys.length) holder.lastChild.remove();
    while (holder.children.length < keys.length) holder.append(make("span", {}, make("i"), make("span"), make("b")));
    holder.classList.toggle("many", keys.length > MANY_TERMS);
    keys.forEach((one, i) => {
      const [swatch, label, value] = holder.children[i].children;
      const level = one.values === undefined && !one.says;
      const role = look.palette.roles[level ? "truth" : one.role];
      holder.children[i].style.color = role.text;
      swatch.style.color = role.ink;
      if (one.says) {
        setAll(swatch, { class: "none" });
        setText(label, one.says);
        setText(value, "");
        return;
      }
      setAll(swatch, { class: one.base ? "area" : level || one.dash.length ? "dashed" : alone ? "none" : "" });
      setText(label, alone && !level ? "" : one.label);
      const number = short(level ? one.value : one.last);
      setText(value, level && one.label.includes(number) ? "" : number);
    });
  }

  /** A label that changed with every frame would never let a screen reader finish. */
  describe(figure, text) {
    const now = performance.now();
    if (now - (figure.describedAt ?? -1e9) < 10000) return;
    figure.describedAt = now;
    setAll(figure.canvas, { "aria-label": text });
  }
}
