// Small pictures on a canvas of as many pixels as they have.

/** A picture of bytes (high, wide[, 3]) on a canvas of as many pixels; CSS makes it larger. */
export function paintGrey(canvas, bytes, high, wide) {
  const channels = bytes.length / (high * wide);
  paintPixels(canvas, high, wide, (i) => [0, 1, 2].map((c) => bytes[i * channels + Math.min(c, channels - 1)]));
}

export function paintPixels(canvas, high, wide, colour) {
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const ctx = canvas.getContext("2d");
  const image = ctx.createImageData(wide, high);
  for (let i = 0; i < high * wide; i++) image.data.set([...colour(i), 255], 4 * i);
  ctx.putImageData(image, 0, 0);
}

export function paintShaped(canvas, { shape: [high, wide], data }) {
  paintGrey(canvas, data, high, wide);
}

/** What comes as text, as bytes. */
export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
}
