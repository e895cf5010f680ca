// What is decoded at the place that is looked at: a large tile, its z in numbers, and the way walked.

import { lettering, marker, polyline } from "../draw/pen.js";
import { WALK_TILES } from "./hand.js";
import { cellAt, decodedPoint, placeSays } from "./latent.js";
import { drawTile } from "./sheets.js";

const DECODED_LINE = 22; // px of a line of words

export function paintDecoded(ctx, panel, layers, look) {
  const sheet = look.sheets.of("decoder", layers);
  if (!sheet) return;
  const { area } = panel;
  const { hand, palette, words } = look;
  const { place, code } = hand.now();
  const strip = area.w / WALK_TILES;
  const tests = code >= 0 ? look.sheets.of("tests", layers) : null;
  const high = area.h - 2 * DECODED_LINE - strip - 8;
  const cell = cellAt(layers, place);
  const large = Math.min(area.w, high + (tests ? 0 : DECODED_LINE));
  if (tests) {
    const side = Math.min((area.w - 12) / 2, large);
    const sliced = layers.items.get("axes/plane").target[2] > 2; // then the plane does not pass through the code
    const top = area.y + DECODED_LINE + (high - side) / 2;
    captioned(ctx, tests, code, area.x + area.w / 2 - 6 - side, top, side, words.original, palette.roles.data.text, palette);
    captioned(ctx, sheet, cell, area.x + area.w / 2 + 6, top, side, sliced ? words.sliced : words.restored, palette.roles.model.text, palette);
  } else drawTile(ctx, sheet, cell, area.x + (area.w - large) / 2, area.y, large);
  lettering(ctx, palette, "14px", "center", "middle");
  const y = area.y + area.h - strip - 8 - DECODED_LINE / 2;
  ctx.fillText(placeSays(layers, words, place), area.x + area.w / 2, y, area.w);
  hand.path.forEach((one, i) => drawTile(ctx, sheet, cellAt(layers, one), area.x + i * strip + 1, area.y + area.h - strip, strip - 2));
}

function captioned(ctx, sheet, index, x, y, side, text, colour, palette) {
  drawTile(ctx, sheet, index, x, y, side);
  lettering(ctx, palette, "600 13px", "center", "alphabetic", colour);
  ctx.fillText(text, x + side / 2, y - 6, side);
}

/** Of points: where the decoder puts the z that is looked at, and the way walked. */
export function paintDecodedPoint(ctx, layers, map, look) {
  const { hand, palette } = look;
  if (!hand || !decodedPoint(layers, hand.now().place)) return;
  const at = (place) => decodedPoint(layers, place).map((value, i) => (i ? map.y(value) : map.x(value)));
  polyline(ctx, hand.path.map(at), palette.text, 2);
  marker(ctx, at(hand.now().place), palette);
}
