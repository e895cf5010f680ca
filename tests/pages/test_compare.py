"""The page Compare: what an address means, and that two runs differ in one knob and in nothing else."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from engine.gan.gan import GAN
from lab.kit.compare import contrast
from lab.runs import store
from lab.runs.supervisor import supervisor
from tests.pages.test_pages import info_of, own_run, slide, staged, texts, train, until, works

SMALL = {"width_G": "8", "width_D": "8", "batch": "16"}


def pair_of(page) -> list[store.Info]:
    """The two runs on the stages."""
    told = [json.loads(one.proto.json) for one in page.get("bidi_component")]
    (runs,) = [one["runs"] for one in told if "runs" in one]
    assert [one["run"] for one in told if "side" in one] == runs, "each can be taken home"
    kept = [page.query_params[name] for name in "ab" if name in page.query_params]
    assert kept == [run for run in runs if info_of(run).state != "ready"]
    return [info_of(run) for run in runs]


def differ(one: store.Info, other: store.Info) -> dict[str, tuple]:
    return {k: (v, other.config[k]) for k, v in one.config.items() if other.config[k] != v}


def test_the_page_opens_with_a_slow_and_a_fast_discriminator_on_the_ring(visit):
    page = visit("compare", **SMALL)
    left, right = pair_of(page)
    assert differ(left, right) == {"lr_D": (0.001, 0.0001)}
    assert (left.data, left.seed) == (right.data, right.seed) == ("ring", 0)
    assert left.pace == right.pace != ""
    assert supervisor().place(left.id) is supervisor().place(right.id)
    assert "is **0.001** on the left and **0.0001** on the right" in texts(page)
    assert (left.state, right.state) == ("ready", "ready")
    train(page)
    assert [(run.id, run.state) for run in pair_of(page)] == [(left.id, "training"), (right.id, "training")]


@pytest.mark.parametrize(
    ("knob", "left", "right", "values"),
    [
        ("k", "1", "5", (1, 5)),
        ("width_G", "8", "16", (8, 16)),
        ("loss", "minimax", "hinge", ("minimax", "hinge")),
        ("spectral", "False", "True", (False, True)),
        ("lr_G", "0.00345", "1e-05", (0.00345, 1e-05)),
    ],
)
def test_an_address_decides_all_of_both_runs(visit, knob, left, right, values):
    rest = SMALL | {"data": "moons", "seed": "7", "lr_D": "0.002"}
    rest.pop(knob, None)
    page = visit("compare", family="gan", knob=knob, left=left, right=right, **rest)
    one, other = pair_of(page)
    assert not page.error
    assert differ(one, other) == {knob: values}
    assert (one.data, one.seed, one.config["lr_D"]) == ("moons", 7, 0.002)
    assert (page.query_params["left"], page.query_params["right"]) == (left, right)


def test_the_runs_are_found_again_by_their_owner_and_made_anew_for_another(visit):
    page = train(visit("compare", "ann", **SMALL))
    runs = [run.id for run in pair_of(page)]
    address = {name: page.query_params[name] for name in page.query_params} | SMALL
    assert [run.id for run in pair_of(visit("compare", "ann", **address))] == runs
    theirs = pair_of(visit("compare", "bob", **address))
    assert not {run.id for run in theirs} & set(runs)
    assert differ(*theirs) == {"lr_D": (0.001, 0.0001)}


def test_a_live_knob_of_the_base_changes_both_and_another_knob_needs_two_new_runs(visit):
    page = train(visit("compare", **SMALL))
    runs = pair_of(page)
    slide(page, "k", 3)
    assert [run.id for run in pair_of(page)] == [run.id for run in runs]
    assert [run.config["k"] for run in pair_of(page)] == [3, 3]
    slide(page, "Right-lr_D", 0.01)
    new = pair_of(page)
    assert not {run.id for run in new} & {run.id for run in runs}
    assert differ(*new) == {"lr_D": (0.001, 0.01)}
    assert [run.state for run in new] == ["ready", "ready"]
    until(lambda: [info_of(run.id).state for run in runs] == ["paused", "paused"])
    slide(page, "depth_G", 1)
    assert not {run.id for run in pair_of(page)} & {run.id for run in new}


def test_another_knob_takes_other_values_and_forgets_the_old_ones(visit):
    page = visit("compare", left="0.002", right="0.2", **SMALL)
    works(page.selectbox(key="knob").set_value("k").run())
    assert differ(*pair_of(page)) == {"k": (1, contrast(GAN.Config.knobs()["k"], 1))}
    assert pair_of(page)[0].config["lr_D"] == 0.001


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"family": "gann"}, "There is no model called 'gann'"),
        ({"data": "rings"}, "There is no data called 'rings'"),
        ({"knob": "lr"}, "There is no knob 'lr'"),
        ({"left": "7"}, "lr_D (learning rate of D) is '7'; it must be in"),
        ({"right": "nan"}, "it must be in"),
        ({"knob": "loss", "right": "cosine"}, "it must be one of"),
        ({"k": "99"}, "k (turns of D in a round) is '99'; it must be in"),
        ({"a": "../../etc/passwd", "b": "x"}, "That is not a run's id"),
        ({"a": "made-up-0000", "b": "made-up-0001"}, "There is no run made-up-0000"),
    ],
)
def test_a_bad_address_gets_a_sentence_and_the_page_goes_on(visit, query, message):
    page = visit("compare", **SMALL | query)
    assert message in page.error[0].value
    assert len(differ(*pair_of(page))) == 1


def test_a_run_that_is_no_pair_is_left_alone(visit):
    page = own_run(visit)
    alone = page.query_params["run"]
    pair = pair_of(visit("compare", a=alone, b=alone, **SMALL))
    assert alone not in [run.id for run in pair]


def test_sides_that_are_recordings_open_with_them(visit):
    page = visit("compare", left="0.001", right="0.001")
    stages = next(one for one in page.get("bidi_component") if "runs" in json.loads(one.proto.json))
    assert json.loads(stages.proto.json)["runs"] == ["gan-ring", "gan-ring"]
    assert not {"a", "b"} & set(page.query_params)


def test_equal_sides_are_said_to_be_equal(visit):
    page = visit("compare", left="0.001", right="0.001", **SMALL)
    assert "the two runs are the same" in page.info[0].value
    assert differ(*pair_of(page)) == {}


def test_a_room_links_here_with_its_setting(visit):
    page = slide(own_run(visit), "k", 3)
    (link,) = [b for b in page.get("link_button") if "Compare" in b.proto.label]
    address = urlsplit(link.proto.url)
    query = dict(parse_qsl(address.query))
    assert address.path == "./compare"
    assert query == {"family": "gan", "data": "ring", "width_G": "8", "k": "3"}
    left, right = pair_of(visit("compare", **query))
    assert differ(left, right) == {"lr_D": (0.001, 0.0001)}
    assert left.config == info_of(page.query_params["run"]).config


def test_a_link_with_the_knob_that_differs_gives_the_left_side_its_value(visit):
    page = visit("compare", lr_D="0.05", **SMALL)
    assert differ(*pair_of(page)) == {"lr_D": (0.05, 0.005)}


@pytest.mark.parametrize("knob", GAN.Config.knobs().values(), ids=lambda knob: knob.name)
def test_the_other_side_has_another_value_that_is_allowed(knob):
    for value in (knob.default, *knob.ends()):
        other = contrast(knob, value)
        assert other != value
        assert GAN.Config.of({knob.name: other})


def test_the_detectors_verdict_is_told_of_each_run(visit, monkeypatch):
    from lab.kit.verdict import diagnosis, judged_by, tell, verdict

    shares = judged_by("ring").result().shares
    row = {
        "sliced Wasserstein": 0.2,
        "JS": 0.03,
        "high-quality": 0.9,
        "D(x)": 0.5,
        "D(G(z))": 0.5,
        "gradient": 1.0,
    }
    good = row | {"modes": 8.0, "shares": shares}
    bad = row | {"modes": 1.0, "shares": [0.98, *[0.0] * 7], "JS": 0.9}
    for rows, name, tone in ((good, "Working", ":green"), (bad, "Mode collapse", ":orange")):
        at = store.create({"family": "gan", "data": "ring", "seed": 0, "config": {}})
        assert tell(diagnosis(at.name))[0]["says"].startswith("A verdict stands here after a few")
        store.write_rows(at / "metrics.jsonl", [{"round": 64 * i} | rows for i in range(1, 9)])
        said = verdict(at.name)
        assert said.startswith(tone)
        assert f"**{name}.**" in said
        assert ("Cure" in said) == (tone == ":orange")


def test_the_comparison_opens_with_two_recordings_one_of_which_collapses(visit):
    page = visit("compare", visitor="dora")
    assert staged(page) == ["gan-ring", "gan-ring-collapse"]
    assert not {"a", "b"} & {*page.query_params}


def test_runs_of_which_one_begins_before_the_others_are_kept_together(visit):
    page = visit("planes", width="32", batch="32")
    waited = list(page.session_state["_together_at_rest"])
    store.change_info(store.folder(waited[1]), state="training")
    works(page.run())
    assert page.session_state["_together"] == waited
    assert [page.query_params[name] for name in "abc"] == waited
