"""The pages, run without a browser: what they show, what a link means, whose runs change."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from engine import data
from engine.families import families
from engine.gan.cgan import CGAN
from engine.gan.gan import GAN
from lab.kit.subject import recordings
from lab.runs import files, store
from lab.runs.supervisor import supervisor

HOME = Path(store.__file__).parents[1] / "home.py"
PAGES = {file.stem for file in (HOME.parents[1] / "pages").glob("*.py")}
Visit = Callable[..., AppTest]


def works(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    assert not page.warning
    return page


def texts(page: AppTest) -> str:
    return "\n".join(str(e.value) for e in [*page.title, *page.markdown, *page.caption])


def on_stage(page: AppTest) -> str:
    """The id of the run that the canvas shows; AppTest does not know components, but keeps their data."""
    (run_id,) = staged(page)
    return run_id


def shown(page: AppTest) -> dict[str, object]:
    """The values of the knobs that are shown."""
    kinds = (*page.slider, *page.select_slider, *page.selectbox, *page.toggle)
    values = {widget.key: widget.value for widget in kinds if widget.key in GAN.Config.model_fields}
    return {name: values[name] for name in GAN.Config.model_fields if name in values}


def shown_of(data_name: str, **values: object) -> dict[str, object]:
    """What the knobs of these data show: those that do something."""
    space = data.load(data_name).space
    return GAN.configure(space, values).effective(space)


def info_of(run_id: str) -> store.Info:
    return store.read_info(store.folder(run_id))


def slide(page: AppTest, name: str, value: float) -> AppTest:
    sliders = {widget.key: widget for widget in (*page.slider, *page.select_slider)}
    return works(sliders[name].set_value(value).run())


def staged(page: AppTest) -> list[str]:
    """The runs on the stage, of a page that may have other components, too."""
    told = [json.loads(one.proto.json) for one in page.get("bidi_component")]
    (stage,) = [one for one in told if "train" in one]
    return stage.get("runs", [stage.get("run")])


def train(page: AppTest) -> AppTest:
    """Press Train on what is at rest, as the stage would."""
    for run_id in staged(page):
        assert info_of(run_id).state == "ready"
        supervisor().do(run_id, info_of(run_id).owner, {"do": "play"}, wait=True)
    return works(page.run())


def own_run(visit: Visit, visitor: str = "ann", **query: str) -> AppTest:
    """A page with a small run of the visitor's own, in training."""
    page = train(slide(visit("gan", visitor, **query), "width_G", 8))
    assert page.query_params["run"] == on_stage(page)
    return page


def until(true: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("", "generative models"),
        ("gan", GAN.title),
        ("cgan", CGAN.title),
        ("runs", "Runs"),
        ("glossary", "Glossary"),
        ("wall", "sweep wall"),
        ("planes", "Three planes"),
        ("change-of-variables", "Change of variables"),
    ],
)
def test_every_page_opens(visit, name, title):
    assert title in visit(name).title[0].value


def test_every_file_of_pages_is_opened_by_these_tests():
    opened = {"map", "gan", "cgan", "runs", "glossary", "compare", "wall", "planes", "change_of_variables"}
    opened |= {"class"}
    # in files of their own
    opened |= {"ae", "pca", "vae", "cvae", "vae_gan", "ddpm", "flow_matching", "style"}
    opened |= {"planar", "nice", "real_nvp", "maf", "iaf", "glow", "spline_flow", "continuous_flow"}
    opened |= {"nade", "made", "pixelcnn", "gated_pixelcnn", "pixelrnn", "lie_detector", "wavenet", "letters"}
    opened |= {"handwriting", "handwriting_synthesis"}
    assert opened == PAGES


def test_the_page_of_a_family_without_one_opens(visit):
    def script():
        from engine.gan.gan import GAN
        from lab.kit.generic import page_of

        page_of(GAN)()

    page = AppTest.from_function(script, default_timeout=300)
    page.session_state["visitor"] = "ann"
    works(page.run())
    assert page.title[0].value == GAN.title
    assert shown(page) == shown_of("ring")
    assert [tab.label for tab in page.tabs] == ["Formula and code", "Failures and cures", "Check"]
    assert '<span class="nc">GAN</span>' in "".join(h.proto.body for h in page.get("html"))


def cards_of(page: AppTest) -> dict[str, dict]:
    """The cards that the map's component is given, by their addresses."""
    (component,) = page.get("bidi_component")
    given = json.loads(component.proto.json)

    def rooms(branch):
        inner = [room for fork in branch.get("forks", ()) for room in rooms(fork)]
        return inner + [room for group in branch.get("groups", ()) for room in group["rooms"]]

    cards = [room for branch in (given["root"], *given["beside"]) for room in rooms(branch)]
    assert len({card["address"] for card in cards}) == len(cards)
    return {card["address"]: card for card in cards}


def test_the_map_has_a_card_of_every_page_and_says_of_the_rest_that_it_is_not_built(visit):
    page = visit("")
    cards = cards_of(page)
    pages = set(families()) | {name.replace("_", "-") for name in PAGES - {"map", "class"}}
    assert {name for name, card in cards.items() if card["built"]} == pages
    assert len(cards) > len(pages)
    assert not any(card["films"] or card["number"] for card in cards.values() if not card["built"])
    recorded = {recording.family for recording, _ in recordings().values()}
    assert not [name for name in recorded if not cards[name]["films"]]


def test_the_path_numbers_the_rooms_and_each_comes_after_what_it_needs(visit):
    cards = cards_of(visit(""))
    numbers = {name: card["number"] for name, card in cards.items() if card["number"]}
    assert sorted(numbers.values()) == list(range(1, len(numbers) + 1))
    assert set(numbers) >= {recording.family for recording, _ in recordings().values()}
    for name, card in cards.items():
        assert all(numbers[before] < numbers[name] for before in card["needs"])


def test_a_room_leads_to_those_it_builds_on_and_to_the_next_one(visit):
    links = [link.label for link in visit("cvae").get("page_link")]
    assert links == ["Builds on: VAE", "Next: VAE-GAN"]
    assert not visit("runs").get("page_link")


def test_the_menus_are_the_branches_of_the_map_in_its_order(visit):
    page = visit("")
    cards = list(cards_of(page))
    menus = [app_page for app_page in page.session_state["_rooms"] if app_page in cards]
    numbered = [name for name in menus if cards_of(page)[name]["number"]]
    assert numbered == sorted(numbered, key=lambda name: cards_of(page)[name]["number"])


def test_all_knobs_are_there_with_the_defaults_and_at_most_six_first(visit):
    page = visit("gan")
    assert shown(page) == shown_of("ring")
    (advanced,) = page.sidebar.expander
    inside = {
        w.key for kind in ("slider", "select_slider", "selectbox", "toggle") for w in getattr(advanced, kind)
    }
    assert inside == {knob.name for knob in GAN.Config.knobs().values() if knob.advanced} & {*shown(page)}
    assert 1 <= len(set(shown(page)) - inside) <= 6
    assert advanced.number_input(key="seed").value == 0


def test_a_room_opens_with_its_recording_and_starts_nothing(visit):
    before = {info.id for info in store.every()}
    page = visit("gan", tab="Check")
    assert on_stage(page) == "gan-ring"
    assert {info.id for info in store.every()} == before  # some of those may still train
    assert "run" not in page.query_params


LINKS = {"lr_D": ("0.002", 0.002), "lr_G": ("0.00345", 0.00345), "k": ("5", 5), "width_G": ("8", 8),
         "loss": ("minimax", "minimax"), "beta1": ("0.3", 0.3)}  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
def test_a_link_sets_the_knob_and_the_run(visit, name):
    text, value = LINKS[name]
    page = visit("gan", **{name: text})
    assert shown(page)[name] == value
    assert info_of(on_stage(page)).config[name] == value
    others = shown(page) | {name: None}
    assert others == shown_of("ring") | {name: None}


def test_a_link_sets_data_and_seed(visit):
    page = visit("gan", data="grid", seed="7")
    info = info_of(on_stage(page))
    assert (info.data, info.seed) == ("grid", 7)


@pytest.mark.parametrize(
    "query",
    [
        {"lr_D": "7", "k": "99", "width_G": "0"},
        {"lr_D": "nan", "lr_G": "inf", "k": "1e3"},
        {"loss": "cosine", "z": "two", "depth_G": "-1"},
        {"seed": "-1", "beta1": ""},
        {"nonsense": "1", "visitor": "bob"},
    ],
)
def test_what_a_link_may_not_say_is_ignored(visit, query):
    page = visit("gan", **query)
    assert shown(page) == shown_of("ring")
    assert page.number_input(key="seed").value == 0
    assert on_stage(page) == "gan-ring"


def test_a_page_that_stops_early_forgets_what_the_clock_called_in_the_page_before(visit):
    page = visit("gan")
    assert page._fragment_storage._fragments, "the verdict, every two seconds"
    works(page.selectbox(key="data").set_value("draw").run())
    assert not page._fragment_storage._fragments


@pytest.mark.parametrize("name", ["rings", "../../etc", "draw\0", "csv-../../../etc/"])
def test_data_that_are_not_there_are_named_and_the_page_goes_on(visit, name):
    page = visit("gan", data=name)
    assert "There is no data called" in page.error[0].value
    assert on_stage(page) == "gan-ring"


def test_brought_data_of_another_machine_are_named_and_others_can_be_chosen(visit):
    page = visit("gan", data="csv-0123456789ab")
    assert "are not on this machine" in page.error[0].value
    works(page.selectbox(key="data").set_value("ring").run())
    assert on_stage(page) == "gan-ring"


def test_changing_to_digits_takes_their_defaults_over_and_back(visit):
    page = visit("gan")
    works(page.selectbox(key="data").set_value("digits").run())
    assert shown(page) == shown_of("digits")
    assert shown(page)["z"] == 100
    works(page.selectbox(key="data").set_value("moons").run())
    assert shown(page)["z"] == 2


def test_changing_among_data_of_one_kind_keeps_the_knobs(visit):
    page = slide(visit("gan"), "k", 3)
    works(page.selectbox(key="data").set_value("moons").run())
    assert shown(page)["k"] == 3
    assert info_of(on_stage(page)).data == "moons"


def test_a_live_knob_changes_ones_own_run_which_goes_on(visit):
    page = own_run(visit)
    run_id = on_stage(page)
    slide(slide(page, "lr_D", 0.005), "k", 2)
    assert on_stage(page) == page.query_params["run"] == run_id
    config = info_of(run_id).config
    assert (config["lr_D"], config["k"], config["lr_G"], config["width_G"]) == (0.005, 2, 0.001, 8)
    said = [row["values"] for row in files.commands(store.folder(run_id) / "commands.jsonl")]
    assert said == [{"lr_D": 0.005}, {"k": 2}]
    assert info_of(run_id).state == "training"


@pytest.mark.parametrize(("name", "value"), [("width_G", 16), ("z", 3), ("depth_G", 1)])
def test_a_knob_that_is_not_live_shows_a_new_model_at_rest(visit, name, value):
    page = own_run(visit)
    old = on_stage(page)
    before = info_of(old)
    slide(page, name, value)
    new = info_of(on_stage(page))
    assert new.id != old
    assert (new.config, new.state) == (before.config | {name: value}, "ready")
    assert info_of(old).config == before.config
    assert "run" not in page.query_params


def test_what_is_at_rest_obeys_live_knobs_and_is_no_run_yet(visit):
    page = slide(visit("gan", "eli"), "width_G", 8)
    run_id = on_stage(page)
    slide(page, "k", 3)
    assert on_stage(page) == run_id
    assert (info_of(run_id).config["k"], info_of(run_id).state) == (3, "ready")
    assert run_id not in [info.id for info in store.every()]
    assert f"run={run_id}" not in texts(visit("runs", "eli"))


def test_what_never_trained_is_removed_when_another_setting_takes_its_place(visit):
    page = slide(visit("gan"), "width_G", 8)
    first = on_stage(page)
    slide(page, "width_G", 9)
    until(lambda: not store.here(first))
    trained = on_stage(train(page))
    slide(page, "width_G", 10)
    second = on_stage(page)
    slide(page, "width_G", 9)
    until(lambda: not store.here(second))
    assert store.here(trained)


def test_back_at_the_setting_of_a_recording_there_is_the_recording(visit):
    page = slide(visit("gan"), "k", 2)
    assert info_of(on_stage(page)).state == "ready"
    assert on_stage(slide(page, "k", 1)) == "gan-ring"


def test_a_new_seed_shows_a_new_model_at_rest(visit):
    page = own_run(visit)
    old = on_stage(page)
    works(page.number_input(key="seed").set_value(5).run())
    assert on_stage(page) != old
    assert (info_of(on_stage(page)).seed, info_of(old).seed) == (5, 0)
    until(lambda: info_of(old).state == "paused")  # nobody looks at it now
    assert info_of(on_stage(page)).state == "ready"


def test_a_link_to_a_run_shows_the_run_with_its_own_setting(visit):
    odd = {
        "width_G": 9,
        "lr_D": 0.0123,
        "lr_G": 3.3e-4,
        "beta1": 0.123,
        "beta2": 0.98765,
        "noise": "uniform",
    }
    config = GAN.configure(data.load("moons").space, odd).model_dump()
    run_id = store.create({"family": "gan", "data": "moons", "seed": 11, "config": config}).name
    page = visit("gan", "bob", run=run_id)
    assert on_stage(page) == run_id
    assert shown(page) == shown_of("moons", **odd)
    assert (page.selectbox(key="data").value, page.number_input(key="seed").value) == ("moons", 11)
    works(page.run())
    assert on_stage(page) == run_id
    assert info_of(run_id).config == config


def test_the_run_of_a_link_wins_over_knobs_beside_it(visit):
    run_id = on_stage(own_run(visit))
    assert on_stage(visit("gan", run=run_id, lr_D="0.05")) == run_id
    assert info_of(run_id).config["lr_D"] == 0.001
    assert on_stage(visit("gan", "bob", run=run_id, lr_D="0.05", seed="3")) == run_id


@pytest.mark.parametrize(("name", "value"), [("lr_D", 0.005), ("width_G", 16)])
def test_moving_a_slider_over_anothers_run_shows_ones_own_at_rest(visit, name, value):
    run_id = on_stage(own_run(visit, "ann"))
    before = info_of(run_id)
    page = visit("gan", "bob", run=run_id)
    assert on_stage(page) == run_id
    slide(page, name, value)
    mine = info_of(on_stage(page))
    assert mine.id != run_id
    assert mine.owner not in ("", before.owner)
    assert mine.config == before.config | {name: value}
    assert info_of(run_id).config == before.config
    assert not files.commands(store.folder(run_id) / "commands.jsonl")


def test_one_who_comes_back_controls_his_run_again(visit):
    run_id = on_stage(own_run(visit))
    slide(visit("gan", run=run_id), "k", 4)
    assert info_of(run_id).config["k"] == 4


@pytest.mark.parametrize(
    ("run_id", "message"),
    [
        ("made-up-0000", "There is no run made-up-0000"),
        ("x", "That is not a run's id"),
        ("../../../../etc/passwd", "That is not a run's id"),
        ("gan-ring/../gan-grid", "That is not a run's id"),
        ("0123456789ab\n", "That is not a run's id"),
        ("<script>alert(1)</script>", "That is not a run's id"),
        ("a" * 5000, "That is not a run's id"),
    ],
)
def test_a_link_to_no_run_says_so_and_the_page_works_on(visit, run_id, message):
    page = visit("gan", run=run_id)
    assert message in page.error[0].value
    assert on_stage(page) == "gan-ring"
    slide(page, "k", 2)
    assert not page.error
    assert info_of(on_stage(page)).config["k"] == 2


def test_a_run_of_another_family_is_not_shown_here(visit):
    run_id = store.create({"family": "vae", "data": "ring", "seed": 0, "config": {}}).name
    page = visit("gan", run=run_id)
    assert "of another family: open it on the page of vae" in page.error[0].value
    assert on_stage(page) == "gan-ring"


def test_train_and_fork_on_the_stage_open_a_run_of_ones_own(visit, monkeypatch):
    recording = {"family": "gan", "data": "ring", "seed": 0}

    def buttons(run, *, on_train, on_fork, **rest):
        """AppTest cannot press a component's buttons: two of Streamlit's call what they would."""
        st.caption(f"stage of {run}")
        st.button("Train", key="train", on_click=on_train, args=(1,))
        fork = supervisor().fork(run, "ann") if run != "gan-ring" else run
        st.button("Fork", key="fork", on_click=on_fork, args=(fork,))

    monkeypatch.setattr(sys.modules["lab.kit.room"], "stage", buttons)  # the name means a function too
    page = visit("gan")
    works(page.button(key="train").click().run())
    run_id = page.query_params["run"]
    assert f"stage of {run_id}" in texts(page)
    info = info_of(run_id)
    assert info.model_dump(include=set(recording)) == recording
    assert info.config == GAN.configure(data.load("ring").space).model_dump()
    until(lambda: info_of(run_id).state == "training")
    works(page.button(key="fork").click().run())
    fork = page.query_params["run"]
    assert info_of(fork).parent == run_id
    assert f"stage of {fork}" in texts(page)


def test_the_laws_are_measured_on_the_run_on_the_stage(visit):
    page = own_run(visit, tab="Check")
    works(page.button(key="measure").click().run())
    table = page.table[-1].value
    assert len(table) >= 5
    assert set(table[""]) == {"✅ holds"}


def test_pictures_have_a_tab_to_explore_z_and_points_have_none(visit):
    assert "Explore z" not in [tab.label for tab in visit("gan").tabs]
    page = visit("gan", data="digits", tab="Explore z")
    assert "Explore z" in [tab.label for tab in page.tabs]
    assert not page.info, "the model of the recording answers"
    assert any("<img" in one.proto.body for one in page.get("html"))


def test_the_formula_has_the_runs_present_numbers(visit):
    page = own_run(visit)
    until(lambda: "Around round" in texts(works(page.run())))
    assert r"$V = " in texts(page)


def test_runs_lists_ones_own_and_others_and_only_ones_own_can_be_deleted(visit):
    hers, his = on_stage(own_run(visit, "eve")), on_stage(own_run(visit, "dan"))
    page = visit("runs", "eve")
    assert f"[Open](./gan?run={hers})" in texts(page)
    assert f"[Open](./gan?run={his})" in texts(page)
    assert [button.key for button in page.button] == [f"delete-{hers}"]
    assert "Width of G 8" in texts(page), "its setting in words"
    works(page.button(key=f"delete-{hers}").click().run())
    assert f"run={hers}" not in texts(page)
    (trash,) = (store.home() / "trash").glob(f"{hers}-*")
    assert store.read_info(trash).id == trash.name
    works(page.button(key="undo").click().run())
    assert f"run={hers}" in texts(page)
    assert info_of(hers).config["width_G"] == 8
    works(page.button(key=f"delete-{hers}").click().run())
    works(page.selectbox(key="runs-whose").set_value("Trash").run())
    assert hers in texts(page)
    assert "undo" not in [button.key for button in page.button]
    assert info_of(his).id == his


def test_deleting_a_run_that_trains_does_not_disturb_the_others(visit):
    hers, his = on_stage(own_run(visit, "eva")), on_stage(own_run(visit, "dirk"))
    rows = store.folder(his) / "metrics.jsonl"
    until(lambda: store.rows(rows))
    (worker,) = {supervisor().place(hers), supervisor().place(his)}
    process = worker.process.pid
    works(visit("runs", "eva").button(key=f"delete-{hers}").click().run())
    made = len(store.rows(rows))
    until(lambda: len(store.rows(rows)) > made + 20)
    assert worker.process.pid == process, "the worker died"
    assert info_of(his).state == "training"


def test_a_press_on_train_that_is_cut_short_and_comes_again_makes_one_run(visit, monkeypatch):
    room = sys.modules["lab.kit.room"]
    whole, cut = room.show, []

    def show(run):
        if not cut:
            cut.append(run)
            return
        whole(run)

    def stage(run, *, on_train, **rest):
        for name, press in (("once", 1), ("again", 1), ("later", 2)):
            st.button(name, key=name, on_click=on_train, args=(press,))

    monkeypatch.setattr(room, "show", show)
    monkeypatch.setattr(room, "stage", stage)
    page = visit("gan")
    for name in ("once", "again"):
        works(page.button(key=name).click().run())
    assert page.query_params["run"] == cut[0]
    works(page.button(key="later").click().run())
    assert page.query_params["run"] != cut[0], "another press makes another run"
