// A reel: a few small pictures of a run, fetched once, and played by drawing what lies between two of them.

import { labelColour } from "../core/palette.js";
import { fieldImage } from "../draw/draw.js";
import { mapping } from "../draw/box.js";
import { clip, polyline, smooth } from "../draw/pen.js";
import { decodePhoto, fitted, paintPhoto } from "../draw/pixels.js";
import { firstImages } from "../draw/thumbs.js";
import { paintImages } from "../draw/tiles.js";
import { paintTracks, TRACKS } from "../draw/tracks.js";
import { decodeFrame } from "../live/wire.js";

const DOT = 1.1; // px

/** The reel of a run, or null if it has no picture; `most` = 1 asks for the last picture only. */
export async function fetchReel(run, most) {
  const url = new URL(`../../../reel/${encodeURIComponent(run)}`, import.meta.url);
  if (most) url.search = `?most=${most}`;
  const answer = await fetch(url);
  return answer.status === 200 ? new Reel(decodeFrame(await answer.arrayBuffer())).ready() : null;
}

class Reel {
  constructor({ meta, arrays }) {
    this.meta = meta;
    this.kind = meta.kind;
    this.frames = meta.rounds.map((_, i) => framed(arrays, `${i}/`));
  }

  /** Photographs must be read before they can be drawn. */
  async ready() {
    for (const frame of this.frames) {
      const photo = frame.get("photo/result");
      if (photo) photo.picture = await decodePhoto(photo.data);
    }
    return this;
  }

  /** Draw what is `at` (1.5: halfway from the second picture to the third) in a rectangle of a canvas. */
  draw(ctx, area, at, palette) {
    const first = Math.min(Math.floor(at), this.frames.length - 1);
    const share = Math.min(at - first, 1);
    const [from, to] = [this.frames[first], this.frames[Math.min(first + 1, this.frames.length - 1)]];
    PAINTERS[this.kind]?.(ctx, area, { from, to, share, palette, box: this.meta.box });
  }
}

function framed(arrays, prefix) {
  const own = [...arrays].filter(([name]) => name.startsWith(prefix));
  return new Map(own.map(([name, array]) => [name.slice(prefix.length), array]));
}

/** The values of an array on the way from one picture to the next. */
function between({ from, to, share }, name) {
  const [start, end] = [from.get(name), to.get(name)];
  if (!start || !end) return null;
  const values = Float32Array.from(start.data, (value, i) => value + (end.data[i] - value) * share);
  return { shape: start.shape, values };
}

/** A square of the world in the middle of the area. */
function worldIn(ctx, area, box) {
  const square = fitted(area, (box[1] - box[0]) / (box[3] - box[2]));
  clip(ctx, square, 4);
  return mapping(box, square);
}

function dots(ctx, map, item, colour) {
  ctx.fillStyle = colour;
  for (let i = 0; i < item.shape[0]; i++) dot(ctx, map, item.values, i);
}

function dot(ctx, map, values, i) {
  const [x, y] = [map.x(values[2 * i]), map.y(values[2 * i + 1])];
  ctx.fillRect(x - DOT, y - DOT, 2 * DOT, 2 * DOT);
}

function paintField(ctx, { area }, show, name) {
  const item = between(show, name);
  if (!item) return;
  const { palette } = show;
  const ink = /density/.test(name) ? [...palette.modelRgb] : null;
  const image = fieldImage({ ...item, values: item.values.map((value) => value / 255) }, { palette }, ink, ink ? 1 : undefined);
  smooth(ctx);
  ctx.drawImage(image, area.x, area.y, area.w, area.h);
}

const PAINTERS = {
  "points/fake"(ctx, area, show) {
    const map = worldIn(ctx, area, show.box ?? [-3, 3, -3, 3]);
    for (const name of show.to.keys()) if (name.startsWith("field/")) paintField(ctx, map, show, name);
    for (const [name, role] of [["points/real", "data"], ["points/fake", "model"]]) {
      const item = between(show, name);
      if (item) dots(ctx, map, item, show.palette.roles[role].ink);
    }
    ctx.restore();
  },

  "codes/test"(ctx, area, show) {
    const item = between(show, "codes/test");
    const labels = show.to.get("codes/label")?.data;
    const map = worldIn(ctx, area, [...(between(show, "box/plane")?.values ?? [-3, 3, -3, 3])]);
    for (let i = 0; i < item.shape[0]; i++) {
      ctx.fillStyle = labels ? labelColour(show.palette, labels[i]) : show.palette.roles.latent.ink;
      dot(ctx, map, item.values, i);
    }
    ctx.restore();
  },

  "images/samples"(ctx, area, { from, to, share }) {
    for (const [frame, alpha] of [[from, 1], [to, share]]) {
      const array = frame.get("images/samples");
      array.tiles ??= firstImages(array, array.shape[0]);
      ctx.globalAlpha = alpha;
      if (alpha > 0) paintImages(ctx, array.tiles, area);
    }
    ctx.globalAlpha = 1;
  },

  ...Object.fromEntries(TRACKS.map((kind) => [`${kind}/samples`, (ctx, area, { from, to, share, palette }) => {
    const { data, shape } = (share < 0.5 ? from : to).get(`${kind}/samples`);
    paintTracks(ctx, kind, { shape, values: data }, area, { palette, role: () => "model" }, "");
  }])),

  "line/model density"(ctx, area, show) {
    const map = mapping(show.box ?? [-4, 4, 0, 1], area);
    clip(ctx, area, 4);
    for (const [name, role] of [["line/truth density", "data"], ["line/model density", "model"]]) {
      const item = between(show, name);
      if (!item) continue;
      const places = Array.from({ length: item.shape[0] }, (_, i) => [map.x(item.values[2 * i]), map.y(item.values[2 * i + 1])]);
      polyline(ctx, places, show.palette.roles[role].ink, 1.8);
    }
    ctx.restore();
  },

  "photo/result"(ctx, area, { from, to, share }) {
    for (const [frame, alpha] of [[from, 1], [to, share]]) {
      const { picture } = frame.get("photo/result");
      ctx.globalAlpha = alpha;
      if (picture && alpha > 0) paintPhoto(ctx, fitted(area, picture.width / picture.height), picture);
    }
    ctx.globalAlpha = 1;
  },
};
