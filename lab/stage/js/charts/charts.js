// Small line charts of what was measured, one for each <chart> in curve/<chart>/<term>.

import { describe, make, setAll, setText, sharpen, show } from "../core/dom.js";
import { inDeclaredOrder, measureText } from "../core/measures.js";
import { inLabelOrder } from "../core/names.js";
import { clamp } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { MANY_TERMS, sleepers } from "./areas.js";
import { chartBox, drawChart } from "./plot.js";
import { readCharts } from "./read.js";

export const BESIDE = 3; // more charts than these stand in two columns
const BELOW = 230; // px, of a chart that stands below the picture, with its words
const LOWEST = 96; // px, of a chart without its words
const RIGHT_SHARE = 0.36; // labels wider than this share of a chart go above it instead
const WIDE_CHART = 260; // px; only in a chart this wide do labels stand at the right

export class Charts {
  constructor(words) {
    this.element = make("div", { class: "charts", role: "group" });
    this.figures = new Map();
    this.boxes = new Map(); // [first round, last round, lowest, highest], by chart
    this.peers = [];
    this.use(words);
  }

  use(words) {
    this.words = words;
    setAll(this.element, { "aria-label": words.charts });
  }

  /** One figure a chart, in `height` if it is given and they fit. A chart once shown stays, so that the page never jumps. */
  update(arrays, look, height, marker) {
    const charts = readCharts(arrays, look);
    for (const name of this.inOrder(charts, look.measures)) if (!this.figures.has(name)) this.add(name);
    show(this.element, this.figures.size > 0);
    if (!this.figures.size) return;
    const columns = getComputedStyle(this.element).gridTemplateColumns.split(" ").length;
    const rows = Math.ceil(this.figures.size / columns);
    const each = height === null ? BELOW : Math.floor((height - 10 * (rows - 1)) / rows);
    for (const [name, figure] of this.figures) {
      const chart = charts.get(name) ?? { title: figure.title.textContent, terms: [], levels: [], alone: true };
      setText(figure.title, chart.title);
      chart.box = this.scale(name, chart);
      setAll(figure.root, { "data-box": chart.box.map((end) => end.toPrecision(4)).join(" ") });
      this.draw(name, figure, chart, look, each, marker);
    }
  }

  /** First the charts that the page speaks of, then by the measures that they have. */
  inOrder(charts, measures) {
    const of = (name) => [name, ...charts.get(name).terms.map((one) => one.term)];
    return inLabelOrder(inDeclaredOrder(charts.keys(), measures, of), this.words, "chart/");
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
    const title = make("span", {});
    const caption = make("figcaption", {}, title, keys);
    const root = make("figure", { class: "chart", "data-chart": name }, caption, canvas);
    this.element.append(root);
    this.figures.set(name, { root, canvas, caption, title, keys });
  }

  draw(name, figure, chart, look, height, marker) {
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
