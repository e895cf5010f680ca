// The drawer: slow motion, the graph and the strip. It opens over the tools beside the stage, so that the picture stays in
// sight; where there are none it opens below the controls. More than one part can be open, for a line and its node.

import { iconButton, make, makeButton, setAll, setText, show } from "../core/dom.js";
import { measureRole } from "../core/measures.js";
import { fill } from "../core/words.js";
import { Graph } from "./diagram.js";
import { SlowMotion } from "./slow.js";
import { Strip } from "./strip.js";

const HEADER = 52; // px, of the page, with the button for its words
const LOWEST = 0.3; // of the window's height, where the drawer begins at most, wherever the tools have gone

export class Drawer {
  constructor(stage) {
    this.stage = stage;
    this.slow = new SlowMotion(stage);
    this.graph = new Graph(stage);
    this.strip = new Strip(stage);
    this.parts = [this.slow, this.graph, this.strip];
    this.openers = make("div", { class: "drawer-buttons openers", role: "group" });
    this.element = make("div", { class: "drawer", "data-testid": "drawer" });
    for (const part of this.parts) this.add(part);
    this.present = makeButton("present", "", () => stage.togglePresent());
    this.openers.append(this.present);
    this.moving = new AbortController();
    for (const what of ["resize", "scroll"]) window.addEventListener(what, () => this.place(), { capture: true, passive: true, signal: this.moving.signal });
  }

  presenting({ presented }) {
    show(this.present, presented !== undefined);
    const { words } = this.stage;
    setText(this.present, presented ? words.presentEnd : words.present);
    setAll(this.present, { title: presented ? words.presentEndSays : words.presentSays });
    this.place();
  }

  /** Over the tools, if they stand beside the stage; above all else of the page, whose boxes would cut it off. */
  place() {
    const beside = this.beside();
    const open = this.parts.some((part) => part.open);
    const { element } = this;
    setAll(element, { popover: open && beside ? "manual" : null });
    if (!open || !beside) return element.removeAttribute("style");
    if (!element.matches(":popover-open")) element.showPopover();
    const { left, top, width, bottom, zoom } = beside;
    const y = Math.min(Math.max(beside.highest, top), LOWEST * window.innerHeight);
    const px = (length) => `${Math.round(length / zoom)}px`;
    Object.assign(element.style, { left: px(left - 6), top: px(y), width: px(width + 8), height: px(bottom - y) });
  }

  /** Where it stands, beside the picture: over the tools, in a presentation over the charts; null where they are below. */
  beside() {
    const { root, screen, controlsHolder } = this.stage;
    const presented = Boolean(root.dataset.presented);
    const { right, width: wide } = (presented ? screen.element : root).getBoundingClientRect();
    const box = (presented ? screen.charts.element : document.querySelector(".st-key-tools"))?.getBoundingClientRect();
    if (!box?.width || !wide || box.left < right - 1) return null;
    const bottom = presented ? controlsHolder.getBoundingClientRect().top : window.innerHeight;
    const highest = presented ? 0 : HEADER;
    return { left: box.left, top: box.top, width: box.width, bottom, highest, zoom: root.getBoundingClientRect().width / root.offsetWidth };
  }

  add(part) {
    part.opener = makeButton(part.id, "", () => this.toggle(part), { "aria-expanded": "false" });
    part.shut = iconButton(`${part.id}-close`, "close", "icon", () => this.toggle(part));
    part.title = make("h2", { class: "drawer-title" });
    const head = make("div", { class: "drawer-head" }, part.title, part.shut);
    part.section = make("section", { hidden: true, "data-testid": `${part.id}-section` }, head, part.element);
    this.openers.append(part.opener);
    this.element.append(part.section);
  }

  /** Words, players and the graph as the page has them now. */
  update(data, words) {
    this.nodes = data.graph?.nodes ?? [];
    setAll(this.openers, { "aria-label": words.drawer });
    for (const part of this.parts) {
      setText(part.opener, words[part.id]);
      setText(part.title, words[part.id]);
      part.shut.say("", fill(words.drawerClose, { part: words[part.id] }));
      setAll(part.section, { "aria-label": words[part.id] });
      part.use(words, data);
    }
  }

  toggle(part) {
    part.open = !part.open;
    setAll(part.opener, { "aria-expanded": String(part.open) });
    show(part.section, part.open);
    this.place();
    if (part.open) part.opened();
    else part.leave?.();
  }

  /** Called often; a part that is closed has nothing to do. */
  render() {
    const many = this.stage.live?.meta.wall; // of many models there is no one turn to show
    for (const one of [this.openers, this.element]) show(one, !many);
    for (const part of this.parts) {
      const offered = part.offered();
      const locked = part.allowed?.() === false;
      if ((!offered || locked) && part.open) this.toggle(part);
      show(part.opener, offered);
      if (part.opener.disabled !== locked) part.opener.disabled = locked;
      if (part.open) part.render();
    }
    if (this.parts.some((part) => part.open)) this.place(); // the page may have moved without a scroll
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
    const named = this.nodes.find((one) => one.id === name && marks.includes(name));
    const node = named ?? this.nodes.find((one) => marks.includes(one.id));
    return measureRole(name, this.stage.thumbLook()) ?? node?.role ?? "truth";
  }

  close() {
    for (const part of this.parts) if (part.open) this.toggle(part);
    this.moving.abort();
  }
}
