"""The rooms of flows, without a browser: what each tab shows, what a link opens, what bad data are told."""

import json
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

from engine import data
from engine.families import find
from engine.flow.base import BITS, NLL
from engine.flow.measures import KL
from lab.flow import words
from lab.flow.failures import FLOW_FAILURES
from lab.flow.layers_tab import bridged, tinted
from lab.kit.verdict import judged_by
from lab.runs import store
from tests.pages.diffusion.test_diffusion_pages import films, paused
from tests.pages.test_pages import info_of, staged, texts, works

SMALL = {"width": "8", "depth": "1", "layers": "2", "batch": "16", "seed": "3"}
PLANE = ["Layers", "A point", "Why not perfect?"]
PICTURES = ["Pictures"]
OWN = {"maf": ["Both ways"], "iaf": ["Both ways"]}
CURED = {"real-nvp": ["Failures and cures"]}
NAMES = ["planar", "nice", "real-nvp", "maf", "iaf", "glow", "spline-flow", "continuous-flow"]


def tabs_of(name: str, data: str = "moons") -> list[str]:
    """What a room has for these data: a tab that would be empty is not there."""
    own = [*({"digits": PICTURES, "two-bumps": []}.get(data, PLANE)), *OWN.get(name, [])]
    return [*own, "Formula and code", *CURED.get(name, []), "Try this", "Check"]


TABS = {name: tabs_of(name) for name in NAMES}


def open_tab(visit, name: str, tab: str, data: str = "moons", **query: str):
    small = {k: v for k, v in SMALL.items() if data != "two-bumps" or k not in ("width", "depth")}
    page = visit(name, tab=tab, data=data, **small | query)
    paused(page)
    there = tabs_of(name, data)
    assert [t.label for t in page.tabs][: len(there)] == there
    return page


def linked(page) -> list:
    return [urlsplit(link.proto.url) for link in page.get("link_button")]


def legend_of(component) -> list:
    return json.loads(component.proto.json).get("legend", [])


def told(page) -> str:
    return "\n".join(str(one.value) for one in [*page.info, *page.error])


@pytest.mark.parametrize("tab", TABS["real-nvp"])
def test_every_tab_of_the_main_room_opens(visit, tab):
    page = open_tab(visit, "real-nvp", tab)
    assert info_of(staged(page)[0]).config["layers"] == 2
    assert not page.error


@pytest.mark.parametrize("name", [name for name in TABS if name != "real-nvp"])
def test_every_room_shows_its_formula_and_the_links_of_its_experiments_are_settings(visit, name):
    page = open_tab(visit, name, "Formula and code")
    assert r"\det" in texts(page)
    for link in linked(open_tab(visit, name, "Try this")):
        is_setting(link)


def test_the_links_of_the_main_room_are_settings(visit):
    for link in linked(open_tab(visit, "real-nvp", "Try this")):
        is_setting(link)


def is_setting(link) -> None:
    """A link opens a room with data that it can model, knobs that it has, and a tab that is there."""
    query = dict(parse_qsl(link.query))
    query.pop("seed", None)
    room = link.path.strip("./")
    if room in ("change-of-variables", "flow-matching"):
        return
    family = find(query.pop("family", room))
    tab = query.pop("tab", None)
    name = query.pop("data", "moons")
    assert tab is None or tab in tabs_of(family.name, name)
    assert name == "draw" or isinstance(data.load(name).space, family.kinds)
    if knob := query.pop("knob", None):
        for side in ("left", "right"):
            assert family.Config.of({knob: query.pop(side)})
    assert family.Config.of(query)


@pytest.mark.parametrize(("name", "chosen"), [("real-nvp", "digits"), ("spline-flow", "two-bumps")])
def test_what_is_drawn_in_the_plane_is_not_offered_for_other_data(visit, name, chosen):
    assert not open_tab(visit, name, "Try this", chosen).error


def test_maf_shows_both_ways_and_masks(visit):
    for tab in ("Both ways", "Masks"):
        assert not open_tab(visit, "maf", tab).error


def test_the_film_asks_for_the_layers_again_with_another_seed(visit):
    page = open_tab(visit, "real-nvp", "Layers")
    (film,) = films(page)
    assert film["rows"] == [{"title": "", "ask": "layers", "with": {"seed": 0}}]
    assert film["tween"] is True
    works(page.number_input(key="layers-seed").set_value(4).run())
    assert films(page)[0]["rows"][0]["with"] == {"seed": 4}


def test_the_share_between_the_groups_is_measured(visit):
    page = open_tab(visit, "real-nvp", "Why not perfect?", "ring")
    assert "of the model's mass lies outside the region that holds 99.9% of the data" in texts(page)


def test_a_table_is_told_that_it_has_no_density(visit, home):
    table = data.keep_points(np.random.default_rng(0).normal(size=(40, 2)), "csv", home)
    page = open_tab(visit, "real-nvp", "Why not perfect?", table)
    assert "nobody knows their density" in told(page)
    legend = "".join(str(part) for one in page.get("bidi_component") for part in legend_of(one))
    assert "Nobody knows the density behind a table" in legend
    assert "side/target" not in legend
    assert "outside the region" not in texts(page)


def test_a_drawing_is_fitted(visit, home):
    drawing = data.keep_points(np.random.default_rng(0).uniform(-1, 1, (30, 2)), "drawn", home)
    page = open_tab(visit, "real-nvp", "Why not perfect?", drawing)
    assert "outside the region that holds 99.9%" in texts(page)


# --- sentences -------------------------------------------------------------------------------------


@pytest.fixture
def run(settled, tmp_path, monkeypatch) -> str:
    """A run of Real-NVP whose rows a test writes."""
    monkeypatch.setenv("GENLAB_HOME", str(tmp_path))
    config = find("real-nvp").configure(data.load("moons").space).model_dump()
    return store.create({"family": "real-nvp", "data": "moons", "seed": 0, "config": config}).name


def test_the_loss_stands_beside_the_least_that_is_possible(run):
    judged_by("moons").result()
    row = {"round": 128, NLL: 1.1}
    assert words.loss_now(run, {"round": 1}) == ""
    assert words.loss_now(run, row).endswith("= 1.100$ nats.")
    store.append(store.folder(run) / "metrics.jsonl", row | {f"test {NLL}": 1.051, KL: 0.043})
    said = words.loss_now(run, row)
    assert "it is 1.051: **0.043 nat above the entropy** of the data, 1.008, which is the lowest" in said


def test_of_a_table_nobody_knows_the_least(run):
    store.append(store.folder(run) / "metrics.jsonl", {"round": 64, f"test {NLL}": -0.5})
    assert "it is −0.500. Nobody knows how low it can get" in words.loss_now(run, {"round": 65, NLL: -0.6})


def test_bits_are_held_against_eight(run):
    store.append(store.folder(run) / "metrics.jsonl", {"round": 64, f"test {BITS}": 1.8})
    said = words.loss_now(run, {"round": 65, BITS: 1.7})
    assert "is 1.700 bits per dimension, and 1.800 on test data" in said


def test_bridges_in_words_and_colours():
    said = bridged({"share": 0.0834, "held": 0.999, "cost": 0.084, "divergence": 0.41})
    assert "**8.3%** of the model's mass" in said
    assert "at least 0.084 nat" in said
    picture = tinted(np.asarray([[0, 255], [9, 0]], np.uint8), "model")
    assert picture.shape == (2, 2, 4)
    assert picture[0, :, 3].tolist() == [9, 0]  # row 0 of a field is at the bottom


def test_every_failure_is_a_setting_with_a_room():
    for failure in FLOW_FAILURES:
        for cure in (None, *failure.cures):
            assert failure.of(cure)[0] in TABS
