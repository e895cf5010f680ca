// The legend: a sentence whose coloured words switch their layer on and off. To rest on the word of
// a mesh shows how it comes from the plane of z.

import { make, setAll } from "../core/dom.js";
import { fill } from "../core/words.js";

const REST_TOUCH = 350; // ms

/** `act` has toggle(layer, on) and morph(layer or null). */
export function legendSentence(segments, words, act) {
  const sentence = make("p", { class: "legend" });
  for (const segment of segments) {
    if (typeof segment === "string") sentence.append(segment);
    else sentence.append(legendWord(segment, words, act));
  }
  return sentence;
}

function legendWord(segment, words, act) {
  const morphs = segment.layer.startsWith("mesh/");
  const says = fill(morphs ? words.morphSays : words.layerSays, { layer: segment.words });
  const button = make("button", { type: "button", class: `word ${segment.role ?? ""}`, "aria-pressed": String(!segment.off), title: says, "data-layer": segment.layer }, segment.words);
  if (/^label-/.test(segment.role)) button.style.setProperty("--own", `var(--${segment.role})`);
  button.addEventListener("click", (event) => {
    if (button.held) return void (button.held = false); // the end of a long touch is no click
    const on = button.getAttribute("aria-pressed") !== "true";
    setAll(button, { "aria-pressed": String(on) });
    act.morph(null);
    act.toggle(segment.layer, on);
  });
  if (morphs) listenForRest(button, segment.layer, act);
  return button;
}

function listenForRest(button, layer, act) {
  let waiting;
  const on = (name, then) => button.addEventListener(name, then);
  const touch = (event) => event.pointerType === "touch";
  on("pointerenter", (event) => touch(event) || act.morph(layer));
  on("focus", () => button.matches(":focus-visible") && act.morph(layer));
  on("pointerdown", (event) => {
    button.held = false;
    if (touch(event)) waiting = setTimeout(() => (act.morph(layer), (button.held = true)), REST_TOUCH);
  });
  for (const name of ["pointerleave", "pointercancel", "blur"]) {
    on(name, () => {
      clearTimeout(waiting);
      act.morph(null);
    });
  }
  on("contextmenu", (event) => button.held && event.preventDefault());
}
