// The drawer under the controls: slow motion, the graph and the strip. More than one can be open, for a line and its node.

import { make, makeButton, setAll, setText, show } from "../core/dom.js";
import { measureRole } from "../core/measures.js";
import { Graph } from "./diagram.js";
import { SlowMotion } from "./slow.js";
import { Strip } from "./strip.js";

export class Drawer {
  constructor(stage) {
    this.stage = stage;
    this.slow = new SlowMotion(stage);
    this.graph = new Graph(stage);
    this.strip = new Strip(stage);
    this.parts = [this.slow, this.graph, this.strip];
    this.openers = make("div", { class: "drawer-buttons openers", role: "group" });
    this.element = make("div", { class: "drawer", "data-testid": "drawer" }, this.openers);
    for (const part of this.parts) this.add(part);
  }

  add(part) {
    part.opener = makeButton(part.id, "", () => this.toggle(part), { "aria-expanded": "false" });
    part.section = make("section", { hidden: true, "data-testid": `${part.id}-section` }, part.element);
    this.openers.append(part.opener);
    this.element.append(part.section);
  }

  /** Words, players and the graph as the page has them now. */
  update(data, words) {
    this.nodes = data.graph?.nodes ?? [];
    setAll(this.openers, { "aria-label": words.drawer });
    for (const part of this.parts) {
      setText(part.opener, words[part.id]);
      setAll(part.section, { "aria-label": words[part.id] });
      part.use(words, data);
    }
  }

  toggle(part) {
    part.open = !part.open;
    setAll(part.opener, { "aria-expanded": String(part.open) });
    show(part.section, part.open);
    if (part.open) part.opened();
    else part.leave?.();
  }

  /** Called often; a part that is closed has nothing to do. */
  render() {
    show(this.element, !this.stage.live?.meta.wall); // of many models there is no one turn to show
    for (const part of this.parts) {
      const offered = part.offered();
      const locked = part.allowed?.() === false;
      if ((!offered || locked) && part.open) this.toggle(part);
      show(part.opener, offered);
      if (part.opener.disabled !== locked) part.opener.disabled = locked;
      if (part.open) part.render();
    }
  }

  /** Slow motion stands at another line. */
  moved() {
    if (this.graph.open) this.graph.light();
  }

  forget() {
    this.slow.leave();
    this.strip.forget();
  }

  /** The colour of what a line has computed: of a measure its own, else that of the box which the line fills. */
  roleOf(name, marks) {
    const node = this.nodes.find((one) => marks.includes(one.id));
    return measureRole(name, this.stage.thumbLook()) ?? node?.role ?? "truth";
  }

  close() {
    for (const part of this.parts) if (part.open) this.toggle(part);
  }
}
