"""What rows say of models of handwriting: their loss beside a bar, and whether what they write is varied and
can be read."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engine.autoregressive.handwriting import COORDINATE, Handwriting, bits
from engine.autoregressive.handwriting_synthesis import STEP
from engine.autoregressive.pen_bars import bars, memoryless, noisy, reader
from engine.autoregressive.writer import Writer
from engine.data import Dataset
from engine.metrics.measure import Measure, Steps

TEST_COORDINATE = Measure(
    f"test {COORDINATE}", chart=COORDINATE.chart, label="test", better="lower", role="data", digits=2, score=2
)
GAUSSIANS = Measure("Gaussians", chart=COORDINATE.chart, role="truth", digits=2)
ON_LEVELS = Measure("bits on the levels themselves", chart="spike", better="", role="data", digits=2)
TEST_STEP = Measure(
    f"test {STEP}", chart=STEP.chart, label="test", better="lower", role="data", digits=2, score=2
)
MEMORYLESS = Measure("steps without memory", chart=STEP.chart, role="truth", digits=2)
VARIETY = Measure(
    "variety", chart="spread of what is written, as a share of the data's", better="", role="model", digits=2,
    draw="number",
)  # fmt: skip
READ = Measure(
    "reads as asked", chart="share of the written digits that are read as their label", better="higher",
    role="model", digits=2, draw="number",
)  # fmt: skip
DIGITS, SCRIPTS, WRITTEN, COPIES = 500, 100, 200, 12  # test digits, test words; digits, copies of a word


def measure(model: Writer, data: Dataset) -> Steps:
    """The measures of a model of handwriting, on test examples that are always the same."""
    if isinstance(model, Handwriting):
        return (yield from of_digits(model, data))
    x, y = data.some(SCRIPTS, test=True)
    test = model.loss(model.losses(x, y), model.steps(x))[STEP].item()
    yield
    return {TEST_STEP: test, MEMORYLESS: memoryless(data)} | (yield from of_word(model, x, y))


def of_digits(model: Handwriting, data: Dataset) -> Steps:
    """The measures of a model of digits. Noise as wide as a level is added to the test digits, whatever the
    model is trained on."""
    x, y = data.some(DIGITS, test=True)
    honest = bits(model.losses(noisy(x, data).to(x), y), model.space).item()
    spike = bits(model.losses(x, y), model.space).item()
    yield
    bar = bars(data)
    yield
    asked = model.asked(WRITTEN, None)
    for now in model.walk(WRITTEN, asked):
        written = now.x
        yield
    found: dict[str, Any] = {
        TEST_COORDINATE: honest, ON_LEVELS: spike,
        GAUSSIANS: bar.given if model.conditional else bar.mixture if data.y is not None else bar.one,
        VARIETY: spread(written, asked) / spread(x, y if model.conditional else None),
    }  # fmt: skip
    if asked is not None:
        found[READ] = (reader(data).read(written.cpu()) == asked.cpu()).double().mean().item()
    return found


def spread(x: Tensor, y: Tensor | None) -> float:
    """The standard deviation of coordinates around their mean; with labels around that of each label."""
    parts = [x] if y is None else [x[y == label] for label in y.unique()]
    return torch.cat([part - part.mean(0) for part in parts]).square().mean().sqrt().item()


def of_word(model: Writer, x: Tensor, y: Tensor | None) -> Steps:
    """How far copies of one word spread, step by step, over the part that the first test word has: as a share
    of the spread of the data's steps."""
    assert y is not None
    inked = model.inked(model.steps(x))
    first = int(inked[0].sum())
    for now in model.written(COPIES, y[:1].expand(COPIES, -1)):
        yield
        if now.steps.shape[1] == first:
            break
    copies, steps = now.steps[..., :2], x[inked][:, :2]
    share = (copies - copies.mean(0)).square().mean() / (steps - steps.mean(0)).square().mean()
    return {VARIETY: share.sqrt().item()}
