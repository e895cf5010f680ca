"""The bars of the error by noise level: which levels each names, how long it is, and when it was measured."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from engine import data
from engine.families import find
from lab.runs import store


def script(run: str):
    from engine import data
    from engine.families import find
    from lab.diffusion.noising_tab import hard
    from lab.kit import Room

    hard(Room(find("ddpm"), run, data.load("ring").space, True))


@pytest.fixture(autouse=True)
def at_home(settled, home, monkeypatch):
    monkeypatch.setenv("GENLAB_HOME", str(home))


def shown(T: int, *rows: dict) -> tuple[list[tuple[str, int, float]], AppTest]:
    """Each bar's words, its length in per cent and its number; and the page."""
    config = find("ddpm").configure(data.load("ring").space, {"T": T}).model_dump()
    run = store.create({"family": "ddpm", "data": "ring", "seed": 0, "config": config})
    for row in rows:
        store.append(run / "metrics.jsonl", row)
    page = AppTest.from_function(script, kwargs={"run": run.name}, default_timeout=300).run()
    assert not page.exception
    html = "".join(h.proto.body for h in page.get("html"))
    bars = re.findall(r"<span>(.*?)</span><i style=\"width: (\d+)%\"></i><b>(.*?)</b>", html)
    return [(words, int(share), float(value)) for words, share, value in bars], page


def test_a_bar_names_the_levels_over_which_it_is_averaged():
    values = [0.9 - 0.08 * i for i in range(10)]
    rows = [{"round": 64, "loss by t": [9.0] * 10}, {"round": 128, "loss by t": values}, {"round": 160}]
    bars, page = shown(45, *rows)
    words = [
        "1 … 4",
        "5 … 9",
        "10 … 14",
        "15 … 18",
        "19 … 22",
        "23 … 27",
        "28 … 32",
        "33 … 36",
        "37 … 40",
        "41 … 45",
    ]
    assert [bar[0] for bar in bars] == [f"t = {one}" for one in words]
    assert [bar[2] for bar in bars] == pytest.approx(values, abs=5e-4)
    assert [bar[1] for bar in bars] == [round(100 * value) for value in values]  # of 1, or of the largest
    assert "around round 128" in page.caption[-1].value
    assert "averaged over the levels of each bar" in page.caption[-1].value


def test_of_few_levels_each_has_a_bar_and_the_largest_fills_the_width():
    bars, _ = shown(3, {"round": 64, "loss by t": [4.0, 1.0, 0.5]})
    assert bars == [("t = 1", 100, 4.0), ("t = 2", 25, 1.0), ("t = 3", 12, 0.5)]


def test_before_the_first_measurement_there_is_a_sentence():
    bars, page = shown(20, {"round": 1})
    assert not bars
    assert "no measurement yet" in page.info[0].value
