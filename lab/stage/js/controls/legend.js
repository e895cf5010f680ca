// The legend: a sentence whose coloured words switch their layers. To rest on a mesh's word bends the plane of z into it.

import { make, makeButton, setAll } from "../core/dom.js";
import { fill } from "../core/words.js";

const REST_TOUCH = 350; // ms

/** `act` has toggle(layer, on) and morph(layer or null). */
export function legendSentence(segments, words, act) {
  return make("p", { class: "legend" }, ...segments.map((one) => (typeof one === "string" ? one : legendWord(one, words, act))));
}

/** Write the sentence into its holder; nothing where there is none. */
export function writeLegend(holder, segments, words, act) {
  holder.replaceChildren(...(segments.length ? [legendSentence(segments, words, act)] : []));
}

function legendWord({ layer, words: text, role, off }, words, act) {
  const morphs = layer.startsWith("mesh/");
  const title = fill(morphs ? words.morphSays : words.layerSays, { layer: text });
  const pressed = () => {
    if (button.held) return void (button.held = false); // the end of a long touch is no click
    const on = button.getAttribute("aria-pressed") !== "true";
    setAll(button, { "aria-pressed": String(on) });
    act.morph(null);
    act.toggle(layer, on);
  };
  const button = makeButton(null, text, pressed, { class: `word ${role ?? ""}`, "aria-pressed": String(!off), title, "data-layer": layer });
  if (/^label-/.test(role)) button.style.setProperty("--own", `var(--${role})`);
  if (morphs) listenForRest(button, layer, act);
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
