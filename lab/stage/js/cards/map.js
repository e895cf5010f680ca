// The map: Goodfellow's tree of generative models, whose leaves are cards that play their rooms' recordings. On a phone
// it is a list in the order to follow.

import { make } from "../core/dom.js";
import { differs } from "../core/mount.js";
import { rgb, wearPalette } from "../core/palette.js";
import { fill } from "../core/words.js";
import { Player } from "./player.js";
import { CARD_WORDS } from "./words.js";

const NARROW = "(max-width: 760px)";
const SEEN = "genlab-seen"; // the rooms that this browser has visited

export default class RoomMap {
  constructor(parent) {
    this.player = new Player();
    this.narrow = matchMedia(NARROW);
    this.narrow.onchange = () => this.build();
    this.root = make("div", { class: "stage map", "data-testid": "map" });
    parent.append(this.root);
  }

  update({ data, setTriggerValue }) {
    const old = this.data;
    this.data = data;
    this.go = (address) => setTriggerValue("room", address);
    const palette = wearPalette(this.root);
    if (differs(old, data, "root", "beside", "seen")) this.build();
    this.player.wear({ ...palette, modelRgb: rgb(palette.roles.model.ink) });
  }

  build() {
    for (const canvas of this.root.querySelectorAll("canvas")) this.player.forget(canvas);
    const { root, beside, seen } = this.data;
    this.seen = remember(seen);
    this.rooms = [...roomsOf(root), ...beside.flatMap(roomsOf)];
    this.path = this.rooms.filter((room) => room.number).sort((a, b) => a.number - b.number);
    this.next = this.path.find((room) => !this.seen.has(room.address));
    if (this.narrow.matches) {
      const rest = this.rooms.filter((room) => !room.number);
      this.root.replaceChildren(make("ol", { class: "cards", "aria-label": CARD_WORDS.path }, ...[...this.path, ...rest].map((room) => this.card(room))));
    } else {
      const bands = make("div", { class: "bands" }, ...beside.map((one) => this.twig(one, "band")));
      this.root.replaceChildren(make("div", { class: "tree", role: "group", "aria-label": CARD_WORDS.map }, this.twig(root, "twig")), bands);
    }
  }

  /** A branch: its title, and below it what it forks into, or its cards, in `groups` where it has some. */
  twig({ title, says, forks = [], groups = [] }, kind) {
    const element = make("div", { class: kind, style: `--weight: ${weightOf({ forks, groups })}` });
    element.append(make("div", { class: "node" }, make("b", {}, title), ...(says ? [make("span", {}, says)] : [])));
    if (forks.length) element.append(make("div", { class: "fork" }, ...forks.map((one) => this.twig(one, "twig"))));
    if (groups.length) element.append(make("div", { class: "groups" }, ...groups.map((one) => this.group(one))));
    return element;
  }

  group({ title, rooms }) {
    const name = title ? [make("div", { class: "group-name" }, title)] : [];
    return make("div", { class: "group" }, ...name, make("ul", { class: "cards" }, ...rooms.map((room) => this.card(room))));
  }

  card(room) {
    const { address, title, idea, built, films, number, needs } = room;
    if (!built) return make("li", { class: "unbuilt", title: CARD_WORDS.unbuilt }, make("b", {}, title), make("span", {}, `${idea}. ${CARD_WORDS.unbuilt}.`));
    const link = make("a", { href: `./${address}` }, title);
    link.addEventListener("click", (event) => this.follow(event, address));
    const names = needs.map((one) => this.rooms.find((other) => other.address === one)).filter(Boolean);
    const state = room === this.next ? (this.seen.size ? CARD_WORDS.next : CARD_WORDS.start) : this.seen.has(address) ? CARD_WORDS.seen : "";
    const text = make("div", { class: "text" }, link, make("span", { class: "idea" }, idea));
    if (names.length) text.append(make("span", { class: "after" }, fill(CARD_WORDS.after, { names: names.map((one) => one.short).join(", ") })));
    const film = films.length ? [make("canvas", { role: "img", "aria-label": title })] : [];
    for (const canvas of film) this.player.play(canvas, films);
    const badge = make("span", { class: "badge" }, ...(number ? [make("i", {}, String(number))] : []), ...(state ? [make("em", {}, state)] : []));
    return make("li", { class: "card", "data-address": address, "data-state": state || false }, ...film, text, badge);
  }

  /** A plain press stays in this visit; others (in a new tab) are the browser's. */
  follow(event, address) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.go(address);
  }

  close() {
    this.narrow.onchange = null;
    this.player.close();
    this.root.remove();
  }
}

function roomsOf({ forks = [], groups = [] }) {
  return [...forks.flatMap(roomsOf), ...groups.flatMap(({ rooms }) => rooms)];
}

/** How many columns of cards a branch takes beside others. */
function weightOf({ forks, groups }) {
  if (forks.length) return forks.reduce((sum, { forks: inner = [], groups: own = [] }) => sum + weightOf({ forks: inner, groups: own }), 0);
  return Math.max(1, Math.ceil(roomsOf({ groups }).filter(({ built }) => built).length / 3));
}

/** All rooms that this browser has visited, those of this visit among them. */
function remember(now) {
  try {
    const all = new Set([...JSON.parse(localStorage.getItem(SEEN) ?? "[]"), ...now]);
    localStorage.setItem(SEEN, JSON.stringify([...all]));
    return all;
  } catch {
    return new Set(now); // a browser that keeps nothing
  }
}
