// The code that runs, beside the boxes that it computes: pointing at one lights the other.

import { codeLine, make, reveal, setAll } from "../core/dom.js";

export class Listing {
  constructor(lit) {
    this.lit = lit;
    this.element = make("div", { class: "slow-code", role: "region", "data-testid": "coder-code" });
    this.lines = [];
  }

  /** `code` is [{name, first, text}], `links` {box: [[block, line], ...]}. */
  update({ code = [], links = {} }, words) {
    setAll(this.element, { "aria-label": words.code });
    const form = JSON.stringify([code, links]);
    if (form === this.form) return;
    this.form = form;
    this.lines = [];
    this.element.replaceChildren(...code.map((block, i) => make("div", { class: "code-block" }, ...this.block(block, i, links))));
  }

  block({ first, text }, i, links) {
    return text.split("\n").map((says, j) => {
      const boxes = Object.keys(links).filter((box) => links[box].some(([block, line]) => block === i && line === j));
      const element = codeLine(first + j, says, { tabindex: boxes.length ? 0 : null, "data-boxes": boxes.join(" ") || null });
      if (boxes.length) onPointed(element, boxes, this.lit);
      this.lines.push({ element, boxes });
      return element;
    });
  }

  light(ids, follow) {
    const lit = this.lines.filter(({ boxes }) => boxes.some((box) => ids.includes(box)));
    for (const line of this.lines) setAll(line.element, { "aria-current": lit.includes(line) ? "true" : null });
    if (!lit.length || !follow || this.element.matches(":hover")) return; // lines do not slip away under the pointer
    reveal(this.element, lit[0].element, 0, 24);
  }
}

const pointed = new WeakMap(); // element -> its boxes

/** Tell `lit` of these boxes while the element is pointed at or has the focus. A pointer that goes, or that the
 * page scrolls away from it, gives way to what has the focus. */
export function onPointed(element, boxes, lit) {
  pointed.set(element, boxes);
  const focused = () => pointed.get(element.getRootNode().activeElement) ?? [];
  for (const name of ["pointerenter", "focus"]) element.addEventListener(name, () => lit(boxes));
  element.addEventListener("pointerleave", (event) => event.pointerType === "touch" || lit(focused()));
  element.addEventListener("blur", () => lit([]));
}
