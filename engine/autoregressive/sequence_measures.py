"""What rows say of WaveNet: bits per sample of sounds, beside the entropies that it must pass; and leaks."""

from __future__ import annotations

import math

import torch

from engine.autoregressive.bars import entropies
from engine.autoregressive.influence import LEAKS, OUTPUTS, leaks, spaced
from engine.autoregressive.wavenet import SOUND, WaveNet, mean
from engine.data import Dataset, floats
from engine.metrics.measure import Measure, Steps

TEST_SOUND = Measure(
    "bits per sample, all sounds", chart=SOUND.chart, label="all sounds", better="lower", role="data", score=2
)
MARGINAL = Measure("entropy of a sample", chart=SOUND.chart, role="truth", digits=2)
BIGRAM = Measure("entropy given the sample before", chart=SOUND.chart, role="critic", digits=2)
CLIPS = 10  # sounds that are measured, at most


def measure(model: WaveNet, data: Dataset) -> Steps:
    """The measures of WaveNet. There is one take of each sound, so these are the training sounds."""
    x, y = floats(data.x[:CLIPS]), None if data.y is None else data.y[:CLIPS]
    k, bits = model.coded(x), []
    for i in range(len(k)):
        bits.append(-model.log_probs(k[i : i + 1], model.told(None if y is None else y[i : i + 1])))
        yield
    sound = mean(torch.cat(bits) / math.log(2), model.space.sounding(x)).item()
    marginal, bigram = entropies(data, model.K)
    label = None if y is None or not model.conditional else y[0]
    start = int(model.space.sounding(x[:1]).sum()) // 2  # in the middle of a sound, so that there is a past
    places = [start + i for i in spaced(model, OUTPUTS) if start + i < model.D]
    itself = later = 0
    for place in places or spaced(model, OUTPUTS):  # one by one, because a sound is long
        yield
        found = leaks(model, k[0], [place], label)
        itself, later = itself + found[0], later + found[1]
    return {TEST_SOUND: sound, MARGINAL: marginal, BIGRAM: bigram, LEAKS: [itself, later]}
