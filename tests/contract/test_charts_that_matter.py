"""The charts that a subject calls the most telling are charts that its models draw."""

import pytest
from safetensors.numpy import load

from engine.families import families
from lab.kit.subject import recordings, subjects, words_of
from lab.runs import store


def drawn(name: str) -> set[str]:
    """The charts in the last picture of a recording."""
    at = store.folder(name)
    arrays = load(store.keyframe(at, store.keyframes(at)[-1]).read_bytes())
    return {array.split("/")[1] for array in arrays if array.split("/")[0] in ("curve", "stack")}


@pytest.mark.parametrize("name", recordings())
def test_of_several_charts_one_that_matters_is_large(name):
    charts = drawn(name)
    family = recordings()[name][0].family
    assert len(charts) == 1 or charts & set(words_of(families()[family]).charts)


def test_every_chart_that_matters_is_drawn_in_some_recording():
    named = {chart for one, _ in subjects().values() for chart in one.charts}
    assert named <= set().union(*map(drawn, recordings()))
