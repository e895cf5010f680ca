// What is measured: its colour and its decimals, as the frames declare, and its name, if the page gives no other.
// `look` has the page's `words`, the `measures` that frames declared so far, and (for a colour) the `palette`.

import { fixed, grouped, short, signed } from "./numbers.js";

/** The meaning of a measure's colour, or undefined where nobody gives one that the palette knows. */
export function measureRole(name, { measures, palette }) {
  const role = measures?.[name]?.role;
  return palette.roles[role] ? role : undefined;
}

/** What a measure is called: `kind` is that of the label which may say it, "term" or "number". */
export function measureLabel(kind, name, { words, measures }) {
  return words[`${kind}/${name}`] ?? signed(measures?.[name]?.label ?? name);
}

/** The title of a chart. One of curves has a name of its own; one of `bars` has that of what it measures. */
export function chartTitle(name, bars, { words, measures }) {
  const given = words[`chart/${name}`] ?? (bars ? measures?.[name]?.label : undefined);
  return given ?? signed(name.charAt(0).toUpperCase() + name.slice(1));
}

/** Names in the order in which their measures were declared, then as they came; `of` says the measures of a name. */
export function inDeclaredOrder(names, measures, of = (name) => [name]) {
  const declared = Object.keys(measures ?? {});
  const place = (name) => (declared.includes(name) ? declared.indexOf(name) : declared.length);
  const rank = (name) => Math.min(declared.length, ...of(name).map(place));
  return [...names].sort((a, b) => rank(a) - rank(b));
}

/** A measured value with the decimals that were declared, else as short as it may be. */
export function measureText(value, name, { measures }) {
  const digits = measures?.[name]?.digits;
  if (digits === undefined || digits === null || !Number.isFinite(value)) return short(value);
  return Math.abs(value) < 1000 ? fixed(value, digits) : grouped(value, digits);
}
