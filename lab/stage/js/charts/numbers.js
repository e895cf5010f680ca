// The numbers under the picture: a name and a value each, from number/<name>.

import { make, setAll, setText, show } from "../core/dom.js";
import { inDeclaredOrder, measureLabel, measureText } from "../core/measures.js";
import { inLabelOrder, splitName } from "../core/names.js";

const NUMBERS_EVERY = 200; // ms; faster than this nobody can read

export class Numbers {
  element = make("dl", { class: "numbers", hidden: true, "data-testid": "numbers" });
  cells = new Map();

  forget() {
    clearTimeout(this.later);
    this.cells = new Map();
    this.element.replaceChildren();
  }

  /** A number once shown keeps its place, so that the page never jumps. `look` has words and measures. */
  update(arrays, look) {
    setAll(this.element, { "aria-label": look.words.numbers });
    const names = [...arrays.keys()].filter((name) => splitName(name)[0] === "number");
    const declared = inDeclaredOrder(names, look.measures, (name) => [splitName(name)[1]]);
    for (const name of inLabelOrder(declared, look.words)) {
      const cell = this.cell(name);
      setText(cell.label, measureLabel("number", cell.name, look));
      cell.text = measureText(arrays.get(name).data[0], cell.name, look);
    }
    for (const [name, cell] of this.cells) if (!arrays.has(name)) cell.text = "\u2013";
    show(this.element, this.cells.size > 0);
    const wait = (this.writtenAt ?? -1e9) + NUMBERS_EVERY - performance.now();
    clearTimeout(this.later);
    if (wait <= 0) this.write();
    else this.later = setTimeout(() => this.write(), wait);
  }

  write() {
    this.writtenAt = performance.now();
    for (const { says, text } of this.cells.values()) setText(says, text);
  }

  cell(array) {
    if (!this.cells.has(array)) {
      const [, name] = splitName(array);
      const [label, says] = [make("dt", {}), make("dd", {})];
      this.element.append(make("div", { "data-number": name }, label, says));
      this.cells.set(array, { name, label, says, text: "" });
    }
    return this.cells.get(array);
  }
}
