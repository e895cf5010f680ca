// "Take home": the picture, the film, the curves, the setting, and links, in a panel beside the stage.

import { make, makeButton, setAll, setText, show } from "../core/dom.js";
import { mounted } from "../core/mount.js";
import { wearPalette } from "../core/palette.js";
import { fill } from "../core/words.js";
import { copy, isHere, linkOf } from "./copy.js";
import { filmOf, pictureOf } from "./pictures.js";
import { KEEP_WORDS } from "./words.js";

const BUTTONS = ["picture", "film", "curves", "setting"];
const ENDINGS = { curves: ["curves.csv", "text/csv"], setting: ["setting.json", "application/json"] };

export default class Keep {
  constructor(parent) {
    this.buttons = Object.fromEntries(BUTTONS.map((name) => [name, this.button(name)]));
    this.says = make("p", { class: "keep-says", role: "status", "data-testid": "keep-says" });
    this.notes = make("p", { class: "keep-note" });
    this.links = ["linkSetting", "linkRun"].map((name) => this.link(name));
    const files = make("div", { class: "keep-files", role: "group", "aria-label": KEEP_WORDS.files }, ...Object.values(this.buttons));
    this.root = make("div", { class: "stage keep", "data-testid": "keep" }, files, make("p", { class: "keep-title" }, KEEP_WORDS.links), ...this.links.map((one) => one.row), this.notes, this.says);
    parent.append(this.root);
  }

  button(name) {
    return makeButton(`keep-${name}`, KEEP_WORDS[name], () => this.doing(this.buttons[name], () => this[name]()), { title: KEEP_WORDS[`${name}Says`] });
  }

  link(name) {
    const field = make("input", { type: "text", readonly: true, "aria-label": KEEP_WORDS[name], title: KEEP_WORDS[`${name}Says`], "data-testid": `keep-${name}` });
    field.addEventListener("focus", () => field.select());
    const pressed = async () => this.say((await copy(field)) ? fill(KEEP_WORDS.copied, { link: KEEP_WORDS[name].toLowerCase() }) : KEEP_WORDS.copyYourself);
    const button = makeButton(`copy-${name}`, KEEP_WORDS.copy, pressed, { "aria-label": `${KEEP_WORDS.copy}: ${KEEP_WORDS[name]}`, title: KEEP_WORDS[`${name}Says`] });
    const row = make("div", { class: "keep-link" }, make("span", {}, KEEP_WORDS[name]), field, button);
    return { name, field, row };
  }

  update({ data }) {
    this.data = data;
    wearPalette(this.root);
    this.refresh();
    clearInterval(this.following);
    this.following = setInterval(() => this.refresh(), 500); // the address follows the page a moment later
  }

  refresh() {
    const { href } = location;
    if (href === this.href) return;
    this.href = href;
    const run = new URL(href).searchParams.has("run");
    for (const { name, field, row } of this.links) {
      field.value = linkOf(href, name === "linkRun");
      show(row, run || name !== "linkRun");
    }
    const path = linkOf(href, false).slice(new URL("./", href).href.length - 1);
    const notes = [this.data.own ? KEEP_WORDS.linkOwn : "", isHere(href) ? fill(KEEP_WORDS.linkHere, { path }) : ""];
    setText(this.notes, notes.filter(Boolean).join(" "));
  }

  say(sentence) {
    setText(this.says, sentence);
  }

  get stage() {
    const { side } = this.data;
    return side === null ? mounted("stage/stage.js") : mounted("stage/pair.js")?.stages[side];
  }

  /** While a file is made its button waits. */
  async doing(button, make_) {
    this.say("");
    setAll(button, { disabled: true });
    try {
      this.say(await make_());
    } catch {
      this.say(KEEP_WORDS.failed);
    }
    setAll(button, { disabled: false });
  }

  async picture() {
    const { stage } = this;
    const blob = stage && (await pictureOf(stage));
    return blob ? this.save(blob, `round-${stage.screen.shown?.meta.round ?? 0}.png`) : KEEP_WORDS.noPicture;
  }

  async film() {
    const { stage } = this;
    if (!stage?.screen.frames) return KEEP_WORDS.noPicture;
    try {
      const blob = await filmOf(stage, (share) => this.say(fill(KEEP_WORDS.filming, { percent: Math.round(100 * share) })));
      if (!blob) return KEEP_WORDS.noFilm;
      return blob === "unable" ? KEEP_WORDS.unable : this.save(blob, "film.webp");
    } catch (error) {
      if (error.message === "lost") return KEEP_WORDS.lost;
      throw error;
    }
  }

  curves() {
    return this.written("curves");
  }

  setting() {
    return this.written("setting");
  }

  async written(what) {
    const url = new URL(`../../../take/${encodeURIComponent(this.data.run)}/${what}`, import.meta.url);
    const { text, error } = await (await fetch(url)).json();
    const [ending, type] = ENDINGS[what];
    return error ?? this.save(new Blob([text], { type }), ending);
  }

  /** Give the browser a file; what is said of it. */
  save(blob, ending) {
    const name = `genlab-${this.data.name}-${ending}`;
    const href = URL.createObjectURL(blob);
    make("a", { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60000);
    return fill(KEEP_WORDS.saved, { name });
  }

  close() {
    clearInterval(this.following);
    this.root.remove();
  }
}
