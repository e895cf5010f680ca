// Small line charts of what was measured, one for each <chart> in curve/<chart>/<term>.

import { describe, make, setAll, setText, sharpen, show } from "../core/dom.js";
import { inDeclaredOrder, measureText } from "../core/measures.js";
import { inLabelOrder } from "../core/names.js";
import { clamp } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { MANY_TERMS, sleepers } from "./areas.js";
import { chartBox, drawChart } from "./plot.js";
import { readCharts } from "./read.js";

const GAP = 10; // px, between charts
const NARROWEST = 92; // px, of a small chart
const LARGE = { share: 0.56, least: 150, most: 330 }; // of the charts' height, and px, with its words
const SMALL = { least: 58, most: 96 }; // px, with its words
const BELOW = 230; // px, of the large chart where the page may grow
const LARGE_SHARE = 0.38; // of the width, in a strip
const WORDY = { share: 0.6, terms: 5, others: 2 }; // a large chart of so many terms takes more, where few stand beside it
const RIGHT_SHARE = 0.36; // labels wider than this share of a chart go above it instead
const WIDE_CHART = 260; // px; only in a chart this wide do labels stand at the right

export class Charts {
  /** One chart is large, the others are small; a press makes another one large. `main` names those that matter most. */
  constructor(words) {
    this.element = make("div", { class: "charts", role: "group" });
    this.figures = new Map();
    this.boxes = new Map(); // [first round, last round, lowest, highest], by chart
    this.peers = [];
    this.main = [];
    this.enlarged = () => {};
    this.use(words);
  }

  use(words) {
    this.words = words;
    setAll(this.element, { "aria-label": words.charts });
  }

  /** Take what there is to draw. A chart once shown stays, so that the page never jumps. */
  read(arrays, look) {
    this.charts = readCharts(arrays, look);
    for (const name of this.inOrder(this.charts, look.measures)) if (!this.figures.has(name)) this.add(name);
    show(this.element, this.figures.size > 0);
  }

  /** `room`: {charts, chartsWide, chartsHigh}, where they stand, and how much room there is. */
  draw(room, look, marker) {
    if (!this.figures.size) return;
    this.zoom = room.zoom;
    const large = [this.large, ...this.main, ...this.figures.keys()].find((name) => this.figures.has(name));
    const share = this.largeShare(this.charts.get(large)?.terms.length ?? 0);
    const sizes = this.sizes(room, share);
    setAll(this.element, { style: `--columns: ${sizes.columns}; --rows: ${sizes.rows}; --first: ${share}` });
    for (const [name, figure] of this.figures) {
      const chart = this.charts.get(name) ?? { title: figure.title.textContent, terms: [], levels: [], alone: true };
      const small = name !== large;
      figure.root.classList.toggle("small", small);
      setText(figure.title, chart.title);
      setAll(figure.title, { "aria-pressed": String(!small), title: fill(this.words.chartLarge, { chart: chart.title }) });
      chart.box = this.scale(name, chart);
      setAll(figure.root, { "data-box": chart.box.map((end) => end.toPrecision(4)).join(" ") });
      this.drawOne(name, figure, chart, look, small ? sizes.small : sizes.large, marker, small);
    }
  }

  /** Of the width of a strip, what the large one has. */
  largeShare(terms) {
    const others = this.figures.size - 1;
    if (!others) return 1;
    return others === 1 || (terms >= WORDY.terms && others <= WORDY.others) ? WORDY.share : LARGE_SHARE;
  }

  /** Columns and rows of the small ones, and how high each kind is. */
  sizes({ charts, chartsWide, chartsHigh }, largeShare) {
    const others = this.figures.size - 1;
    const strip = charts === "strip";
    const wide = strip ? (1 - largeShare) * chartsWide : chartsWide;
    const fit = Math.max(1, Math.floor((wide + GAP) / (NARROWEST + GAP)));
    const rows = Math.ceil(others / fit);
    const columns = Math.max(1, Math.ceil(others / Math.max(1, rows)));
    const share = (height) => (rows ? (height - GAP * (rows - 1)) / rows : 0);
    if (strip) return { columns, rows: Math.max(1, rows), large: chartsHigh, small: share(chartsHigh) };
    if (chartsHigh === Infinity) return { columns, rows, large: BELOW, small: SMALL.most };
    const small = rows ? clamp(share((1 - LARGE.share) * chartsHigh), SMALL.least, SMALL.most) : 0;
    const left = chartsHigh - rows * (small + GAP);
    return { columns, rows, small, large: clamp(left, LARGE.least, LARGE.most) };
  }

  /** Make this chart the large one, here and in the charts beside these. */
  enlarge(name) {
    for (const charts of [this, ...this.peers]) {
      charts.large = name;
      charts.enlarged();
    }
  }

  /** First the charts that matter most, then those that the page speaks of, then by the measures that they have. */
  inOrder(charts, measures) {
    const of = (name) => [name, ...charts.get(name).terms.map((one) => one.term)];
    const names = inLabelOrder(inDeclaredOrder(charts.keys(), measures, of), this.words, "chart/");
    const first = this.main.filter((name) => names.includes(name));
    return [...first, ...names.filter((name) => !first.includes(name))];
  }

  /** What a chart shows of both axes. Charts beside it (`peers`) of the same name have the same scales. */
  scale(name, chart) {
    const own = chartBox(chart);
    const changed = String(own) !== String(this.boxes.get(name));
    this.boxes.set(name, own);
    if (changed) for (const peer of this.peers) peer.again();
    const all = [this, ...this.peers].map((one) => one.boxes.get(name)).filter(Boolean);
    return own.map((_, i) => Math[i % 2 ? "max" : "min"](...all.map((box) => box[i])));
  }

  forget() {
    this.figures.clear();
    this.boxes.clear();
    this.element.replaceChildren();
  }

  add(name) {
    const canvas = make("canvas", { role: "img" });
    const keys = make("div", { class: "keys" });
    const title = make("button", { type: "button", class: "chart-title" });
    const caption = make("figcaption", {}, title, keys);
    const root = make("figure", { class: "chart", "data-chart": name }, caption, canvas);
    root.addEventListener("click", () => this.enlarge(name));
    this.element.append(root);
    this.figures.set(name, { root, canvas, caption, title, keys });
  }

  drawOne(name, figure, chart, look, height, marker, small) {
    const width = figure.root.clientWidth;
    if (!width) return;
    const probe = figure.canvas.getContext("2d");
    probe.font = `600 13px ${look.palette.font}`;
    const widest = Math.max(0, ...chart.terms.map((one) => probe.measureText(one.label).width));
    const beside = !small && !chart.alone && chart.terms.length <= MANY_TERMS && width >= WIDE_CHART && widest + 12 <= RIGHT_SHARE * width;
    const said = small ? chart.terms.slice(0, 1) : [...(beside ? [] : chart.terms), ...chart.levels];
    this.writeKeys(figure.keys, [...said, ...sleepers(chart, this.words)], chart.alone || small, look);
    const room = height - figure.caption.offsetHeight - 4;
    const size = { width, height: Math.max(room, small ? 14 : 60), right: beside ? Math.max(58, widest + 14) : 10, small };
    const ctx = sharpen(figure.canvas, size.width, size.height, this.zoom);
    drawChart(ctx, size, chart, look, marker, beside);
    const bars = chart.bars && [...chart.bars].map((value) => measureText(value, name, look));
    const values = (bars ?? chart.terms.map((one) => `${one.label} ${one.text}`)).join(", ");
    describe(figure.canvas, fill(this.words.chartSays, { chart: chart.title, unit: chart.unit ?? look.unit, values }));
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
      const dashed = level || one.dash?.length;
      setAll(swatch, { class: one.says ? "none" : one.base ? "area" : dashed ? "dashed" : alone ? "none" : "" });
      setText(label, one.says ?? (alone && !level ? "" : one.label));
      setText(value, one.says || (level && one.label.includes(one.text)) ? "" : one.text);
    });
  }
}
