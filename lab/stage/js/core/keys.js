// The keyboard: space trains or pauses, "." and the right arrow make one step. The stage gives more keys a meaning.

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

let lastUsed = null; // which stage the keys go to while nothing on the page has the focus

const WANTS_KEYS = "a, button, input, textarea, select, summary, [contenteditable], [role]:not(main):not(section)";

export class Keys {
  constructor(root, controls, allowed, more = {}) {
    this.root = root;
    this.controls = controls;
    this.allowed = allowed;
    this.more = more;
    this.gone = new AbortController();
    const { signal } = this.gone;
    document.addEventListener("keydown", (event) => this.pressed(event), { signal });
    for (const name of ["pointerenter", "focusin"]) root.addEventListener(name, () => (lastUsed = this));
    lastUsed ??= this;
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.mine(event)) return;
    const target = event.composedPath()[0].tagName;
    const others = (event.key === "Enter" && target === "BUTTON") || (event.key.startsWith("Arrow") && target === "INPUT");
    if (!others && this.more[event.key]?.(event) === true) return event.preventDefault(); // it was for this alone
    if (!this.allowed()) return;
    const arrow = event.key === "ArrowRight" && target !== "INPUT";
    const { play, step } = this.controls();
    if (event.key === " " && target !== "BUTTON") this.click(event, play);
    else if (event.key === "." || arrow) this.click(event, step);
  }

  /** For this stage: focus is inside it, or on nothing that would want the key itself. */
  mine(event) {
    if (event.composedPath().includes(this.root)) return true;
    const focus = document.activeElement;
    return lastUsed === this && !focus?.shadowRoot && !focus?.closest(WANTS_KEYS);
  }

  click(event, button) {
    if (button.hidden || button.disabled) return;
    event.preventDefault();
    button.click();
  }

  close() {
    this.gone.abort();
    if (lastUsed === this) lastUsed = null;
  }
}
