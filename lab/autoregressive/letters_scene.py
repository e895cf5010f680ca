"""The scene of models of letters: words that the model makes up."""

from __future__ import annotations

import numpy as np

from engine.autoregressive.letters import Letters
from engine.data import Dataset
from lab.scenes.arrays import Arrays, Pointer

WORDS = 40


def draw(model: Letters, data: Dataset, full: bool, pointer: Pointer) -> Arrays:
    """Words of the model; those of no letters are a hyphen."""
    words = [word or "-" for word in model.space.words(model.sample(WORDS))]
    return {"words/samples": np.frombuffer("\n".join(words).encode(), np.uint8)}
