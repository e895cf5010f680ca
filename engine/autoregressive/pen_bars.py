"""Bars that models of handwriting must pass: Gaussians of a whole digit, and steps without memory."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from engine.autoregressive.handwriting import dequantized
from engine.data import Dataset, floats
from engine.space import Pen, Script

SEED = 0
UNIFORM = math.log2(Pen.levels)
"""Bits per coordinate if all levels are equally likely: 6.658."""


class Bars(NamedTuple):
    """Bits per coordinate of the test digits, by Gaussians fitted on the training digits."""

    one: float  # one Gaussian for all digits
    mixture: float  # one for each label, summed over labels
    given: float  # that of the digit's own label


class Gaussians(NamedTuple):
    """A Gaussian of all coordinates of a digit for each label, and how frequent it is."""

    each: MultivariateNormal  # a batch of them
    log_prior: Tensor  # (labels,)

    def log_probs(self, x: Tensor) -> Tensor:
        """log p(x, y) of digits (n, T, 2) with each label, (n, labels)."""
        return self.each.log_prob(x.flatten(1).double()[:, None]) + self.log_prior

    def read(self, x: Tensor) -> Tensor:
        """The likeliest label of each digit, (n,)."""
        return self.log_probs(x).argmax(1)


def fitted(parts: list[Tensor]) -> Gaussians:
    """One Gaussian for each of these sets of digits (n, T, 2)."""
    flat = [part.flatten(1).double() for part in parts]
    mean, covariance = torch.stack([x.mean(0) for x in flat]), torch.stack([x.T.cov() for x in flat])
    counts = torch.tensor([len(x) for x in flat], dtype=torch.float64)
    return Gaussians(MultivariateNormal(mean, covariance), (counts / counts.sum()).log())


def noisy(x: Tensor, data: Dataset) -> Tensor:
    """Digits with noise as wide as a level, always the same, in float64."""
    assert isinstance(data.space, Pen)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return dequantized(floats(x).cpu().double(), data.space)


@lru_cache(maxsize=4)
def reader(data: Dataset) -> Gaussians:
    """What tells the labels of digits: a Gaussian for each. It is right for 95.9 % of the test digits."""
    assert data.y is not None
    x = noisy(data.x, data)
    return fitted([x[data.y.cpu() == label] for label in range(data.space.classes)])


@lru_cache(maxsize=4)
def bars(data: Dataset) -> Bars:
    """The bars of these data; the last two are only known with labels."""
    x = noisy(data.test_x, data)
    one = fitted([noisy(data.x, data)]).log_probs(x)
    if data.test_y is None:
        return Bars(in_bits(one.mean(), data), math.nan, math.nan)
    each, y = reader(data), data.test_y.cpu()
    both = each.log_probs(x)
    given = (both - each.log_prior).gather(1, y[:, None])
    return Bars(*(in_bits(v.mean(), data) for v in (one, both.logsumexp(1), given)))


def in_bits(log_prob: Tensor, data: Dataset) -> float:
    """Bits per coordinate, in units of a level, from the mean of log p of whole digits."""
    return -log_prob.item() / data.space.size / math.log(2) + math.log2((Pen.levels - 1) / 2)


@lru_cache(maxsize=4)
def memoryless(data: Dataset) -> float:
    """Nats per step of test words whose steps are drawn independently: from one Gaussian, with lifts as
    frequent as in training."""
    space = data.space
    assert isinstance(space, Script)
    x, test = ((v := floats(part).cpu().double())[space.inked(v)] for part in (data.x, data.test_x))
    steps = MultivariateNormal(x[:, :2].mean(0), x[:, :2].T.cov())
    lift = torch.distributions.Bernoulli(x[:, 2].mean())
    return -(steps.log_prob(test[:, :2]) + lift.log_prob(test[:, 2])).mean().item()
