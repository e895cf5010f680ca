// Sounds as numbers: levels of the mu-law, amplitudes, more samples a second, and files.

import { clamp } from "../core/numbers.js";

const MU = 255;
const TAPS = 8; // samples on each side of a new one from which it is made
const GAIN = 0.9; // of full scale

/** The amplitude in [-1, 1] whose value under the mu-law this is. */
export function amplitudeOf(v) {
  return (Math.sign(v) * Math.expm1(Math.abs(v) * Math.log1p(MU))) / MU;
}

/** The nearest of K levels to a value in [-1, 1]. */
export function levelOf(v, K) {
  return clamp(Math.floor(((v + 1) / 2) * (K - 1) + 0.5), 0, K - 1);
}

/** The value in [-1, 1] that a level stands for. */
export function valueOf(k, K) {
  return (k / (K - 1)) * 2 - 1;
}

/** A sound as a loudspeaker plays it, with so many `times` more samples a second: between its own lie values without
 * frequencies that it has not (Lanczos). */
export function finer(v, times) {
  const given = Float32Array.from(v, amplitudeOf);
  const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  const kernels = Array.from({ length: times }, (_, r) => {
    const kernel = Array.from({ length: 2 * TAPS }, (_, j) => sinc(r / times - (j - TAPS + 1)) * sinc((r / times - (j - TAPS + 1)) / TAPS));
    const sum = kernel.reduce((a, b) => a + b, 0);
    return kernel.map((one) => one / sum);
  });
  return Float32Array.from({ length: given.length * times }, (_, at) => {
    const first = Math.floor(at / times) - TAPS + 1;
    const sum = kernels[at % times].reduce((total, share, j) => total + share * (given[first + j] ?? 0), 0);
    return GAIN * clamp(sum, -1, 1);
  });
}

/** A WAV file of 16 bits with one channel. */
export function wavOf(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const word = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  const long = (at, value) => view.setUint32(at, value, true);
  const short = (at, value) => view.setUint16(at, value, true);
  word(0, "RIFF");
  long(4, 36 + 2 * samples.length);
  word(8, "WAVEfmt ");
  long(16, 16);
  short(20, 1); // plain numbers
  short(22, 1); // channel
  long(24, rate);
  long(28, 2 * rate);
  short(32, 2);
  short(34, 16);
  word(36, "data");
  long(40, 2 * samples.length);
  samples.forEach((one, i) => view.setInt16(44 + 2 * i, Math.round(32767 * one), true));
  return view.buffer;
}

/** A sound as a question carries it: the level of each sample, in base64. */
export function base64Of(v, K) {
  return btoa(Array.from(v, (one) => String.fromCharCode(levelOf(one, K))).join(""));
}

/** The bytes in base64 as values in [-1, 1]. */
export function valuesOf(text) {
  return Float32Array.from(atob(text), (letter) => valueOf(letter.charCodeAt(0), 256));
}
