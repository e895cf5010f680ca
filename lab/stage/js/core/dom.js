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
  reset: "M3 2.5h2.2v11H3zM13 2.5v11L6 8z",
  fork: "M4 1.5a2 2 0 0 1 1 3.7v.8q0 1 1 1h4q1 0 1-1v-.8a2 2 0 1 1 2 0v.8q0 3-3 3H9v1.8a2 2 0 1 1-2 0V9H6q-3 0-3-3v-.8a2 2 0 0 1 1-3.7z",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  setAll(svg, { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" });
  const path = document.createElementNS(space, "path");
  setAll(path, { d: ICONS[name], fill: "currentColor" });
  svg.append(path);
  return svg;
}

/** A canvas of this size in CSS pixels, sharp on this display. Returns its 2d context. */
export function sharpen(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const w = Math.max(1, Math.round(width * ratio));
  const h = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ctx = canvas.getContext("2d");
  ctx.setTransform(w / width, 0, 0, h / height, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return ctx;
}

/** A button that does something. */
export function makeButton(id, text, act) {
  const button = make("button", { type: "button", "data-testid": id }, text);
  button.addEventListener("click", act);
  return button;
}

/** "log p_x(x)" with what follows a _ written lower. */
export function withSubscripts(text) {
  return text.split(/(_\w)/).map((piece) => (/^_\w$/.test(piece) ? make("sub", {}, piece[1]) : piece));
}
