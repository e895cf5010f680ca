// One member of a wall: its small picture, and a frame that tells how good it is.

import { clamp } from "../core/numbers.js";
import { hex, mix } from "../core/palette.js";
import { mapping } from "../draw/box.js";
import { fieldImage } from "../draw/draw.js";
import { clip, lettering, pen } from "../draw/pen.js";
import { imageAtlas } from "../draw/tiles.js";
import { memberScore, memberShare } from "./grid.js";

const NAMED_FROM = 44; // px; a smaller panel has no room for its score

/** Member i in a square: field, data, fakes or pictures, and a frame that tells how good it is. */
export function paintMember(ctx, i, area, layers, look) {
  clip(ctx, area, 0);
  const shown = (name) => (look.isOff(name) ? undefined : layers.items.get(name));
  const [field, real, fake, images] = ["wall/field", "wall/real", "wall/points", "wall/images"].map(shown);
  if (field) paintMemberField(ctx, i, field, area, look);
  if (real) dotted(ctx, real.values, 0, real.shape[0], area, look, "data", 0.3);
  if (fake) dotted(ctx, fake.values, i * fake.shape[1], fake.shape[1], area, look, look.role("wall/points"), 0.85);
  if (images) paintMemberImages(ctx, i, images, area);
  ctx.restore();
  frameMember(ctx, i, area, layers, look);
}

function paintMemberField(ctx, i, item, area, look) {
  const [n, rows, columns] = item.shape;
  const stamp = `${item.version}${look.palette.name}`;
  if (item.painted !== stamp) {
    item.cache = fieldImage({ ...item, shape: [n * rows, columns] }, look, null);
    item.painted = stamp;
  }
  ctx.imageSmoothingEnabled = true;
  // Values sit on nodes, so half a cell at each edge lies outside the box; the last member is on top.
  ctx.drawImage(item.cache, 0.5, (n - 1 - i) * rows + 0.5, columns - 1, rows - 1, area.x, area.y, area.w, area.h);
}

/** Small squares: of thousands of points nobody sees the shape. */
function dotted(ctx, values, first, n, area, look, role, alpha) {
  const map = mapping(look.box, area);
  const size = clamp(area.w / 45, 1.4, 4);
  ctx.fillStyle = look.palette.roles[role].ink;
  ctx.globalAlpha = alpha;
  for (let i = 2 * first; i < 2 * (first + n); i += 2) {
    const [x, y] = [map.x(values[i]), map.y(values[i + 1])];
    if (Number.isFinite(x + y)) ctx.fillRect(x - size / 2, y - size / 2, size, size);
  }
  ctx.globalAlpha = 1;
}

function paintMemberImages(ctx, i, item, area) {
  const [n, k, high, wide, ...channels] = item.shape;
  if (item.painted !== item.version) {
    item.cache = imageAtlas({ ...item, shape: [n * k, high, wide, ...channels] });
    item.painted = item.version;
  }
  const across = Math.round(Math.sqrt(k));
  const side = area.w / across;
  for (let j = 0; j < k; j++) {
    const [x, y] = [area.x + (j % across) * side, area.y + Math.floor(j / across) * side];
    ctx.drawImage(item.cache, 0, (i * k + j) * high, wide, high, x, y, side, side);
  }
}

/** The more modes, the stronger the frame. */
function frameMember(ctx, i, area, layers, look) {
  const { palette, wall, words } = look;
  const lost = wall.diverged.includes(i);
  const share = lost ? NaN : memberShare(wall, layers, i);
  const known = Number.isFinite(share);
  const width = known ? clamp(area.w / 32, 2, 4) : 1;
  pen(ctx, known ? hex(mix(palette.pageRgb, palette.textRgb, 0.16 + 0.84 * share)) : palette.muted, width);
  ctx.setLineDash(lost ? [4, 4] : []);
  ctx.strokeRect(area.x + width / 2, area.y + width / 2, area.w - width, area.h - width);
  ctx.setLineDash([]);
  const text = lost ? words.wallDiverged : known ? memberScore(wall, layers, i) : "";
  if (!text || area.w < NAMED_FROM) return;
  lettering(ctx, palette, `600 ${area.w < 80 ? 11 : 13}px`, "right");
  const [x, y] = [area.x + area.w - width - 3, area.y + area.h - width - 4];
  const room = Math.min(ctx.measureText(text).width, area.w - 2 * width - 6);
  ctx.globalAlpha = 0.8;
  ctx.fillStyle = palette.background;
  ctx.fillRect(x - room - 3, y - 12, room + 6, 16);
  ctx.globalAlpha = 1;
  ctx.fillStyle = palette.text;
  ctx.fillText(text, x, y, room);
}
