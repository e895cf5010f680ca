"""The detector of models of letters, judged by the 5-gram."""

from __future__ import annotations

from engine.autoregressive.letter_measures import FIVEGRAM, TEST_BITS
from engine.autoregressive.letters import BITS, Letters
from engine.autoregressive.symptoms import Judged, judge
from engine.metrics.detector import Row, Symptom
from engine.metrics.ruler import DataFacts

CHARACTERS = Judged(BITS, TEST_BITS, FIVEGRAM, "bits", "test character", "the 5-gram", "letter", 0.0)


def symptoms(family: type[Letters], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """The symptom that these rows show; [] while there are too few to tell."""
    return judge(CHARACTERS, rows)
