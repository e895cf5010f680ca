"""One number has one source: all sentences on a round tell the numbers of that round's row."""

import re

import pytest

from engine import data
from engine.families import find
from engine.flow.base import NLL, TEST
from engine.flow.measures import KL
from engine.metrics.measure import LEFT_OUT
from engine.metrics.observe import SHARES
from engine.metrics.ruler import DISTANCE, HIGH_QUALITY, JS, MODES
from lab.kit.subject import words_of
from lab.kit.verdict import diagnosis, judged_by, left_out, newest, unlike_its_knobs, verdict
from lab.runs import store

ABOVE = re.compile(r"(−?[\d.]+) nat above")


@pytest.fixture(autouse=True)
def at_home(settled, home, monkeypatch):
    monkeypatch.setenv("GENLAB_HOME", str(home))


def run_of(family: str, name: str, rows: list[dict]) -> str:
    config = find(family).configure(data.load(name).space).model_dump()
    at = store.create({"family": family, "data": name, "seed": 0, "config": config})
    store.write_rows(at / "metrics.jsonl", rows)
    judged_by(name).result()
    return at.name


@pytest.mark.parametrize("round", [None, 512])
@pytest.mark.parametrize(
    "above",
    [[0.04] * 11 + [0.077], [2 * 0.8**i for i in range(12)], [0.6] * 11 + [0.65], [0.02] * 11 + [-0.003]],
)
def test_the_verdict_and_the_formula_tell_one_number(above, round):
    rows = [{"round": 64 * i, NLL: 1 + v, TEST[NLL]: 1 + v, KL: v} for i, v in enumerate(above, 1)]
    run = run_of("real-nvp", "moons", rows)
    row = newest(run, round)
    formula = words_of(find("real-nvp")).now(run, row)
    said = [*ABOVE.findall(verdict(run, round)), *ABOVE.findall(formula)]
    assert said == [f"{row[KL]:.3f}".replace("-", "−")] * 2


def test_all_is_told_of_the_round_that_is_asked_for():
    facts = judged_by("ring").result()
    good = {SHARES: facts.shares, MODES: 8.0, HIGH_QUALITY: 0.98, DISTANCE: 0.05}
    rows = [{"round": 64 * i, JS: 1.0 / i} | good for i in range(1, 13)]
    rows[3][LEFT_OUT] = ["JS is left out because it is infinite."]
    run = run_of("gan", "ring", rows)
    assert newest(run)["round"] == newest(run, 9999)["round"] == 768
    assert newest(run, 300)["round"] == 256
    assert newest(run, 63) is None
    assert left_out(run, 256) == left_out(run, 319) == rows[3][LEFT_OUT]
    assert left_out(run, 320) == left_out(run) == []
    assert diagnosis(run, 256) is None  # too few measurements by then
    assert "JS 0.11 bits" in verdict(run, 576)
    assert verdict(run, 576).startswith("At round 576:")
    for newer in (768, 9999, None):
        assert "JS 0.08 bits" in verdict(run, newer)
        assert "At round" not in verdict(run, newer)


def test_a_recording_says_in_what_it_was_trained_otherwise_than_its_knobs_say():
    assert "learning rates fall to 50%, 25%, 10%" in unlike_its_knobs("gan-ring")
    assert unlike_its_knobs("gan-grid") == ""
    run = run_of("gan", "ring", [])
    store.change_info(store.folder(run), why="It paused because nobody was watching.")
    assert unlike_its_knobs(run) == "", "the stage says that"
