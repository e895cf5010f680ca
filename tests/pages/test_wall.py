"""The page of the wall, without a browser: what a link means, what is refused, what a panel opens."""

import json
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from engine import data
from engine.gan.gan import GAN
from lab.kit import wall as kit
from lab.runs import store
from lab.runs.supervisor import supervisor
from tests.pages.test_pages import Visit, info_of, on_stage, texts, train, until, works


@pytest.fixture
def visit(visit) -> Visit:
    return lambda name="wall", **query: visit(name, **query)


SMALL = {"rows": "lr_D", "row_values": "0.001, 0.01", "columns": "none", "width_G": "8", "width_D": "8"}

SMALLER = {k: v for k, v in kit.SMALLER["points"].items() if k in GAN.Config.model_fields}


def paused(page: AppTest) -> str:
    """The id of the wall on the stage, which trains no more."""
    run_id = on_stage(page)
    supervisor().do(run_id, info_of(run_id).owner, {"do": "pause"}, wait=True)
    return run_id


def test_it_opens_with_the_two_learning_rates_at_rest_and_trains_when_asked(visit):
    page = visit()
    info = info_of(on_stage(page))
    rates = [1e-4, 3e-4, 1e-3, 3e-3]
    assert list(info.wall.items()) == [("lr_D", rates), ("lr_G", rates)]
    assert {k: info.config[k] for k in SMALLER} == SMALLER
    assert (info.state, "run" in page.query_params) == ("ready", False)
    assert info_of(on_stage(train(page))).state == "training"
    assert set(page.query_params) == {"run"}
    assert "How to read it" in texts(page)
    drawn = {w.key for w in (*page.select_slider, *page.slider)}
    assert not drawn & {"lr_D", "lr_G"}  # these have values instead
    assert "beta1" in drawn
    paused(page)


def test_a_link_is_a_wall(visit):
    query = {
        "data": "grid",
        "rows": "weight",
        "row_values": "0.1, 10",
        "columns": "seed",
        "column_values": "4 2",
    }
    page = visit(**query, k="2")
    info = info_of(on_stage(page))
    assert list(info.wall.items()) == [("weight", [0.1, 10]), ("seed", [4, 2])]
    assert (info.data, info.config["k"], info.config["penalty"]) == ("grid", 2, "R1")
    assert {k: page.query_params[k] for k in query} == query
    run_id = paused(train(page))
    assert on_stage(visit(run=run_id)) == run_id  # a refresh keeps it


def test_a_link_to_a_wall_shows_its_axes_and_knobs_to_anybody(visit):
    run_id = paused(train(visit(**SMALL)))
    page = visit(visitor="bob", run=run_id)
    assert on_stage(page) == run_id
    assert page.selectbox(key="rows").value == "lr_D"
    assert page.text_input(key="row_values").value == "0.001, 0.01"
    assert page.selectbox(key="columns").value == "none"
    assert page.slider(key="width_G").value == 8


def test_a_live_knob_is_set_for_all_and_other_values_are_another_wall(visit):
    page = visit(**SMALL)
    run_id = on_stage(page)
    works(page.slider(key="k").set_value(3).run())
    assert on_stage(page) == run_id
    assert info_of(run_id).config["k"] == 3
    works(page.text_input(key="row_values").set_value("0.001, 0.02").run())
    new = on_stage(page)
    assert new != run_id
    assert info_of(new).wall == {"lr_D": [0.001, 0.02]}
    paused(page)


def test_another_knob_begins_with_values_of_its_own(visit):
    page = visit(**SMALL)
    works(page.selectbox(key="rows").set_value("smooth").run())
    assert page.text_input(key="row_values").value == "0, 0.1667, 0.3333, 0.5"
    assert list(info_of(on_stage(page)).wall) == ["smooth"]
    works(page.selectbox(key="rows").set_value("seed").run())
    assert info_of(on_stage(page)).wall == {"seed": list(range(9))}
    paused(page)


@pytest.mark.parametrize("name", [*GAN.stackable, "seed"])
def test_the_usual_values_of_every_knob_are_a_wall(name):
    ring = data.load("ring").space
    axes = kit._axes_of([(name, kit.usual(GAN, name))])
    configs, _ = kit.wall.check(GAN, ring, GAN.configure(ring), axes)
    assert len(configs) >= 4


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"row_values": "0.1, x"}, "'x' is no number"),
        ({"row_values": ""}, "lr_D needs a list of values"),
        ({"row_values": "7"}, "it must be in"),
        ({"columns": "lr_D"}, "both vary lr_D"),
        ({"rows": "seed", "row_values": "0, 0.5"}, "'0.5' is no whole number"),
        ({"rows": "seed", "row_values": ",".join(map(str, range(65)))}, "64 is the most"),
        ({"family": "gann"}, "There is no model called 'gann'"),
        ({"rows": "width_G"}, "A wall cannot vary 'width_G'; choose one of lr_D"),
        ({"row_values": "nan, inf"}, "it must be in"),
        ({"run": "gan-ring"}, "is no wall: open it at /gan"),
        ({"run": "made-up-0000"}, "There is no run made-up-0000"),
    ],
)
def test_what_cannot_be_a_wall_is_refused_in_a_sentence(visit, query, message):
    page = visit(**{"columns": "none", **query})
    assert message in page.error[0].value
    if page.get("bidi_component"):
        paused(page)


def test_a_wall_is_not_shown_in_the_room_of_its_family(visit):
    run_id = paused(train(visit(**SMALL)))
    page = visit("gan", run=run_id)
    assert f"is a wall: open it at /wall?run={run_id}" in page.error[0].value
    assert f"[Open](./wall?run={run_id})" in texts(visit("runs"))


def test_scores_stand_below_and_each_is_a_link_to_its_run(visit):
    page = train(visit(**SMALL, data="moons"))
    run_id = on_stage(page)
    until(lambda: any("JS" in row for row in store.rows(store.folder(run_id) / "metrics.jsonl")))
    works(page.run())
    table = next(h.proto.body for h in page.get("html") if "<table" in h.proto.body)
    assert "JS divergence, bits" in table
    assert table.count("<td") == 2
    assert (
        "./gan?lr_D=0.01&amp;batch=64&amp;width_G=8&amp;depth_G=2&amp;width_D=8&amp;depth_D=2&amp;data=moons"
        in table
    )
    paused(page)


def test_each_panel_leads_to_the_run_of_its_setting(visit):
    page = visit(**SMALL, seed="3")
    (stage,) = [one for one in page.get("bidi_component") if "train" in json.loads(one.proto.json)]
    link = json.loads(stage.proto.json)["links"][1]
    paused(page)
    room, _, query = link.partition("?")
    config = GAN.configure(data.load("ring").space, SMALLER | {"width_G": 8, "width_D": 8, "lr_D": 0.01})
    single = visit(room.removeprefix("./"), **dict(parse_qsl(query)))
    info = info_of(on_stage(single))
    assert (info.config, info.data, info.seed, info.wall) == (config.model_dump(), "ring", 3, {})
    paused(single)


def test_the_presets_open(visit):
    page = visit(tab="Try this")
    links = [button.proto.url for button in page.get("link_button")]
    assert len(links) == 4
    for link in links:
        shown = visit(**dict(parse_qsl(link.partition("?")[2])))
        assert not shown.error
        paused(shown)
