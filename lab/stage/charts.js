// Small line charts of what was measured, one for each <chart> in curve/<chart>/<term>.

const RIGHT_SHARE = 0.36; // labels wider than this share of a chart go above it instead

/** curve/ and level/ arrays, by chart: Map of title -> {terms, levels}. */
function readCharts(arrays, isOff) {
  const charts = new Map();
  for (const [name, array] of arrays) {
    const [kind, rest] = splitName(name);
    if (kind !== "curve" && kind !== "level") continue;
    const [title, term] = splitName(rest);
    if (!charts.has(title)) charts.set(title, { terms: [], levels: [] });
    const chart = charts.get(title);
    if (kind === "level") chart.levels.push({ term, value: array.data[0] });
    else chart.terms.push({ term, values: array.data, hidden: isOff(name) });
  }
  for (const chart of charts.values()) {
    chart.terms.forEach((term, i) => (term.role = CYCLE[i % CYCLE.length]));
    chart.terms = chart.terms.filter((term) => !term.hidden);
  }
  return charts;
}

class Charts {
  constructor(words) {
    this.element = make("div", { class: "charts", role: "group" });
    this.figures = new Map();
    this.use(words);
  }

  use(words) {
    this.words = words;
    setAll(this.element, { "aria-label": words.charts });
  }

  /** Lay out one figure a chart. A chart once shown stays, so that the page never jumps. */
  update(arrays, look, height, marker) {
    const charts = readCharts(arrays, look.isOff);
    for (const title of charts.keys()) if (!this.figures.has(title)) this.add(title);
    show(this.element, this.figures.size > 0);
    for (const [title, figure] of this.figures) {
      const chart = charts.get(title) ?? { terms: [], levels: [] };
      this.draw(title, figure, chart, look, Math.floor(height / this.figures.size), marker);
    }
  }

  forget() {
    this.figures.clear();
    this.element.replaceChildren();
  }

  add(title) {
    const canvas = make("canvas", { role: "img" });
    const keys = make("div", { class: "keys" });
    const caption = make("figcaption", {}, this.words[`chart/${title}`] ?? title);
    const root = make("figure", { class: "chart" }, caption, keys, canvas);
    if (title === "loss") this.element.prepend(root);
    else this.element.append(root);
    this.figures.set(title, { root, canvas, keys });
  }

  draw(title, figure, chart, look, height, marker) {
    const width = figure.root.clientWidth;
    if (!width) return;
    const probe = figure.canvas.getContext("2d");
    probe.font = `600 13px ${look.palette.font}`;
    const labels = chart.terms.map((term) => ({ ...term, last: lastValue(term.values) }));
    const widest = Math.max(0, ...labels.map((one) => probe.measureText(one.term).width));
    const beside = widest + 12 <= RIGHT_SHARE * width;
    this.writeKeys(figure.keys, beside ? [] : labels, look);
    const room = height - (figure.root.clientHeight - figure.canvas.clientHeight) - 6;
    const size = { width, height: clamp(room, 104, 300), right: beside ? Math.max(58, widest + 14) : 10 };
    const ctx = sharpen(figure.canvas, size.width, size.height);
    drawChart(ctx, size, { ...chart, terms: labels }, look, marker, beside);
    const values = labels.map((one) => `${one.term} ${short(one.last)}`).join(", ");
    this.describe(figure, fill(this.words.chartSays, { chart: title, unit: look.unit, values }));
  }

  writeKeys(holder, labels, look) {
    show(holder, labels.length > 0);
    while (holder.children.length > labels.length) holder.lastChild.remove();
    while (holder.children.length < labels.length) holder.append(make("span"));
    labels.forEach((one, i) => {
      setText(holder.children[i], `${one.term} ${short(one.last)}`);
      holder.children[i].style.color = look.palette.roles[one.role].text;
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

function lastValue(values) {
  return values.length ? values[values.length - 1] : NaN;
}

function drawChart(ctx, size, chart, look, marker, beside) {
  const { palette } = look;
  const [low, high] = verticalRange(chart);
  const yTicks = ticks(low, high, size.height < 150 ? 3 : 4);
  ctx.font = `12px ${palette.font}`;
  const left = 8 + Math.max(ctx.measureText(look.unit).width, ...yTicks.map((tick) => ctx.measureText(tick.text).width));
  const area = { x: left, y: 8, w: size.width - left - size.right, h: size.height - 30 };
  const end = Math.max(1, ...chart.terms.map((one) => one.values[one.values.length - 2] ?? 0));
  const start = Math.min(0, ...chart.terms.map((one) => one.values[0] ?? 0));
  const map = mapping([start, end, low, high], area);
  drawAxes(ctx, map, yTicks, look);
  ctx.save();
  ctx.beginPath();
  ctx.rect(area.x, area.y - 2, area.w + 3, area.h + 4);
  ctx.clip();
  for (const level of chart.levels) drawLevel(ctx, map, level, palette);
  if (marker !== null) drawMarker(ctx, map, marker, palette);
  for (const one of chart.terms) drawTerm(ctx, map, one, palette);
  ctx.restore();
  if (beside) drawEnds(ctx, map, chart.terms, palette);
}

/** From the 1st to the 99th percentile, so that one early spike does not flatten the rest. */
function verticalRange(chart) {
  const all = [];
  for (const one of chart.terms) for (let i = 1; i < one.values.length; i += 2) if (Number.isFinite(one.values[i])) all.push(one.values[i]);
  const lasts = chart.terms.map((one) => one.last).filter(Number.isFinite);
  all.sort((a, b) => a - b);
  const levels = chart.levels.map((level) => level.value).filter(Number.isFinite);
  if (!all.length) return levels.length ? [Math.min(0, ...levels), Math.max(...levels) * 1.3 || 1] : [0, 1];
  let low = Math.min(all[Math.ceil(0.01 * (all.length - 1))], ...lasts);
  let high = Math.max(all[Math.floor(0.99 * (all.length - 1))], ...lasts);
  // The extremes themselves are shown too when they are no further away than all the rest.
  const [least, most] = [all[0], all[all.length - 1]];
  const span = high - low;
  if (low - least <= span) low = least;
  if (most - high <= span) high = most;
  // A reference line is worth making room for, unless it is very far away.
  const reach = 1.5 * (high - low) + 1e-9;
  for (const value of levels) {
    if (value < low && low - value < reach) low = value;
    if (value > high && value - high < reach) high = value;
  }
  const margin = 0.1 * (high - low) || 0.1 * Math.abs(high) || 1;
  return [low - margin, high + margin];
}

function drawAxes(ctx, map, yTicks, look) {
  const { palette } = look;
  const { area, box } = map;
  ctx.fillStyle = palette.muted;
  ctx.strokeStyle = palette.faint;
  ctx.lineWidth = 1;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  for (const tick of yTicks) {
    const y = Math.round(map.y(tick.value)) + 0.5;
    rule(ctx, area.x, y, area.x + area.w, y);
    ctx.fillText(tick.text, area.x - 6, y);
  }
  ctx.textBaseline = "alphabetic";
  ctx.fillText(look.unit, area.x - 6, area.y + area.h + 17);
  for (const tick of ticks(box[0], box[1], area.w < 170 ? 2 : 4)) {
    if (tick.value % 1) continue; // there is no half of a round
    const x = map.x(tick.value);
    ctx.textAlign = x > area.x + area.w - 14 ? "right" : x < area.x + 8 ? "left" : "center";
    ctx.fillText(tick.text, ctx.textAlign === "right" ? x + 4 : x, area.y + area.h + 17);
  }
}

function rule(ctx, x0, y0, x1, y1) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

function drawLevel(ctx, map, level, palette) {
  if (!Number.isFinite(level.value)) return;
  const { area } = map;
  const y = map.y(level.value);
  ctx.strokeStyle = palette.text;
  ctx.setLineDash([5, 4]);
  ctx.lineWidth = 1.3;
  rule(ctx, area.x, y, area.x + area.w, y);
  ctx.setLineDash([]);
  ctx.textAlign = "right";
  ctx.textBaseline = "alphabetic";
  haloed(ctx, palette, level.term, area.x + area.w - 4, y - 5 < area.y + 10 ? y + 14 : y - 5, palette.text);
}

/** Where a looked-back-at round lies on the axis. */
function drawMarker(ctx, map, round, palette) {
  ctx.strokeStyle = palette.muted;
  ctx.lineWidth = 1.5;
  rule(ctx, map.x(round), map.area.y, map.x(round), map.area.y + map.area.h);
}

function drawTerm(ctx, map, one, palette) {
  ctx.strokeStyle = palette.roles[one.role].ink;
  ctx.lineWidth = 2;
  ctx.lineJoin = "round";
  ctx.beginPath();
  trace(ctx, one.values, map, 0, one.values.length >> 1, 1);
  ctx.stroke();
}

/** Name and last value at the end of each curve, pushed apart where they would overlap. */
function drawEnds(ctx, map, terms, palette) {
  const { area } = map;
  const high = 30;
  const ends = terms.filter((one) => one.values.length).map((one) => ({ ...one, y: clamp(map.y(one.last) || area.y, area.y, area.y + area.h) }));
  ends.sort((a, b) => a.y - b.y);
  ends.forEach((one, i) => (one.y = Math.max(one.y, i ? ends[i - 1].y + high : area.y + 8)));
  let floor = area.y + area.h + 12;
  for (const one of ends.reverse()) {
    one.y = Math.min(one.y, floor - 12);
    floor = one.y - high + 12;
  }
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const one of ends) {
    ctx.font = `600 13px ${palette.font}`;
    haloed(ctx, palette, one.term, area.x + area.w + 8, one.y - 7, palette.roles[one.role].text);
    ctx.font = `13px ${palette.font}`;
    haloed(ctx, palette, short(one.last), area.x + area.w + 8, one.y + 8, palette.roles[one.role].text);
  }
}
