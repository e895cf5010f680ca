"""The bars of the error by noise level: which levels each names, how long it is, and when it was measured."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from engine import data
from engine.families import find
from lab.diffusion import noising_tab, steps_tab
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


# --- sentences and charts that are made of numbers -----------------------------------------------------


def test_both_ways_are_told_with_the_numbers_of_the_middle_level():
    kept = [1.0, 0.81, 0.36, 0.04]
    way = [(1.0, 0.0), (0.9, 0.19), (0.6, 0.64), (0.2, 0.95)]  # the last variance is off by 0.01
    said = noising_tab.agree(kept, way)
    assert "At $t = 2$, single steps give $x_t = 0.6000\\, x_0$ plus noise of variance $0.6400$" in said
    assert "= 0.6000$ and $1 - \\bar\\alpha_{2} = 0.6400$" in said
    assert "differ by at most 0.01" in said
    assert "differ by at most 0.05" in noising_tab.agree(kept, [*way[:3], (0.25, 0.96)])


@pytest.mark.parametrize(
    ("last", "ratio", "much"), [(0.5, "1", True), (0.0101, "0.0102", True), (0.0099, "0.01", False)]
)
def test_what_is_left_at_the_end_is_told_with_its_ratio(last, ratio, much):
    said = noising_tab.left_at_the_end(last, 100)
    assert f"is {ratio}. " in said
    assert ("too much" in said) == much


def test_the_slips_are_told_with_the_numbers_that_they_make():
    """By hand: of data N(0, 1) and the ideal net, each step is linear."""
    T, beta = 1000, [1e-4 + (0.02 - 1e-4) * i / 999 for i in range(1000)]
    kept = [1.0]
    for b in beta:
        kept.append(kept[-1] * (1 - b))
    after = {}
    for name in ("right", "wrong"):
        variance = 1.0
        for t in range(T, 0, -1):
            b, under = beta[t - 1], 1 - kept[t] if name == "right" else beta[t - 1]
            a = (1 - b / under**0.5 * (1 - kept[t]) ** 0.5) / (1 - b) ** 0.5
            variance = a * a * variance + (b if t > 1 else 0)
        after[name] = variance
    first, second = noising_tab.listed()
    assert f"step's noise **{1 / beta[0] ** 0.5:.0f} times** too large" in first.effect
    swollen = max(k + (1 - k) ** 0.5 for k in kept)
    assert f"swell to **{swollen:.2f}**" in first.effect
    assert f"the variance **{after['wrong']:.2f}** instead of **{after['right']:.2f}**" in second.effect


def test_the_band_of_a_chart_is_what_real_examples_score():
    setting = steps_tab.Setting(False, steps_tab.DISTANCE, ["DDIM"], 100)
    point = {"quality": {"sliced Wasserstein": 0.5}, "floors": {"sliced Wasserstein": [0.03, 0.01]}}
    figure = steps_tab._figure([point], setting)
    (band,) = figure.layout.shapes
    assert (band.y0, band.y1) == pytest.approx((0.01, 0.05))
    assert figure.layout.yaxis.range == pytest.approx((0, 0.54))
    low = steps_tab._figure([point | {"floors": {"sliced Wasserstein": [0.01, 0.01]}}], setting)
    assert low.layout.shapes[0].y0 == 0
