"""What rows say of models of pixels: -log p(x) of test pictures, that of independent pixels, and leaks."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from engine.autoregressive.influence import LEAKS, OUTPUTS, leaks, spaced
from engine.autoregressive.pixels import NATS, Pixels
from engine.data import Dataset, floats
from engine.metrics.measure import Measure, Steps
from engine.space import Picture

TEST = Measure(
    "test nats per picture", chart=NATS.chart, label="test", unit="nats", better="lower", role="data",
    digits=1, score=2,
)  # fmt: skip
BAR = Measure(
    "independent pixels", chart=NATS.chart, says="−log p(x) of independent pixels", unit="nats", digits=1,
    role="truth",
)  # fmt: skip
BITS = Measure(
    "bits per pixel", chart="bits per pixel of test pictures", better="lower", role="data", digits=3,
    draw="number",
)  # fmt: skip
EXAMPLES, PART = 64, 32  # test pictures, and how many go through a net at once


def measure(model: Pixels, data: Dataset) -> Steps:
    """The measures of a model of pixels, on test pictures that are always the same."""
    k, y = examples(model, data, EXAMPLES)
    nats = []
    for part in range(0, len(k), PART):
        here = slice(part, part + PART)
        nats.append(-model.log_probs(k[here], model.told(y[here] if y is not None else None)).sum(1))
        yield
    test = torch.cat(nats).mean().item()
    p = independent(data, model.K)
    bar = -p.to(k.device).log()[torch.arange(model.D, device=k.device), k].sum(1).mean().item()
    found = leaks(model, k[0], spaced(model, OUTPUTS), None if y is None or not model.conditional else y[0])
    return {TEST: test, BAR: bar, BITS: model.bits(test), LEAKS: list(found)}


def examples(model: Pixels, data: Dataset, n: int) -> tuple[Tensor, Tensor | None]:
    """Test pictures as whole numbers (n, D), drawn with a noise of their own, and their labels."""
    x, y = data.some(n, test=True)
    k = model.coded(x.cpu(), torch.Generator().manual_seed(0)).to(x.device)
    return k, y


@lru_cache(maxsize=8)
def independent(data: Dataset, K: int) -> Tensor:
    """The probabilities (D, K) of each pixel's values in the training pictures, as if pixels had nothing to
    do with one another; each value is counted once more (Laplace)."""
    x, space = floats(data.x).cpu(), data.space
    assert isinstance(space, Picture)
    if K == 2 and not space.palette:  # pixels are drawn: what is expected of them
        white = ((x.flatten(1) + 1) / 2).sum(0)
        counts = torch.stack([len(x) - white, white], 1)
    else:
        k = torch.cat([space.coded(part, K).flatten(1) for part in x.split(1000)])
        counts = torch.stack([(k == value).sum(0) for value in range(K)], 1).to(x.dtype)
    return (counts + 1) / (len(x) + K)
