// The picture on a stage as a file, and the film of all that its run has kept, painted beside the page.

import { count } from "../core/numbers.js";
import { fill } from "../core/words.js";
import { Layers } from "../draw/layers.js";
import { lettering, smooth } from "../draw/pen.js";
import { decodePhoto } from "../draw/pixels.js";
import { Sheets } from "../plane/sheets.js";
import { arrange, paintPanel, panelsOf } from "../stage/panels.js";
import { animated } from "./webp.js";

const PATIENCE = 15000; // ms, for kept pictures that are still on their way
const LONGEST = 960; // px, of a film
const FOOT = 26; // px below a film's picture, where its round stands
const LENGTH = 6000; // ms of a film
const REST = 2000; // ms, of its last picture
const QUALITY = 0.9;
const PHOTO = "photo/result";
const NOBODY = { draw: () => {}, end: () => {} }; // followed in a film

export const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** The picture that a stage shows, as PNG; of photographs the result, as large as it is. Null where there is none yet. */
export async function pictureOf({ screen }) {
  const shown = screen.photos.of(PHOTO) ?? (screen.frames ? screen.canvas : null);
  if (!shown) return null;
  const [canvas] = page(shown.width, shown.height, screen.palette);
  canvas.getContext("2d").drawImage(shown, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/** The kept pictures of a run, one after the other. Null where there are none; `unable` where the browser writes no WebP. */
export async function filmOf(stage, heard) {
  const kept = await keptBy(stage);
  if (kept.length < 2) return null;
  const { screen } = stage;
  const paint = await painterOf(kept, screen);
  const stills = [];
  for (const picture of kept) {
    const blob = await (await paint(picture)).convertToBlob({ type: "image/webp", quality: QUALITY });
    if (blob.type !== "image/webp") return "unable";
    stills.push(new Uint8Array(await blob.arrayBuffer()));
    heard(stills.length / kept.length);
  }
  const step = Math.round(LENGTH / (kept.length - 1));
  const durations = kept.map((_, i) => (i < kept.length - 1 ? step : REST));
  return animated(stills, durations, paint.wide, paint.high);
}

/** All that the run has kept until now; what the page has not seen yet is asked for. */
async function keptBy(stage) {
  const { history, data: { run } } = stage;
  const rounds = [...history.rounds];
  const until = performance.now() + PATIENCE;
  while (rounds.some((round) => history.rounds.includes(round) && !history.frames.has(round))) {
    if (stage.data.run !== run || performance.now() > until) throw new Error("lost");
    stage.askHistory();
    await wait(100);
  }
  return rounds.map((round) => history.frames.get(round)).filter(Boolean);
}

/** A function that paints a kept picture, all of one size. */
async function painterOf(kept, screen) {
  const last = kept.at(-1).arrays.get(PHOTO);
  const photo = last && (await decodePhoto(last.data));
  const [w, h] = photo ? [photo.width, photo.height] : ["width", "height"].map((side) => parseFloat(screen.canvas.style[side]));
  const scale = Math.min(photo ? 1 : screen.canvas.width / w, LONGEST / Math.max(w, h));
  const [wide, high] = [w * scale, h * scale + FOOT].map(Math.round);
  const paint = async (picture) => {
    const [canvas, ctx] = page(wide, high, screen.palette);
    lettering(ctx, screen.palette, "600 14px", "left", "middle");
    ctx.fillText(fill(screen.words.round, { unit: screen.unit(), round: count(picture.meta.round) }), 8, high - FOOT / 2);
    ctx.scale(scale, scale);
    if (photo) await paintPhotograph(ctx, picture, w, h);
    else await paintPicture(ctx, picture, screen, w, h);
    return canvas;
  };
  return Object.assign(paint, { wide, high });
}

async function paintPhotograph(ctx, { arrays }, w, h) {
  const photo = await decodePhoto(arrays.get(PHOTO)?.data ?? new Uint8Array());
  smooth(ctx);
  if (photo) ctx.drawImage(photo, 0, 0, w, h);
  photo?.close();
}

/** As the stage would, in the same place where it has the same panels. */
async function paintPicture(ctx, { meta, arrays, measures }, screen, w, h) {
  const layers = new Layers();
  layers.show(arrays, 0, 0);
  const box = meta.box ?? screen.box;
  const panels = panelsOf(layers, box ?? [-1, 1, -1, 1], meta.wall, screen.words, screen.photos);
  const names = (some) => some.map((one) => one.name).join();
  const same = names(panels) === names(screen.panels);
  const placed = same ? screen.panels : arrange(panels, w, h, panels.length > 1).placed;
  const sheets = await sheetsOf(layers);
  const now = { box, measures, sheets, wall: meta.wall, round: meta.round, trail: NOBODY, under: null, rests: true };
  for (const panel of placed) paintPanel(ctx, panel, layers, { ...screen.looks(panels.length > 1), ...now });
}

/** What comes compressed must be read before it can be painted. */
async function sheetsOf(layers) {
  if (!layers.items.has("atlas/size")) return new Sheets(() => {});
  return new Promise((done) => {
    const sheets = new Sheets(() => done(sheets));
    if (sheets.of("decoder", layers) || !layers.items.has("atlas/decoder")) done(sheets);
    setTimeout(() => done(sheets), 2000); // a damaged one
  });
}

/** A canvas in the colour of the page, and its context. */
function page(wide, high, palette) {
  const canvas = new OffscreenCanvas(wide, high);
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = palette.background;
  ctx.fillRect(0, 0, wide, high);
  return [canvas, ctx];
}
