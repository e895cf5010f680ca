"""Every word of a link is shown, or a sentence says why not; a run keeps its setting in the address."""

import re
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.util import calc_hash

from engine import data
from engine.config import TAKEN
from engine.gan.gan import GAN
from lab.kit import address
from lab.kit.address import ELSEWHERE
from lab.kit.compare import SIDES
from lab.kit.room import AXES
from lab.kit.together import NAMES
from lab.runs import store
from tests.pages.test_pages import info_of, on_stage, shown, shown_of, slide, works

ROOT = Path(__file__).parents[2]


def test_no_knob_may_be_called_like_another_word_of_an_address():
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "lab" / "kit").rglob("*.py")]
    texts += [file.read_text(encoding="utf-8") for file in (ROOT / "lab").rglob("*_tab.py")]
    own = r'(?:query_params(?:\.get\(|\[)|link(?:ed)?\(\)(?:\.pop\(|\[)|asked\()"(\w+)", ?"'
    read = r'(?:query_params(?:\.get\(|\[)|link(?:ed)?\(\)(?:\.pop\(|\[))"(\w+)"'
    bound = r'key="(\w+)",[^)]*bind="query-params"'
    words = {word for text in texts for form in (own, read, bound) for word in re.findall(form, text)}
    words |= ELSEWHERE | {*SIDES, *NAMES, *AXES, *AXES.values()}
    assert {"tab", "seed", "run", "family", "walks", "present", "row_values", "left", "b"} < words
    assert words <= TAKEN, words - TAKEN


def complaints(page) -> str:
    return "\n".join(error.value.replace("\\", "").replace("\u2060", "") for error in page.error)


@pytest.mark.parametrize(
    ("page", "query", "says"),
    [
        ("gan", {"lr_D": "99"}, "in [1e-05, 1]. Here it is 0.001."),
        ("gan", {"loss": "Wasserstien"}, "is 'Wasserstien'; it must be one of non-saturating,"),
        ("gan", {"z": "0"}, "is '0'; it must be in [1,"),
        ("gan", {"seed": "-1"}, "seed is '-1'; it must be a whole number"),
        ("gan", {"lrD": "1"}, "This room has no knob called 'lrD'. Perhaps lr_D was meant."),
        ("gan", {"tab": "Nope"}, "There is no tab called 'Nope' here; choose one of "),
        ("gan", {"clip": "1"}, "clip changes nothing here: it counts only with weight clipping."),
        ("gan", {"data": "rings"}, "There is no data called 'rings'"),
        ("compare", {"lr_D": "99", "knob": "k"}, "is '99'; it must be in [1e-05, 1]."),
        ("compare", {"knob": "lrD"}, "There is no knob 'lrD'"),
        ("compare", {"knob": "lr_D", "left": "99"}, "is '99'; it must be in [1e-05, 1]."),
        ("compare", {"family": "gann"}, "There is no model called 'gann'"),
        ("compare", {"lrG": "1"}, "has no knob called 'lrG'. Perhaps lr_G was meant."),
        ("wall", {"k": "99"}, "is '99'; it must be in [1, "),
        ("wall", {"lrD": "1"}, "This wall has no knob called 'lrD'"),
        ("wall", {"seed": "-1", "columns": "none"}, "seed is '-1'; it must be a whole number"),
        ("planes", {"z": "0"}, "is '0'; it must be in [1,"),
        ("planes", {"zz": "1"}, "This page has no knob called 'zz'."),
        ("planes", {"tab": "Nope"}, "There is no tab called 'Nope'"),
        ("runs", {"k": "3"}, "This page has no knob called 'k'."),
        ("", {"k": "3"}, "This page has no knob called 'k'."),
        ("change-of-variables", {"bas": "3"}, "This page has no knob called 'bas'. Perhaps base was meant."),
    ],
)  # fmt: skip
@pytest.mark.exhaustive
def test_what_a_link_may_not_say_is_named_in_one_sentence(visit, page, query, says):
    page = visit(page, **query)
    assert says in complaints(page)
    assert len(page.error) == 1


def test_a_link_that_says_what_can_be_gets_no_complaint(visit):
    link = {"lr_D": "0.00345", "loss": "hinge", "spectral": "True", "z": "5", "seed": "3", "data": "grid"}
    page = visit("gan", **link, tab="Check")
    assert not page.error
    assert (shown(page)["lr_D"], shown(page)["loss"], shown(page)["spectral"]) == (0.00345, "hinge", True)


ODD = {"width_G": 9, "lr_D": 0.0123, "beta1": 0.123, "noise": "uniform", "spectral": True}


def test_an_adopted_run_keeps_its_setting_in_the_address_for_a_machine_without_it(visit):
    config = GAN.configure(data.load("moons").space, ODD).model_dump()
    run_id = store.create({"family": "gan", "data": "moons", "seed": 11, "config": config}).name
    page = visit("gan", "bob", run=run_id, lr_G="0.09", k="4")
    assert not page.error
    said = {name: page.query_params[name] for name in page.query_params}
    said = {name: text if isinstance(text, str) else text[-1] for name, text in said.items()}
    usual = {"data": "moons", "seed": "11", "run": run_id}
    assert said == usual | {name: str(value) for name, value in ODD.items()}
    elsewhere = visit("gan", "eve", **said | {"run": "0123456789ab"})
    assert "There is no run 0123456789ab" in complaints(elsewhere)
    assert len(elsewhere.error) == 1
    assert shown(elsewhere) == shown_of("moons", **ODD)
    assert on_stage(elsewhere) != run_id
    info = info_of(on_stage(elsewhere))
    assert (info.data, info.seed, info.config) == ("moons", 11, config)


class Params(dict):
    """Of Streamlit's session: what it has sent to the browser's address, as it believes."""

    sent = 0

    def update(self, new):
        super().update(new)
        self.sent += 1

    def discard_param_no_forward_msg(self, name):
        del self[name]


@pytest.mark.parametrize(
    ("browser", "sent"), [("k=2&tab=Check", 0), ("k=2", 0), ("", 1), ("k=3", 1), ("k=2&seed=1", 1)]
)
def test_what_did_not_reach_the_browsers_address_is_written_again(monkeypatch, browser, sent):
    params = Params(k="2", tab="Laws", seed="1")
    session = SimpleNamespace(query_params=lambda: nullcontext(params))
    monkeypatch.setattr(address, "st", SimpleNamespace(session_state={"_words": {"k": "2", "seed": None}}))
    monkeypatch.setattr(address, "get_session_state", lambda: session)
    monkeypatch.setattr(address, "get_script_run_ctx", lambda: SimpleNamespace(query_string=browser))
    address.write(place=None)
    assert params == {"k": "2", "tab": "Laws"}
    assert params.sent == sent


@pytest.mark.exhaustive
def test_another_room_takes_nothing_over(visit):
    page = visit("gan", lr_D="0.005", batch="32", data="moons")
    page.query_params.clear()
    page._page_hash = calc_hash("cgan")
    works(page.run())
    assert page.slider(key="batch").value != 32
    assert page.selectbox(key="data").value == "digits"
    assert "lr_D" not in page.query_params


def test_a_whole_number_is_written_as_one(visit):
    page = slide(visit("handwriting"), "h", 200)
    assert page.query_params["h"] == "200"


def test_a_knob_without_effect_is_not_shown_and_never_starts_a_run(visit):
    config = GAN.configure(data.load("ring").space, {"clip": 1.0, "width_G": 8}).model_dump()
    run_id = store.create({"family": "gan", "data": "ring", "seed": 0, "config": config}).name
    page = visit("gan", "bob", run=run_id)
    assert on_stage(page) == run_id
    assert not {"clip", "weight"} & {*shown(page)}
    works(page.selectbox(key="penalty").set_value("R1").run())
    assert {"clip", "weight"} & {*shown(page)} == {"weight"}
