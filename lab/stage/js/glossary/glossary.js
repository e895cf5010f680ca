// The glossary on every page: terms have a dotted line where a page first uses them, and are explained on hover and on
// press. Nothing in the page is changed, because others own its elements: the line is a highlight of its text. For the
// keyboard and for those who listen there is a button that lists the terms of the page.

import { make, setAll, setText, show } from "../core/dom.js";
import { PAGE_SHEET, TERM_SHEET } from "./sheets.js";
import { textsOf } from "./texts.js";

const EVERY = 1500; // ms between two looks at the page

class Glossary {
  constructor(terms) {
    this.terms = terms;
    this.of = new Map(terms.flatMap((term) => term.words.map((word) => [word, term])));
    const words = [...this.of.keys()].sort((a, b) => b.length - a.length).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    this.pattern = new RegExp(`(?<![\\p{L}\\p{N}_])(${words.join("|")})(?![\\p{L}\\p{N}_])`, "gu");
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, PAGE_SHEET];
    this.found = new Map(); // term -> Range
    this.bubble = make("div", { class: "genlab-words bubble", role: "tooltip", hidden: true });
    this.listed = make("dl");
    this.list = make("div", { class: "sheet", id: "genlab-words-list", role: "region", "aria-label": "Words of this page", tabindex: 0, hidden: true }, this.listed);
    this.button = make("button", { type: "button", "aria-expanded": "false", "aria-controls": "genlab-words-list" }, "Words");
    this.button.onclick = () => this.open(this.list.hidden);
    this.holder = make("aside", { class: "genlab-words list", "aria-label": "Glossary", hidden: true }, this.list, this.button);
    document.body.append(this.bubble, this.holder);
    document.addEventListener("pointermove", (event) => event.pointerType === "mouse" && this.point(event));
    document.addEventListener("click", (event) => this.point(event));
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.escape());
    document.addEventListener("scroll", () => show(this.bubble, false), true);
    setInterval(() => document.hidden || this.look(), EVERY);
  }

  /** Find the first place of each term. */
  look() {
    const main = document.querySelector("[data-testid=stMain]");
    if (!main) return;
    const { backgroundColor, color } = getComputedStyle(document.querySelector("[data-testid=stApp]"));
    for (const { style } of [this.bubble, this.holder]) {
      style.color = color;
      style.setProperty("--page", backgroundColor);
    }
    const found = new Map();
    for (const text of textsOf(main, (root) => this.dress(root))) {
      for (const match of text.data.matchAll(this.pattern)) {
        const { term } = this.of.get(match[1]);
        if (found.has(term)) continue;
        const range = new Range();
        range.setStart(text, match.index);
        range.setEnd(text, match.index + match[1].length);
        found.set(term, range);
      }
    }
    this.found = found;
    if (globalThis.CSS?.highlights) CSS.highlights.set("genlab-term", new Highlight(...found.values()));
    const here = this.terms.filter(({ term }) => found.has(term));
    const names = here.map(({ term }) => term).join();
    if (names !== this.names) {
      this.names = names;
      this.listed.replaceChildren(...here.flatMap(({ term, says }) => [make("dt", {}, term), make("dd", {}, says)]));
    }
    setText(this.button, `Words (${here.length})`);
    show(this.holder, here.length > 0);
  }

  dress(root) {
    if (!root.adoptedStyleSheets.includes(TERM_SHEET)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, TERM_SHEET];
  }

  point({ clientX: x, clientY: y }) {
    const hit = [...this.found].find(([, range]) => [...range.getClientRects()].some((box) => x >= box.left - 2 && x <= box.right + 2 && y >= box.top - 2 && y <= box.bottom + 2));
    if (!hit) return show(this.bubble, false);
    const { term, says } = this.terms.find((one) => one.term === hit[0]);
    const box = hit[1].getBoundingClientRect();
    this.bubble.replaceChildren(make("b", {}, term), says);
    show(this.bubble, true);
    const { offsetWidth: wide, offsetHeight: high } = this.bubble;
    const top = box.bottom + 6 + high > innerHeight ? box.top - high - 6 : box.bottom + 6;
    Object.assign(this.bubble.style, { left: `${Math.max(8, Math.min(box.left, innerWidth - wide - 8))}px`, top: `${Math.max(8, top)}px` });
  }

  open(yes) {
    show(this.list, yes);
    setAll(this.button, { "aria-expanded": String(yes) });
    if (yes) this.list.focus();
  }

  escape() {
    show(this.bubble, false);
    if (this.list.hidden) return;
    this.open(false);
    this.button.focus();
  }
}

const given = document.getElementById("genlab-glossary");
if (given) new Glossary(JSON.parse(given.textContent));
