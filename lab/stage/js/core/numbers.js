// Numbers as they are written: short, with real minus signs, raised and lowered.

/** 12345 -> "12,345" */
export function count(n) {
  return grouping(0).format(Math.round(n));
}

/** A measured number, short enough to sit beside a curve. */
export function short(value) {
  if (!Number.isFinite(value)) return "not a number";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1000) return signed(String(value));
  if (size >= 1000) return signed(count(value));
  if (size < 0.001) return powerOfTen(value);
  return signed(value.toPrecision(3));
}

/** 0.00012 -> "1.2\u00b710\u207b\u2074" */
export function powerOfTen(value) {
  const [front, power] = value.toExponential(1).split("e");
  const raised = [...power].map((one) => (one === "-" ? "\u207b" : "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079"[one])).join("");
  return `${signed(front)}\u00b710${raised}`;
}

/** Hyphens that mean minus become minus signs: "-E[log(1 - D)]", but not "high-quality". */
export function signed(text) {
  return text.replace(/(?<![A-Za-z0-9])-|(?<=\de)-/g, "\u2212");
}

/** 12 -> "\u2081\u2082" */
export function subscript(number) {
  return [...String(number)].map((digit) => String.fromCharCode(0x2080 + Number(digit))).join("");
}

/** A vector as it is written: (0.12, \u22121.03, ...); of a long one only the first three numbers. */
export function vector(values) {
  const some = [...values].slice(0, values.length > 4 ? 3 : 4).map((one) => fixed(one, 2));
  return `(${some.join(", ")}${values.length > some.length ? ", \u2026" : ""})`;
}

/** A number with so many decimals: a real minus sign, and none before zero. */
export function fixed(value, digits) {
  const text = value.toFixed(digits);
  return signed(Number(text) === 0 ? (0).toFixed(digits) : text);
}

/** A number with so many decimals and a comma at every thousand. */
export function grouped(value, digits) {
  return signed(grouping(digits).format(value));
}

const groupings = []; // by decimals: to make one takes longer than to use it

function grouping(digits) {
  return (groupings[digits] ??= new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
}

/** A rate: no decimals when it is large, one when it is small. */
export function rate(value) {
  return value >= 10 ? count(value) : value.toFixed(1);
}

/** The number between two ends that is nearest. */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
