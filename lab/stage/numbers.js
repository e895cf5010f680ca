// The numbers under the picture: a name and a value each, from number/<name>.

const NUMBERS_EVERY = 200; // ms; faster than this nobody can read

class Numbers {
  constructor() {
    this.element = make("dl", { class: "numbers", hidden: true, "data-testid": "numbers" });
    this.forget();
  }

  forget() {
    clearTimeout(this.later);
    this.cells = new Map();
    this.element.replaceChildren();
  }

  /** A number once shown keeps its place, so that the page never jumps. */
  update(arrays, words) {
    setAll(this.element, { "aria-label": words.numbers });
    const names = [...arrays.keys()].filter((name) => splitName(name)[0] === "number");
    for (const name of inLabelOrder(names, words)) this.cell(name, words).value = arrays.get(name).data[0];
    for (const [name, cell] of this.cells) if (!arrays.has(name)) cell.value = null;
    show(this.element, this.cells.size > 0);
    const wait = (this.writtenAt ?? -1e9) + NUMBERS_EVERY - performance.now();
    clearTimeout(this.later);
    if (wait <= 0) this.write();
    else this.later = setTimeout(() => this.write(), wait);
  }

  write() {
    this.writtenAt = performance.now();
    for (const { says, value } of this.cells.values()) setText(says, value === null ? "\u2013" : short(value));
  }

  cell(name, words) {
    if (!this.cells.has(name)) {
      const says = make("dd", {});
      const label = make("dt", {}, words[name] ?? signed(splitName(name)[1]));
      this.element.append(make("div", { "data-number": splitName(name)[1] }, label, says));
      this.cells.set(name, { says, value: null });
    }
    return this.cells.get(name);
  }

  close() {
    clearTimeout(this.later);
  }
}
