// Small helpers for building elements. Text goes in through textContent only.

/** make("button", {class: "x", "data-testid": "y"}, "text", child, ...) */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAll(element, attributes);
  element.append(...children);
  return element;
}

export function setAll(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Write only when different, so that screen readers and layout stay calm. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

// 16 x 16 outlines; shapes, not glyphs, so that no font can lack them.
const ICONS = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  step: "M3 2.5v11l7-5.5zM11 2.5h2.2v11H11z",
  back: "M11 3.2L9.6 1.8 3.4 8l6.2 6.2L11 12.8 6.2 8z",
  forth: "M5 3.2l1.4-1.4L12.6 8l-6.2 6.2L5 12.8 9.8 8z",
  close: "M3.4 2.2L8 6.8l4.6-4.6 1.2 1.2L9.2 8l4.6 4.6-1.2 1.2L8 9.2l-4.6 4.6-1.2-1.2L6.8 8 2.2 3.4z",
  reset: "M3 2.5h2.2v11H3zM13 2.5v11L6 8z",
  fork: "M4 1.5a2 2 0 0 1 1 3.7v.8q0 1 1 1h4q1 0 1-1v-.8a2 2 0 1 1 2 0v.8q0 3-3 3H9v1.8a2 2 0 1 1-2 0V9H6q-3 0-3-3v-.8a2 2 0 0 1 1-3.7z",
};

export function icon(name) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  setAll(svg, { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" });
  setAll(path, { d: ICONS[name], fill: "currentColor" });
  svg.append(path);
  return svg;
}

/** A canvas of this size in CSS pixels, sharp on this display, also where the page is enlarged. Returns its 2d context. */
export function sharpen(canvas, width, height, zoom = 1) {
  const ratio = (window.devicePixelRatio || 1) * zoom;
  const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * ratio)));
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
  const ctx = canvas.getContext("2d");
  ctx.setTransform(w / width, 0, 0, h / height, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return ctx;
}

/** A button that does something. */
export function makeButton(id, text, act, attributes = {}) {
  const button = make("button", { type: "button", "data-testid": id, ...attributes }, ...[text].flat());
  button.addEventListener("click", act);
  return button;
}

/** A button with an icon, or none, and a word, which an "icon" tells only to those who hear it: `say(text, says)`. */
export function iconButton(id, picture, style, act) {
  const word = make("span");
  const button = makeButton(id, [...(picture ? [icon(picture)] : []), word], act, { class: style });
  button.say = (text, says = text) => {
    setText(word, style === "icon" ? "" : text);
    setAll(button, { "aria-label": says, title: says });
  };
  return button;
}

/** Hear of each new size of an element, and `seen(visible)` when it comes into sight or leaves it. Returns how to end it. */
export function watch(element, resized, seen) {
  const sizes = new ResizeObserver(resized);
  const sight = new IntersectionObserver(([entry]) => seen(entry.isIntersecting), { rootMargin: "100px" });
  for (const one of [sizes, sight]) one.observe(element);
  return () => [sizes, sight].forEach((one) => one.disconnect());
}

/** A line of code with its number. */
export function codeLine(number, text, attributes = {}) {
  const indent = text.length - text.trimStart().length + 4; // what is too long goes on below, further to the right
  return make("div", { class: "code-line", style: `--in: ${indent}ch`, ...attributes }, make("span", { class: "code-number" }, number), text || " ");
}

/** Bring a line of a listing into sight, where it is not. */
export function reveal(listing, { offsetTop }, above, below) {
  const { scrollTop, clientHeight } = listing;
  if (offsetTop >= scrollTop + above && offsetTop <= scrollTop + clientHeight - below) return;
  listing.scrollTop = offsetTop - clientHeight / 3;
}

/** Say what a picture shows, but not so often that a screen reader never finishes. */
export function describe(canvas, text) {
  const now = performance.now();
  if (now - (canvas.describedAt ?? -1e9) < 10000) return;
  canvas.describedAt = now;
  setAll(canvas, { "aria-label": text });
}

/** Lay an element over a rectangle of its parent. */
export function layOver({ style }, { x, y, w, h }) {
  Object.assign(style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
}

/** Where on an element an event took place, in CSS pixels. */
export function placeOn(element, event) {
  const { left, top, width } = element.getBoundingClientRect();
  const zoom = width / element.offsetWidth || 1;
  return [(event.clientX - left) / zoom, (event.clientY - top) / zoom];
}

/** Where a pointer has moved, in shares of the canvas. The browser merges fast moves into one event; all are taken. */
export function placesOf(canvas, event) {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const merged = event.getCoalescedEvents?.() ?? [];
  return (merged.length ? merged : [event]).map((one) => [(one.clientX - left) / width, (one.clientY - top) / height]);
}

/** "log p_x(x)" with what follows a _ written lower. */
export function withSubscripts(text) {
  return text.split(/(_\w)/).map((piece) => (/^_\w$/.test(piece) ? make("sub", {}, piece[1]) : piece));
}
