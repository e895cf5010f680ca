// A wall: the small pictures of many models, in rows and columns, with the values that differ.

import { sharpen } from "../core/dom.js";
import { fill } from "../core/words.js";
import { pen } from "../draw/pen.js";
import { tileAt } from "../draw/tiles.js";
import { memberScore, memberShare, memberValues, valueText, wallGrid } from "./grid.js";
import { paintMember } from "./member.js";

export function paintWall(ctx, panel, layers, look) {
  const grid = wallGrid(look.wall, panel.area, ctx, look);
  nameAxes(ctx, grid, panel.area, look);
  for (let i = 0; i < grid.n; i++) {
    paintMember(ctx, i, { x: grid.x(i), y: grid.y(i), w: grid.side, h: grid.side }, layers, look);
    if (look.under?.name === "wall" && look.under.index === i) {
      pen(ctx, look.palette.text, 1.5);
      ctx.strokeRect(grid.x(i) - 2.5, grid.y(i) - 2.5, grid.side + 5, grid.side + 5);
    }
  }
}

function nameAxes(ctx, grid, area, look) {
  const { rows, columns } = look.wall;
  const write = (text, x, y, most, strong) => {
    ctx.font = `${strong ? "600 " : ""}13px ${look.palette.font}`;
    ctx.fillStyle = strong ? look.palette.text : look.palette.muted;
    ctx.fillText(text, x, y, most);
  };
  const wide = grid.x(grid.columns - 1) + grid.side - grid.from.x;
  const high = grid.y(grid.n - 1) + grid.side - grid.from.y;
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "center";
  write((columns ?? rows).label, grid.from.x + wide / 2, area.y + 13, area.w, true);
  if (!columns) {
    for (let i = 0; i < grid.n; i++) write(valueText(rows.values[i]), grid.x(i) + grid.side / 2, grid.y(i) + grid.side + 14, grid.side);
    return;
  }
  columns.values.forEach((value, i) => write(valueText(value), grid.x(i) + grid.side / 2, area.y + 33, grid.side));
  ctx.save();
  ctx.translate(grid.from.x - grid.left + 12, grid.from.y + high / 2);
  ctx.rotate(-Math.PI / 2);
  write(rows.label, 0, 0, high, true);
  ctx.restore();
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  rows.values.forEach((value, i) => write(valueText(value), grid.from.x - 7, grid.y(i * grid.columns) + grid.side / 2));
}

/** Under the pointer: the panel enlarged, and its values. */
export function readWall(panel, layers, look, px, py, touch) {
  const grid = wallGrid(look.wall, panel.area, new OffscreenCanvas(1, 1).getContext("2d"), look);
  const index = tileAt(grid, px, py);
  if (index < 0) return null;
  const { wall, words } = look;
  const lines = memberValues(wall, index).map(([axis, value]) => `${axis.label}: ${valueText(value)}`);
  if (wall.diverged.includes(index)) lines.push(words.wallDiverged);
  else if (Number.isFinite(memberShare(wall, layers, index))) {
    const { name, unit } = wall.score;
    lines.push(fill(words.wallScore, { name, score: memberScore(wall, layers, index), unit }).trim());
  }
  lines.push(touch ? words.wallTap : words.wallOpen);
  const paint = (canvas) => paintMember(sharpen(canvas, 190, 190), index, { x: 0, y: 0, w: 190, h: 190 }, layers, look);
  return { lines, under: { name: "wall", index }, tile: { paint } };
}
