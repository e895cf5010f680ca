// The code that runs, beside the boxes that it computes: pointing at one lights the other.

import { make, setAll } from "../core/dom.js";

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
      const number = make("span", { class: "code-number" }, first + j);
      const element = make("div", { class: "code-line", tabindex: boxes.length ? 0 : null, "data-boxes": boxes.join(" ") || null }, number, says || " ");
      if (boxes.length) this.listen(element, boxes);
      this.lines.push({ element, boxes });
      return element;
    });
  }

  listen(element, boxes) {
    for (const name of ["pointerenter", "focus"]) element.addEventListener(name, () => this.lit(boxes));
    element.addEventListener("pointerleave", (event) => event.pointerType === "touch" || this.lit([]));
    element.addEventListener("blur", () => this.lit([]));
  }

  light(ids, follow) {
    let first = null;
    for (const { element, boxes } of this.lines) {
      const on = boxes.some((box) => ids.includes(box));
      setAll(element, { "aria-current": on ? "true" : null });
      if (on) first ??= element;
    }
    if (!first || !follow || this.element.matches(":hover")) return; // lines do not slip away under the pointer
    const { element } = this;
    if (first.offsetTop < element.scrollTop || first.offsetTop > element.scrollTop + element.clientHeight - 24) {
      element.scrollTop = first.offsetTop - element.clientHeight / 3;
    }
  }
}
