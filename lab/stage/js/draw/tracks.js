// What is written over time, in a grid: strokes of a pen, waves of sound, words.

import { clip, lettering, pen, rule } from "./pen.js";

const TIGHT = 6; // px between tiles
const LEAST_LETTER = 11; // px
const LARGEST_LETTER = 22;

export const TRACKS = ["strokes", "wave", "words"];
/** Width over height of a panel. */
export const TRACK_ASPECTS = { strokes: 1, wave: 0.8, words: 0.8 };

const PAINTERS = { strokes: paintStrokes, wave: paintWaves, words: paintWords };

/** Paint an array of one of these kinds in an area. */
export function paintTracks(ctx, kind, item, area, look, name) {
  clip(ctx, area);
  PAINTERS[kind](ctx, item, area, look, name);
  ctx.restore();
}

/** n tiles in a grid of about this aspect of a tile: where the i-th lies. */
function gridOf(n, area, aspect = 1) {
  const columns = Math.max(1, Math.min(n, Math.round(Math.sqrt((n * area.w) / (area.h * aspect)))));
  const rows = Math.ceil(n / columns);
  const [w, h] = [(area.w - TIGHT * (columns - 1)) / columns, (area.h - TIGHT * (rows - 1)) / rows];
  return { columns, rows, at: (i) => ({ x: area.x + (i % columns) * (w + TIGHT), y: area.y + Math.floor(i / columns) * (h + TIGHT), w, h }) };
}

/** Strokes (n, T, 3): places x to the right, y upwards, and 1 where the pen is lifted after a place. */
function paintStrokes(ctx, { shape: [n, length], values }, area, look, name) {
  const wide = aspectOfStrokes(values, length, n);
  const grid = gridOf(n, area, wide);
  for (let i = 0; i < n; i++) paintPen(ctx, values.subarray(3 * i * length, 3 * (i + 1) * length), grid.at(i), look.palette.roles[look.role(name)].ink);
}

function aspectOfStrokes(values, length, n) {
  let most = 1;
  for (let i = 0; i < n; i++) {
    const [x0, x1, y0, y1] = extent(values.subarray(3 * i * length, 3 * (i + 1) * length));
    if (y1 > y0) most = Math.max(most, (x1 - x0) / (y1 - y0));
  }
  return Math.min(most, 8);
}

function extent(places) {
  const box = [Infinity, -Infinity, Infinity, -Infinity];
  for (let t = 0; t < places.length; t += 3) {
    const [x, y] = [places[t], places[t + 1]];
    if (!Number.isFinite(x + y)) continue;
    box[0] = Math.min(box[0], x);
    box[1] = Math.max(box[1], x);
    box[2] = Math.min(box[2], y);
    box[3] = Math.max(box[3], y);
  }
  return box;
}

/** One drawing in a rectangle, as large as it fits. */
function paintPen(ctx, places, { x, y, w, h }, colour, width = Math.max(1, Math.min(2.4, h / 24))) {
  const [x0, x1, y0, y1] = extent(places);
  if (!(x1 >= x0)) return;
  const scale = 0.84 * Math.min(w / Math.max(x1 - x0, 1e-6), h / Math.max(y1 - y0, 1e-6));
  const [left, low] = [x + (w - scale * (x1 - x0)) / 2, y + (h + scale * (y1 - y0)) / 2];
  pen(ctx, colour, width);
  ctx.lineJoin = ctx.lineCap = "round";
  ctx.beginPath();
  let down = false;
  for (let t = 0; t < places.length; t += 3) {
    const [px, py] = [left + scale * (places[t] - x0), low - scale * (places[t + 1] - y0)];
    if (!Number.isFinite(px + py)) break;
    if (down) ctx.lineTo(px, py);
    else ctx.moveTo(px, py);
    down = places[t + 2] < 0.5;
  }
  ctx.stroke();
}

/** Waves (n, T) in [-1, 1], one above the other; of the samples under one pixel the lowest and the highest. */
function paintWaves(ctx, { shape: [n, length], values }, area, look, name) {
  const grid = gridOf(n, area, 4);
  for (let i = 0; i < n; i++) paintWave(ctx, values.subarray(i * length, (i + 1) * length), grid.at(i), look.palette.roles[look.role(name)].ink, look.palette.faint);
}

function paintWave(ctx, wave, { x, y, w, h }, colour, line) {
  const middle = y + h / 2;
  pen(ctx, line, 1);
  rule(ctx, x, middle, x + w, middle);
  pen(ctx, colour, 1);
  ctx.beginPath();
  const columns = Math.max(1, Math.floor(w));
  for (let c = 0; c < columns; c++) {
    const [from, to] = [Math.floor((c * wave.length) / columns), Math.max(1 + Math.floor((c * wave.length) / columns), Math.floor(((c + 1) * wave.length) / columns))];
    let [low, high] = [Infinity, -Infinity];
    for (let t = from; t < to; t++) {
      low = Math.min(low, wave[t]);
      high = Math.max(high, wave[t]);
    }
    if (!Number.isFinite(low + high)) continue;
    ctx.moveTo(x + c + 0.5, middle - (high * h) / 2 - 0.5);
    ctx.lineTo(x + c + 0.5, middle - (low * h) / 2 + 0.5);
  }
  ctx.stroke();
}

/** Words, as bytes of UTF-8 with a new line between two of them, in columns. */
function paintWords(ctx, item, area, look, name) {
  const words = wordsOf(item.values);
  const longest = Math.max(...words.map((word) => word.length), 1);
  let size = LARGEST_LETTER;
  let columns = 1;
  for (; size > LEAST_LETTER; size -= 1) {
    columns = Math.max(1, Math.floor(area.w / (0.62 * size * longest + 12)));
    if (Math.ceil(words.length / columns) * size * 1.45 <= area.h) break;
  }
  const rows = Math.max(1, Math.floor(area.h / (size * 1.45)));
  lettering(ctx, look.palette, `${size}px`, "left", "middle", look.palette.roles[look.role(name)].text);
  const wide = area.w / columns;
  words.slice(0, rows * columns).forEach((word, i) => {
    ctx.fillText(word, area.x + (i % columns) * wide + 4, area.y + (Math.floor(i / columns) + 0.5) * size * 1.45, wide - 8);
  });
}

/** The words of an array of bytes. */
function wordsOf(bytes) {
  return new TextDecoder().decode(Uint8Array.from(bytes)).split("\n");
}
