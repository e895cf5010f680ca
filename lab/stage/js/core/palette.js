// One colour, one meaning (Okabe and Ito): data blue, model orange, latent green, gradient purple, truth the colour of
// the text. `ink` is for lines and dots, `text` is a shade of the same hue that can be read as small letters. The critic
// (a GAN's D) is grey. The parts of a style's loss are shades of orange, from the finest layer (light) to the coarsest.

import { splitName } from "./names.js";

const ROLES = {
  light: {
    data: { ink: "#0072B2", text: "#00659E" },
    model: { ink: "#D55E00", text: "#B54A00" },
    latent: { ink: "#009E73", text: "#007555" },
    gradient: { ink: "#CC79A7", text: "#A3487B" },
    critic: { ink: "#7B808C", text: "#5F6470" },
    "style-1": { ink: "#FBD0A6", text: "#A35A14" },
    "style-2": { ink: "#F5A55F", text: "#A35210" },
    "style-3": { ink: "#E37A28", text: "#A34808" },
    "style-4": { ink: "#B54A00", text: "#A04000" },
    "style-5": { ink: "#752F00", text: "#752F00" },
  },
  dark: {
    data: { ink: "#56B4E9", text: "#6BBEEE" },
    model: { ink: "#E69F00", text: "#F0AE22" },
    latent: { ink: "#16B989", text: "#2CC79A" },
    gradient: { ink: "#D98BB6", text: "#E3A0C4" },
    critic: { ink: "#9BA1AD", text: "#B0B6C1" },
    "style-1": { ink: "#FFE3AE", text: "#FFE3AE" },
    "style-2": { ink: "#FAC65A", text: "#FAC65A" },
    "style-3": { ink: "#E69F00", text: "#F0AE22" },
    "style-4": { ink: "#B47800", text: "#DBA132" },
    "style-5": { ink: "#7D5000", text: "#C99A45" },
  },
};
const FIELD_ENDS = { light: [[230, 159, 0], [0, 114, 178]], dark: [[213, 94, 0], [0, 128, 200]] };
// Ten labels that can be told apart by most eyes, after Paul Tol's muted set: used for codes only.
const LABELS = {
  light: ["#332288", "#56A9D8", "#CC6677", "#117733", "#B89B1F", "#882255", "#44AA99", "#AA4499", "#7A7A2E", "#6E6E6E"],
  dark: ["#8E7FE6", "#88CCEE", "#F08A9B", "#3FB56A", "#E6D36F", "#D6578F", "#5FD3BF", "#D983CC", "#B5B54A", "#B4B4B4"],
};
export const CYCLE = ["data", "model", "latent", "gradient"];

/** Colours as the page has them now; read again whenever the theme may have changed. */
export function readPalette(element) {
  const css = getComputedStyle(element);
  const read = (name, otherwise) => css.getPropertyValue(name).trim() || otherwise;
  const background = rgb(read("--st-background-color", "#ffffff"));
  const text = rgb(read("--st-text-color", "#31333f"));
  const [r, g, b] = background;
  const mood = 0.2126 * r + 0.7152 * g + 0.0722 * b < 102 ? "dark" : "light";
  const roles = { ...ROLES[mood], truth: { ink: hex(text), text: hex(text) } };
  return {
    mood,
    roles,
    fieldEnds: FIELD_ENDS[mood],
    labels: LABELS[mood],
    background: hex(background),
    text: hex(text),
    textRgb: text,
    pageRgb: background,
    muted: hex(mix(background, text, 0.68)),
    faint: hex(mix(background, text, 0.16)),
    font: css.fontFamily || "sans-serif",
    name: `${hex(background)}${hex(text)}`,
  };
}

/** Any CSS colour as [r, g, b]. The canvas parses it for us. */
export function rgb(colour) {
  const ctx = new OffscreenCanvas(1, 1).getContext("2d");
  ctx.fillStyle = colour;
  ctx.fillRect(0, 0, 1, 1);
  return [...ctx.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

export function hex(parts) {
  return "#" + parts.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("");
}

export function mix(from, to, share) {
  return from.map((value, i) => value + (to[i] - value) * share);
}

/** As readPalette, and the root's own style follows it. */
export function wearPalette(root) {
  const palette = readPalette(root);
  root.dataset.mood = palette.mood;
  palette.labels.forEach((colour, label) => root.style.setProperty(`--label-${label}`, colour));
  return palette;
}

/** The meaning of a layer, from its name, unless the legend sentence gave it one. */
export function roleOf(name, given) {
  if (given && given !== "field") return given;
  const [kind, rest] = splitName(name);
  if (kind === "arrows") return "gradient";
  if (kind === "links" || kind === "circle") return "latent";
  if (/truth|best/i.test(rest)) return "truth";
  if (/discriminator/i.test(rest)) return "critic";
  if (/latent/i.test(rest)) return "latent";
  if (/real|data/i.test(rest)) return "data";
  return "model";
}

export function labelColour(palette, label) {
  return label < 0 ? palette.roles.data.ink : palette.labels[label];
}
