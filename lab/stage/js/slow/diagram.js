// The graph: what flows where, from the page's declaration, with live thumbnails in its nodes.

import { make, sharpen, show } from "../core/dom.js";
import { measureText } from "../core/measures.js";
import { signed } from "../core/numbers.js";
import { arrow, polyline } from "../draw/pen.js";
import { paintThumb } from "../draw/thumbs.js";

const GRAPH_EVERY = 125; // ms between two looks at the picture
const GRAPH_THUMB = [92, 68];
const GRAPH_NARROW = 620; // px; below this the graph runs from top to bottom

export class Graph {
  constructor(stage) {
    this.stage = stage;
    this.id = "graph";
    this.nodes = [];
    this.element = make("div", { class: "graph" });
    this.resizing = new ResizeObserver(() => this.lay());
    this.resizing.observe(this.element);
  }

  use(words, data) {
    if (JSON.stringify(data.graph) !== this.declared) this.build(data.graph);
    this.declared = JSON.stringify(data.graph);
    this.drawn = 0;
  }

  build(graph) {
    this.nodes = (graph?.nodes ?? []).map((node) => {
      const title = make("span", { class: `node-title ${node.role ?? ""}` }, node.title);
      const canvas = make("canvas", { role: "img", "aria-label": `${node.title}: ${node.says ?? ""}`, hidden: true });
      const numbers = make("div", { class: "node-numbers" });
      const says = make("span", { class: "node-says" }, node.says ?? "");
      const element = make("div", { class: "node", "data-testid": `node-${node.id}` }, title, says, canvas, numbers);
      return { ...node, element, canvas, numbers };
    });
    const node = (id) => this.nodes.find((one) => one.id === id);
    this.edges = (graph?.edges ?? []).map(([from, to, role]) => ({ from: node(from), to: node(to), role }));
    this.wires = make("canvas", { class: "wires", "aria-hidden": "true" });
    this.element.replaceChildren(this.wires, ...this.nodes.map((node) => node.element));
    this.lay();
  }

  offered() {
    return this.nodes.length > 0;
  }

  opened() {
    this.render();
    this.lay();
    this.light();
  }

  leave() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  /** Put nodes on the grid and draw the wires between them; top to bottom where it is narrow. */
  lay() {
    const { clientWidth } = this.element;
    if (!clientWidth || !this.nodes.length) return;
    const turned = clientWidth < GRAPH_NARROW;
    this.element.classList.toggle("turned", turned);
    for (const node of this.nodes) {
      node.cell = turned ? [node.at[1], node.at[0]] : node.at;
      node.element.style.gridArea = `${node.cell[1] + 1} / ${node.cell[0] + 1}`;
    }
    this.wire();
  }

  wire() {
    const { clientWidth, clientHeight } = this.element;
    const ctx = sharpen(this.wires, clientWidth, clientHeight);
    const palette = this.stage.screen.palette;
    if (!palette) return;
    for (const edge of this.edges) {
      if (!edge.from || !edge.to) continue;
      ctx.setLineDash(edge.role ? [6, 4] : []);
      const path = this.route(edge.from, edge.to);
      polyline(ctx, path, edge.role ? palette.roles[edge.role].ink : palette.muted, edge.role ? 2 : 1.5);
      ctx.setLineDash([]);
      const [[ax, ay], [bx, by]] = path.slice(-2);
      const long = Math.hypot(bx - ax, by - ay) || 1;
      ctx.beginPath(); // the head alone: a short arrow at the end of the path
      arrow(ctx, bx - ((bx - ax) / long) * 14, by - ((by - ay) / long) * 14, bx, by);
      ctx.stroke();
    }
  }

  /** Straight along a row or a column; else round the corner where no node stands. */
  route(from, to) {
    const [a, b] = [placeOf(from.element), placeOf(to.element)];
    const [across, down] = [Math.sign(to.cell[0] - from.cell[0]), Math.sign(to.cell[1] - from.cell[1])];
    const leaves = (p, dx, dy) => [p.x + (dx * p.w) / 2, p.y + (dy * p.h) / 2];
    if (!down) return [leaves(a, across, 0), leaves(b, -across, 0)];
    if (!across) return [leaves(a, 0, down), leaves(b, 0, -down)];
    const taken = this.nodes.some((one) => one.cell[0] === to.cell[0] && one.cell[1] === from.cell[1]);
    if (taken) return [leaves(a, 0, down), [a.x, b.y], leaves(b, -across, 0)];
    return [leaves(a, across, 0), [b.x, a.y], leaves(b, 0, -down)];
  }

  /** Called with every frame; looks at the picture a few times a second. */
  render() {
    if (this.timer) return;
    const wait = GRAPH_EVERY - (performance.now() - (this.drawn ?? 0));
    this.timer = setTimeout(() => {
      this.timer = null;
      this.draw();
    }, Math.max(0, wait));
  }

  draw() {
    this.drawn = performance.now();
    const { shown, palette } = this.stage.screen;
    if (!shown || !this.open) return;
    const look = this.stage.thumbLook();
    const moved = this.nodes.filter((node) => this.drawNode(node, shown, look)).length;
    if (moved || palette.name !== this.theme) this.wire();
    this.theme = palette.name;
  }

  /** True when the node changed its size. */
  drawNode(node, { arrays }, look) {
    const wanted = [node.array ?? node.arrays ?? []].flat().map((one) => (typeof one === "string" ? { name: one, role: node.role } : one));
    const layers = wanted.filter((one) => arrays.has(one.name)).map((one) => ({ role: "truth", ...one, array: arrays.get(one.name) }));
    const numbers = wanted.filter((one) => one.name.endsWith("/")).flatMap((one) => lastNumbers(arrays, one.name));
    const before = node.element.clientHeight;
    show(node.canvas, layers.length > 0);
    const same = layers.length === node.seen?.length && layers.every((one, i) => one.array === node.seen[i]);
    const stamp = `${look.palette.name}${look.box}`;
    if (layers.length && !(same && stamp === node.stamp)) paintThumb(node.canvas, ...GRAPH_THUMB, layers, look);
    node.seen = layers.map((one) => one.array);
    node.stamp = stamp;
    const lines = numbers.map(([name, value]) => `${signed(name)} = ${measureText(value, name, look)}`);
    if (lines.join() !== node.lines) node.numbers.replaceChildren(...lines.map((line) => make("div", {}, line)));
    node.lines = lines.join();
    return before !== node.element.clientHeight;
  }

  /** The nodes that the current line of slow motion fills; where the drawer is too low for all, these are in sight. */
  light() {
    const lit = this.stage.drawer.slow.lit();
    for (const node of this.nodes) node.element.classList.toggle("lit", lit.includes(node.id));
    if (lit.join() === this.lights) return; // whoever scrolls meanwhile is not disturbed
    this.lights = lit.join();
    const boxes = this.nodes.filter(({ id }) => lit.includes(id)).map(({ element }) => element.getBoundingClientRect());
    const section = this.element.parentElement;
    const { top, bottom } = section.getBoundingClientRect();
    const [high, low] = [Math.min(...boxes.map((box) => box.top)), Math.max(...boxes.map((box) => box.bottom))];
    if (boxes.length && (high < top || low > bottom)) section.scrollTop += (high + low - top - bottom) / 2;
  }
}

/** Middle and size of an element in its parent. */
function placeOf(element) {
  const { offsetLeft, offsetTop, offsetWidth: w, offsetHeight: h } = element;
  return { x: offsetLeft + w / 2, y: offsetTop + h / 2, w, h };
}

/** The last value of each curve whose name begins so: [[term, value], ...]. */
function lastNumbers(arrays, prefix) {
  const curves = [...arrays].filter(([name, { data }]) => name.startsWith(prefix) && data.length);
  return curves.map(([name, { data }]) => [name.slice(prefix.length), data.at(-1)]);
}
