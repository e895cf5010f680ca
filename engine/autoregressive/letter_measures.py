"""What rows say of models of letters: bits per character of test words, and of n-grams; and known names."""

from __future__ import annotations

from functools import lru_cache

from engine.autoregressive.bars import ngram
from engine.autoregressive.letters import BITS, Letters
from engine.data import Dataset
from engine.metrics.measure import Measure, Steps
from engine.space import Text

TEST_BITS = Measure(
    f"test {BITS}", chart=BITS.chart, label="test", better="lower", role="data", digits=3, score=2
)
FIVEGRAM = Measure("5-gram", chart=BITS.chart, role="truth", digits=3)
KNOWN = Measure(
    "known names", chart="share of the written names that are in the training data", better="", role="model",
    digits=2, draw="number",
)  # fmt: skip
WORDS, MADE_UP = 400, 200  # test words, and words that are made up


def measure(model: Letters, data: Dataset) -> Steps:
    """The measures of a model of letters, on test words that are always the same."""
    x, y = data.some(WORDS, test=True)
    log_probs = model.log_probs(model.coded(x), model.told(y))
    test = model.loss(log_probs, x)[BITS].item()
    yield
    bar = ngram(data).bits(x, 5)
    yield
    words = model.space.words(model.sample(MADE_UP))
    share = sum(word in known(data) for word in words) / MADE_UP
    return {TEST_BITS: test, FIVEGRAM: bar, KNOWN: share}


@lru_cache(maxsize=2)
def known(data: Dataset) -> frozenset[str]:
    """The training words."""
    assert isinstance(data.space, Text)
    return frozenset(data.space.words(data.x))
