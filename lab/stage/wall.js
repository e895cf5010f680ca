// A wall: the small pictures of many models, in rows and columns, with the values that differ.

const NAMED_FROM = 44; // px; a smaller panel has no room for its score

/** How many rows and columns: as the axes say, or nearly square where there is one axis. */
function wallShape(wall) {
  const n = wall.rows.values.length;
  if (wall.columns) return { n: n * wall.columns.values.length, rows: n, columns: wall.columns.values.length };
  const columns = Math.ceil(Math.sqrt(n));
  return { n, rows: Math.ceil(n / columns), columns };
}

function wallPanelAspect(wall) {
  const { rows, columns } = wallShape(wall);
  return (columns + 0.4) / (rows + (wall.columns ? 0.4 : 0.2 * rows));
}

/** What member i has of its own: [[axis, value], ...]. */
function memberValues(wall, i) {
  if (!wall.columns) return [[wall.rows, wall.rows.values[i]]];
  const across = wall.columns.values.length;
  return [[wall.rows, wall.rows.values[Math.floor(i / across)]], [wall.columns, wall.columns.values[i % across]]];
}

function valueText(value) {
  return value !== 0 && Math.abs(value) < 1e-4 ? powerOfTen(value) : signed(String(value));
}

/** Squares with room for the values beside them; the rows' name stands upright at the left. */
function wallGrid(wall, area, ctx, look) {
  const shape = wallShape(wall);
  ctx.font = `13px ${look.palette.font}`;
  const widest = Math.max(...wall.rows.values.map((value) => ctx.measureText(valueText(value)).width));
  const left = wall.columns ? 22 + widest + 6 : 0;
  const top = wall.columns ? 40 : 20;
  const foot = wall.columns ? 0 : 18; // below each panel of a wall of one axis stands its value
  const gap = area.w / shape.columns > 70 ? 6 : 3;
  const side = Math.max(8, Math.min((area.w - left) / shape.columns, (area.h - top) / shape.rows - foot) - gap);
  const from = { x: area.x + left + Math.max(0, (area.w - left - shape.columns * (side + gap)) / 2), y: area.y + top };
  const x = (i) => from.x + (i % shape.columns) * (side + gap);
  const y = (i) => from.y + Math.floor(i / shape.columns) * (side + foot + gap);
  return { ...shape, side, left, foot, from, x, y };
}

function memberAt(grid, px, py) {
  for (let i = 0; i < grid.n; i++) {
    const [x, y] = [px - grid.x(i), py - grid.y(i)];
    if (x >= 0 && x <= grid.side && y >= 0 && y <= grid.side + grid.foot) return i;
  }
  return -1;
}

function paintWall(ctx, panel, layers, look) {
  const grid = wallGrid(look.wall, panel.area, ctx, look);
  nameAxes(ctx, grid, panel.area, look);
  for (let i = 0; i < grid.n; i++) {
    paintMember(ctx, i, { x: grid.x(i), y: grid.y(i), w: grid.side, h: grid.side }, layers, look);
    if (look.under?.name === "wall" && look.under.index === i) {
      ctx.strokeStyle = look.palette.text;
      ctx.lineWidth = 1.5;
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

/** Member i in a square: field, data, fakes or pictures, and a frame that tells how good it is. */
function paintMember(ctx, i, area, layers, look) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(area.x, area.y, area.w, area.h);
  ctx.clip();
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
    item.cache = fieldImage({ ...item, shape: [n * rows, columns] }, look, false);
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
  ctx.lineWidth = width;
  ctx.strokeStyle = known ? hex(mix(palette.pageRgb, palette.textRgb, 0.16 + 0.84 * share)) : palette.muted;
  ctx.setLineDash(lost ? [4, 4] : []);
  ctx.strokeRect(area.x + width / 2, area.y + width / 2, area.w - width, area.h - width);
  ctx.setLineDash([]);
  const text = lost ? words.wallDiverged : known ? memberScore(wall, layers, i) : "";
  if (!text || area.w < NAMED_FROM) return;
  ctx.font = `600 ${area.w < 80 ? 11 : 13}px ${palette.font}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "alphabetic";
  const [x, y] = [area.x + area.w - width - 3, area.y + area.h - width - 4];
  const room = Math.min(ctx.measureText(text).width, area.w - 2 * width - 6);
  ctx.globalAlpha = 0.8;
  ctx.fillStyle = palette.background;
  ctx.fillRect(x - room - 3, y - 12, room + 6, 16);
  ctx.globalAlpha = 1;
  ctx.fillStyle = palette.text;
  ctx.fillText(text, x, y, room);
}

/** How good member i is, from 0 to 1. */
function memberShare({ score }, layers, i) {
  const value = layers.items.get("wall/score")?.values[i] ?? NaN;
  return Number.isFinite(value) ? clamp((value - score.worst) / (score.best - score.worst), 0, 1) : NaN;
}

/** "8/8" modes; or a divergence. */
function memberScore({ score }, layers, i) {
  const value = layers.items.get("wall/score").values[i];
  return score.name === "modes" ? `${value}/${score.best}` : value.toFixed(2);
}

/** Under the pointer: the panel enlarged, and its values. */
function readWall(panel, layers, look, px, py, touch) {
  const grid = wallGrid(look.wall, panel.area, new OffscreenCanvas(1, 1).getContext("2d"), look);
  const index = memberAt(grid, px, py);
  if (index < 0) return null;
  const { wall, words } = look;
  const lines = memberValues(wall, index).map(([axis, value]) => `${axis.label}: ${valueText(value)}`);
  if (wall.diverged.includes(index)) lines.push(words.wallDiverged);
  else if (Number.isFinite(memberShare(wall, layers, index))) {
    lines.push(fill(words[wall.score.name === "modes" ? "wallModes" : "wallJS"], { score: memberScore(wall, layers, index) }));
  }
  lines.push(touch ? words.wallTap : words.wallOpen);
  const paint = (canvas) => paintMember(sharpen(canvas, 190, 190), index, { x: 0, y: 0, w: 190, h: 190 }, layers, look);
  return { lines, under: { name: "wall", index }, tile: { paint } };
}
