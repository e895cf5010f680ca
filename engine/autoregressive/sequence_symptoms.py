"""The detector of WaveNet, judged by the entropy of a sample given the one before it."""

from __future__ import annotations

from engine.autoregressive.sequence_measures import BIGRAM, TEST_SOUND
from engine.autoregressive.symptoms import Judged, judge
from engine.autoregressive.wavenet import SOUND, WaveNet
from engine.metrics.detector import Row, Symptom
from engine.metrics.ruler import DataFacts

SOUNDS = Judged(SOUND, TEST_SOUND, BIGRAM, "bits", "sample", "the entropy given one sample", "sample", 0.2)


def symptoms(family: type[WaveNet], rows: list[Row], data: DataFacts) -> list[Symptom]:
    """The symptom that these rows show; [] while there are too few to tell."""
    return judge(SOUNDS, rows)
