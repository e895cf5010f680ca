// Pointers over the picture: a read-out of the field, and events for the scene.

const HOLD = 350; // ms a finger must rest before the read-out follows it
const SENDING = 50; // ms between two pointer messages

class Pointer {
  /** `place(px, py)` gives {x, y, text} in the world there, or null; `send(event)` sends. */
  constructor(canvas, place, send) {
    this.canvas = canvas;
    this.place = place;
    this.send = send;
    this.sends = false;
    this.bubble = make("div", { class: "bubble", hidden: true, "data-testid": "hover" });
    this.listen();
  }

  listen() {
    const on = (name, act, options) => this.canvas.addEventListener(name, act, options);
    on("pointermove", (event) => this.moved(event));
    on("pointerdown", (event) => this.pressed(event));
    on("pointerup", (event) => this.released(event));
    on("pointercancel", () => this.left());
    on("pointerleave", () => this.left());
    // A finger that holds reads the field; one that moves at once scrolls the page.
    on("touchmove", (event) => this.held && event.cancelable && event.preventDefault(), { passive: false });
    on("contextmenu", (event) => this.held && event.preventDefault());
  }

  moved(event) {
    const touch = event.pointerType === "touch";
    if (touch && !this.held && !this.sends) return clearTimeout(this.holding);
    this.follow(event);
    this.tell(event.buttons ? "drag" : "hover", event);
  }

  pressed(event) {
    if (event.pointerType === "touch") this.holding = setTimeout(() => this.hold(event), HOLD);
    if (this.sends) this.canvas.setPointerCapture(event.pointerId);
    this.tell("press", event, true);
  }

  hold(event) {
    this.held = true;
    this.follow(event);
  }

  released(event) {
    if (event.pointerType === "touch") this.left();
  }

  left() {
    clearTimeout(this.holding);
    this.held = false;
    this.at = null;
    this.bubble.hidden = true;
    this.tell("leave", null, true);
  }

  follow(event) {
    const rect = this.canvas.getBoundingClientRect();
    this.at = [event.clientX - rect.left, event.clientY - rect.top, event.pointerType === "touch"];
    this.refresh();
  }

  /** Called after each drawing too: the field changes under a pointer that rests. */
  refresh() {
    if (!this.at) return;
    const [px, py, touch] = this.at;
    const place = this.place(px, py);
    show(this.bubble, Boolean(place?.text));
    if (!place?.text) return;
    setText(this.bubble, place.text);
    const right = px > this.canvas.clientWidth / 2;
    const lift = touch ? 64 : 12; // clear of the finger
    const x = px + (right ? -14 : 14);
    this.bubble.style.transform = `translate(${x}px, ${Math.max(0, py - lift)}px) translate(${right ? "-100%" : "0"}, -50%)`;
  }

  /** At most 20 messages a second; the last place of a movement is always sent. */
  tell(kind, event, atOnce = false) {
    if (!this.sends) return;
    clearTimeout(this.later);
    const wait = (this.sentAt ?? 0) + SENDING - performance.now();
    if (!atOnce && wait > 0) {
      this.later = setTimeout(() => this.tell(kind, event, true), wait);
      return;
    }
    // Leaving has no place of its own: it repeats the last one, and is said only once.
    const place = event ? this.placeOf(event) : this.told;
    if (!place) return;
    this.told = event ? place : null;
    this.sentAt = performance.now();
    this.send({ pointer: { kind, x: place.x, y: place.y } });
  }

  placeOf(event) {
    const rect = this.canvas.getBoundingClientRect();
    return this.place(event.clientX - rect.left, event.clientY - rect.top);
  }
}
