"""A recorded sound as bytes of the mu-law, as the lab's own sounds are stored."""

from __future__ import annotations

import io
import wave

import numpy as np

from engine.config import Refused

RATE = 4000  # samples a second
LONGEST = 30  # seconds
PEAK = 0.9164  # of the lab's own sounds
SILENT, ONSET = 0.003, 0.03  # amplitudes of 1: nothing louder is silence; where a sound begins
MU = 255


def read_sound(source: bytes) -> np.ndarray:
    """A WAV file as one channel of RATE samples a second, from where it begins to sound, as loud as the lab's
    own: bytes (T,) of the mu-law. Raises `Refused`."""
    if not source:
        raise Refused("The file is empty. Record the sound again, and save it as a WAV file.")
    x, rate = opened(source)
    if not len(x):
        raise Refused("The file holds no sound, not one sample. Record it again.")
    if len(x) > LONGEST * rate:
        raise Refused(f"This sound has {len(x) / rate:.0f} seconds; bring one of at most {LONGEST}.")
    x = resampled(x - x.mean(), rate)
    if not len(x) or np.abs(x).max() < SILENT:
        raise Refused("This sound is silent. Record it again, nearer to the microphone.")
    x = x * (PEAK / np.abs(x).max())
    x = x[np.argmax(np.abs(x) > ONSET) :]
    value = np.sign(x) * np.log1p(MU * np.abs(x)) / np.log1p(MU)
    return np.floor((value + 1) / 2 * 255 + 0.5).astype(np.uint8)


def opened(source: bytes) -> tuple[np.ndarray, int]:
    """The amplitudes (n,) of a WAV file, as the mean of its channels in [-1, 1], and its rate."""
    try:
        with wave.open(io.BytesIO(source)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            held = np.frombuffer(file.readframes(file.getnframes()), np.uint8)
    except (wave.Error, EOFError) as error:
        raise Refused(f"This is no WAV file of plain numbers (PCM): {error or 'it ends too soon'}. Save the "
                      "sound as WAV, 16 bits.") from error  # fmt: skip
    if width not in (1, 2, 3, 4) or not 1000 <= rate <= 400_000:
        raise Refused(f"This WAV file has {8 * width} bits and {rate:,} samples a second. Save the sound as "
                      "WAV, 16 bits, with 44,100 samples a second.")  # fmt: skip
    held = held[: len(held) // (channels * width) * channels * width].reshape(-1, channels, width)
    if width == 1:
        return (held[..., 0].astype(float) - 128).mean(1) / 128, rate
    whole = np.zeros((*held.shape[:2], 4), np.uint8)
    whole[..., 4 - width :] = held
    return whole.view("<i4")[..., 0].mean(1) / 2**31, rate


def resampled(x: np.ndarray, rate: int) -> np.ndarray:
    """The same sound with RATE samples a second, without the frequencies that these cannot have."""
    n = len(x) * RATE // rate
    x = np.pad(x, (0, rate))  # its end is not to ring at its beginning
    m = len(x) * RATE // rate
    return np.fft.irfft(np.fft.rfft(x)[: m // 2 + 1], m)[:n] * m / len(x)
