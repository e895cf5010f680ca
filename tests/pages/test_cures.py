"""The gallery acts on the stage: a failure is trained there, and a cure goes into the run that has failed."""

import json
import sys

import pytest
import streamlit as st

from engine import data
from engine.gan.gan import GAN
from lab.gan.failures import FAILURES
from lab.runs import store
from lab.runs.supervisor import supervisor
from tests.pages.test_pages import info_of, staged, texts, until, works

COLLAPSE = FAILURES[0]
TAB = "Failures and cures"


def pressed(page, cure):
    return works(page.button(key=f"{COLLAPSE.title}: {cure}").click().run())


def own(page):
    """The run on the stage, which is in the address, trains, and is the visitor's own."""
    run_id = page.query_params["run"]
    assert staged(page) == [run_id]
    until(lambda: info_of(run_id).state == "training")
    return info_of(run_id)


def collapsed(visit, seed="0"):
    page = visit("gan", tab=TAB, seed=seed)
    page = works(page.button(key=f"fail {COLLAPSE.title}").click().run())
    own(page)
    return page


def test_a_failure_is_trained_on_the_stage_with_the_seed_of_the_room(visit):
    page = collapsed(visit, "5")
    info = own(page)
    assert (info.family, info.data, info.seed, info.parent) == ("gan", COLLAPSE.data, 5, "")
    assert info.config == GAN.configure(data.load("ring").space, COLLAPSE.knobs).model_dump()
    assert page.query_params["lr_D"] == "0.0001"
    assert "This is the run on the stage" in texts(page)


def test_a_cure_goes_into_a_copy_of_the_sick_run_which_trains_on(visit):
    page = collapsed(visit)
    sick = page.query_params["run"]
    until(lambda: (store.folder(sick) / "metrics.jsonl").exists())
    page = pressed(page, "Equal learning rates")
    cured = own(page)
    assert cured.parent == sick
    assert cured.config == info_of(sick).config | {"lr_D": 1e-3}
    assert store.checkpoint(store.folder(cured.id)).exists()  # it goes on, and does not begin
    until(lambda: info_of(sick).state == "paused")
    assert info_of(sick).config["lr_D"] == 1e-4
    assert "lr_D" not in page.query_params  # the default


def test_a_cure_that_needs_another_model_trains_one_from_the_same_seed(visit):
    page = pressed(collapsed(visit, "3"), "Packing")
    cured = own(page)
    assert (cured.parent, cured.seed) == ("", 3)
    assert (cured.config["lr_D"], cured.config["diversity"]) == (1e-4, "packing")


def test_beside_the_recording_a_cure_is_trained_anew(visit):
    page = pressed(visit("gan", tab=TAB), "Packing")
    assert own(page).parent == ""


def test_a_cure_by_another_model_is_a_link(visit):
    page = visit("ae", tab=TAB)
    assert "A VAE" not in [one.label for one in page.button]
    assert [one.proto.label for one in page.get("link_button") if one.proto.label == "A VAE"]


@pytest.fixture
def buttons(monkeypatch):
    def stage(run, *, beside, effort, on_train, on_beside, **rest):
        """AppTest cannot press a component's buttons: two of Streamlit's call what they would."""
        st.caption(f"stage of {run} beside {beside!r} {json.dumps(effort)}")
        st.button("Train", key="train", on_click=on_train, args=(1,))
        st.button("Beside", key="beside", on_click=on_beside)

    monkeypatch.setattr(sys.modules["lab.kit.room"], "stage", stage)


def test_back_to_the_recording_while_ones_run_trains_on_and_back_to_that(visit, buttons):
    page = visit("gan", visitor="bob")
    assert "stage of gan-ring beside ''" in texts(page)
    page = works(page.button(key="train").click().run())
    run_id = page.query_params["run"]
    assert f"stage of {run_id} beside 'recording'" in texts(page)
    page = works(page.button(key="beside").click().run())
    assert "stage of gan-ring beside 'run'" in texts(page)
    assert "run" not in page.query_params
    until(lambda: info_of(run_id).state == "training")
    page = works(page.button(key="beside").click().run())
    assert f"stage of {run_id} beside 'recording'" in texts(page)
    assert page.query_params["run"] == run_id
    supervisor().do(run_id, info_of(run_id).owner, {"do": "pause"}, wait=True)


def test_the_stage_knows_how_long_the_training_of_the_recording_takes(visit, buttons):
    told = texts(visit("gan", visitor="cid"))
    effort = json.loads(told.partition("beside '' ")[2].partition("\n")[0])
    assert effort["rounds"] == 3000
    assert 0 < effort["usable"] < 3000
    assert 0 < effort["minutes"] < 5
