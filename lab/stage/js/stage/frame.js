// How the stage uses the window: the picture as large as it can be while the buttons stay in sight, and the charts beside or below it.

import { clamp } from "../core/numbers.js";
import { arrange } from "./panels.js";

const GUTTER = 20; // px, between picture and charts
const BESIDE = { least: 190, share: 0.3, most: 440 }; // px, of the charts at the side
const STRIP = 104; // px, of the charts below
const NARROW = 560; // px; on a phone charts come after all else
const SMALLEST = 0.47; // of the window's height
const PRESENTED = 0.7;
const LEGEND = 0.12; // of the window's height are kept for the legend
const MARGINS = 30; // px
const SHARED_BAR = 72; // px, at the foot of the window, where stages stand side by side
const COMPACT = { charts: 170, smallest: 0.24 }; // px for the charts that are to be in the window too, and a share of its height

/** {placed, width, height, charts, ...}: where the panels stand, and where the charts have their place. Null while there is no room. */
export function roomFor(screen, panels, captions) {
  const { root } = screen;
  const [wide, zoom] = [root.clientWidth, root.currentCSSZoom ?? 1];
  if (!wide) return null;
  const high = highest(screen, zoom);
  const put = (width, tallest) => framed(arrange(panels, width, tallest, captions), tallest);
  const alone = { ...put(wide, high), charts: "", chartsWide: wide, chartsHigh: Infinity, zoom }; // what charts there are come last
  if (!screen.charts.figures.size || wide < NARROW) return alone;
  const side = clamp(BESIDE.share * wide, BESIDE.least, BESIDE.most);
  const narrower = put(wide - GUTTER - side, high);
  const beside = { ...narrower, charts: "beside", chartsWide: wide - GUTTER - narrower.width, chartsHigh: narrower.height, zoom };
  if (root.dataset.presented) return beside.area > 0.98 * alone.area ? beside : alone;
  const least = SMALLEST * (window.innerHeight / zoom);
  const strip = { ...put(wide, Math.max(high - STRIP - GUTTER / 2, least)), charts: "strip", chartsWide: wide, chartsHigh: STRIP, zoom };
  const fits = (one) => one.area > 0 && one.height >= Math.min(0.96 * least, high); // a picture is to be high before it is wide
  const bySide = fits(beside) === fits(strip) ? beside.area >= strip.area : fits(beside);
  return bySide ? beside : strip;
}

/** With what the panels fill: nothing, where they are higher than they may be. */
function framed({ placed, height }, tallest) {
  const left = Math.min(...placed.map(({ area }) => area.x));
  for (const { area } of placed) area.x -= left;
  const width = Math.ceil(Math.max(...placed.map(({ area }) => area.x + area.w)));
  const area = height > tallest + 1 ? 0 : placed.reduce((sum, { area: { w, h } }) => sum + w * h, 0);
  return { placed, width, height: Math.ceil(height), area };
}

/** How high the picture may be, in the stage's own pixels. */
function highest({ root, numbers, beneath }, zoom) {
  const window_ = window.innerHeight / zoom;
  if (root.dataset.presented) return PRESENTED * window_;
  const scrolled = document.querySelector("[data-testid=stMain]")?.scrollTop ?? 0;
  const top = (root.getBoundingClientRect().top + scrolled) / zoom;
  const { controls, legend, shared } = beneath;
  const compact = root.closest("[data-compact]");
  const below = (compact ? COMPACT.charts : 0) + controls.offsetHeight + numbers.element.offsetHeight + Math.min(legend.offsetHeight, LEGEND * window_);
  return Math.max(window_ - top - below - (shared ? SHARED_BAR : 0) - MARGINS, (compact ? COMPACT.smallest : SMALLEST) * window_);
}
