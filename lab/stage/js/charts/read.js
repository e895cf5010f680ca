// Which charts a frame has: the terms of each, their colours and their names.

import { chartTitle, measureLabel, measureRole, measureText } from "../core/measures.js";
import { splitName } from "../core/names.js";
import { CYCLE } from "../core/palette.js";
import { stackUp } from "./areas.js";

const CHART_KINDS = ["curve", "level", "stack", "bars"];

/** curve/, level/, stack/ and bars/ arrays, by chart: Map of name -> {title, terms, levels}. */
export function readCharts(arrays, look) {
  const charts = new Map();
  for (const [name, array] of arrays) {
    const [kind, rest] = splitName(name);
    if (!CHART_KINDS.includes(kind)) continue;
    const [chartName, term] = kind === "bars" ? [rest, rest] : splitName(rest);
    if (!charts.has(chartName)) charts.set(chartName, { title: chartTitle(chartName, kind === "bars", look), terms: [], levels: [] });
    const chart = charts.get(chartName);
    if (kind === "bars") {
      const unit = look.measures?.[chartName]?.unit ?? look.words.dimension;
      Object.assign(chart, { bars: array.data, unit, sleeps: unit === look.words.dimension });
      continue;
    }
    chart.stacked = kind === "stack";
    const label = measureLabel("term", term, look);
    const [value, low = value, high = value] = array.data;
    const last = array.data.at(-1);
    if (kind === "level") chart.levels.push({ label, text: measureText(value, term, look), value, low, high });
    else chart.terms.push({ term, label, text: measureText(last, term, look), values: array.data, last, hidden: look.isOff(name) });
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
    term.role = measureRole(term.term, look) ?? (chart.terms.length === 1 ? "model" : CYCLE[i % CYCLE.length]);
    term.dash = worn.has(term.role) ? [5, 3] : [];
    worn.add(term.role);
  });
  chart.alone = chart.terms.length === 1;
  chart.terms = chart.terms.filter((term) => !term.hidden);
}
