// Pictures that move: still WebP files put together as one. https://developers.google.com/speed/webp/docs/riff_container

const MOVES = 0x02; // of the flags: it is an animation
const DROPS = 0x02; // of a frame: it replaces what was there

/** One file of still ones (Uint8Array) of w x h pixels; each is shown for so many ms, again and again. */
export function animated(stills, durations, w, h) {
  const size = [...bytes(w - 1, 3), ...bytes(h - 1, 3)];
  const frames = stills.map((still, i) => chunk("ANMF", [...bytes(0, 6), ...size, ...bytes(durations[i], 3), DROPS], ...pixelsOf(still)));
  const whole = [text("WEBP"), chunk("VP8X", [MOVES, 0, 0, 0, ...size]), chunk("ANIM", bytes(0, 6)), ...frames];
  return new Blob([chunk("RIFF", ...whole)], { type: "image/webp" });
}

/** The chunks that hold the pixels of a still file. */
function pixelsOf(still) {
  const view = new DataView(still.buffer, still.byteOffset);
  const chunks = [];
  for (let at = 12; at < still.length; ) {
    const end = at + 8 + view.getUint32(at + 4, true);
    const name = String.fromCharCode(...still.subarray(at, at + 4));
    if (["ALPH", "VP8 ", "VP8L"].includes(name)) chunks.push(still.subarray(at, end), new Uint8Array(end % 2));
    at = end + (end % 2);
  }
  return chunks;
}

/** A name, a length, and an even number of bytes. */
function chunk(name, ...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(8 + length + (length % 2));
  whole.set([...text(name), ...bytes(length, 4)]);
  let at = 8;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function text(letters) {
  return [...letters].map((one) => one.charCodeAt(0));
}

/** A number as so many bytes, the smallest first. */
function bytes(number, n) {
  return Array.from({ length: n }, (_, i) => Math.floor(number / 256 ** i) % 256);
}
