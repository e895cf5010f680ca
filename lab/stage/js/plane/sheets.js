// Sheets of tiles that come compressed: the atlas of what the decoder makes of the plane, and the test pictures.

import { smooth } from "../draw/pen.js";
import { decodePhoto } from "../draw/pixels.js";

export class Sheets {
  /** `ready()` is called when a sheet has been read. */
  constructor(ready) {
    this.ready = ready;
    this.kept = new Map(); // name -> {bytes, sheet}
  }

  /** The tiles of atlas/<name>, {canvas, rows, columns, w, h}: the old ones while new ones are read, null before. */
  of(name, layers) {
    const item = layers.items.get(`atlas/${name}`);
    const size = layers.items.get("atlas/size");
    if (!item || !size) {
      this.kept.delete(name);
      return null;
    }
    const kept = this.kept.get(name) ?? { sheet: null };
    this.kept.set(name, kept);
    if (kept.bytes !== item.target) this.read(name, kept, item.target, [...size.target]);
    return kept.sheet;
  }

  async read(name, kept, bytes, [columns, rows, h, w]) {
    kept.bytes = bytes;
    const picture = await decodePhoto(bytes);
    if (!picture) return;
    if (kept.bytes === bytes) {
      const canvas = name === "decoder" ? unpackTiles(picture, rows, columns, h, w) : drawnOn(picture);
      kept.sheet = { canvas, rows: canvas.height / h, columns: canvas.width / w, w, h };
      this.ready();
    }
    picture.close();
  }
}

function drawnOn(picture, options) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d", options).drawImage(picture, 0, 0);
  return canvas;
}

/** Pixels come sorted by their place in the tile, for so they are smallest: put each tile's together again. */
function unpackTiles(picture, rows, columns, h, w) {
  const ctx = drawnOn(picture, { willReadFrequently: true }).getContext("2d");
  const packed = new Uint32Array(ctx.getImageData(0, 0, picture.width, picture.height).data.buffer);
  const wide = columns * w;
  const tiles = new Uint32Array(packed.length);
  for (let y = 0, at = 0; y < h; y++) {
    for (let row = 0; row < rows; row++) {
      for (let x = 0; x < w; x++) {
        for (let column = 0; column < columns; column++) tiles[(row * h + y) * wide + column * w + x] = packed[at++];
      }
    }
  }
  const canvas = new OffscreenCanvas(wide, rows * h);
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(tiles.buffer), wide, rows * h), 0, 0);
  return canvas;
}

/** Draw tile number `index` of a sheet in a square of `side` pixels. */
export function drawTile(ctx, sheet, index, x, y, side) {
  const { w, h, columns } = sheet;
  const scale = side / Math.max(w, h);
  smooth(ctx, scale * (window.devicePixelRatio || 1) < 1);
  const [left, top] = [(index % columns) * w, Math.floor(index / columns) * h];
  ctx.drawImage(sheet.canvas, left, top, w, h, x + (side - w * scale) / 2, y + (side - h * scale) / 2, w * scale, h * scale);
}
