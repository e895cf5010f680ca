"""The rooms of models that write number by number, and the lie detector, without a browser."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from engine.data import load
from engine.families import families, find
from lab.autoregressive.lies_tab import ANSWERS, CASES, leak_of
from lab.kit.subject import places, words_of
from tests.pages.test_pages import info_of, staged, texts, works

ROOMS = {
    "nade": ("digits-7", ["Write and look"]),
    "made": ("digits-7", ["Write and look"]),
    "pixelcnn": ("digits-7", ["Write and look"]),
    "gated-pixelcnn": ("pixel-faces", ["Write and look"]),
    "pixelrnn": ("digits-7", ["Write and look"]),
    "wavenet": ("voices", ["Sound"]),
    "letters": ("villages-by-region", ["What comes next?", "Which region?"]),
    "handwriting": ("pen-digits", ["Write and draw"]),
    "handwriting-synthesis": ("words", ["Write and draw"]),
}
SMALL = {"channels": "8", "layers": "2", "h": "8", "H": "8", "width": "16", "dilations": "3", "batch": "4"}


def linked(page) -> list:
    return [urlsplit(link.proto.url) for link in page.get("link_button")]


def is_setting(link) -> None:
    """A link opens a room with data that it can model and knobs that it has."""
    query = dict(parse_qsl(link.query))
    room = link.path.strip("./")
    if room not in families() and room != "compare":
        assert room in {place.address for place in places()}
        return
    family = find(query.pop("family", room))
    query.pop("tab", None)
    if name := query.pop("data", ""):
        assert isinstance(load(name).space, family.kinds)
    if knob := query.pop("knob", None):
        assert all(family.Config.of({knob: query.pop(side)}) for side in ("left", "right"))
    assert family.Config.of(query)


def small(name: str) -> dict[str, str]:
    known = find(name).Config.model_fields
    return {k: v for k, v in SMALL.items() if k in known}


@pytest.mark.parametrize("name", ROOMS)
@pytest.mark.exhaustive
def test_every_room_opens_with_its_tools(visit, name):
    data, tools = ROOMS[name]
    page = visit(name, data=data, **small(name))
    gallery = ["Failures and cures"] if words_of(find(name)).failures else []
    assert [t.label for t in page.tabs] == [*tools, "Formula and code", *gallery, "Try this", "Check"]
    assert not page.error
    assert info_of(staged(page)[0]).data == data


@pytest.mark.parametrize("name", ROOMS)
@pytest.mark.exhaustive
def test_formulas_and_links(visit, name):
    page = visit(name, tab="Formula and code", data=ROOMS[name][0], **small(name))
    assert r"\log p(" in texts(page)
    for link in linked(visit(name, tab="Try this", data=ROOMS[name][0], **small(name))):
        is_setting(link)


def test_the_desk_of_made_shows_masks(visit):
    for name, masks in (("made", True), ("nade", False)):
        page = visit(name, data="digits-7", **small(name))
        told = [json.loads(one.proto.json) for one in page.get("bidi_component")]
        (desk,) = [one for one in told if "masks" in one]
        assert desk["masks"] is masks
        assert desk["verdict"] is True


# --- the lie detector -----------------------------------------------------------------------------------


def pair(page) -> list:
    told = [json.loads(one.proto.json) for one in page.get("bidi_component")]
    (runs,) = [one["runs"] for one in told if "runs" in one]
    return [info_of(run) for run in runs]


@pytest.mark.parametrize("name", CASES)
def test_a_case_shows_the_lie_and_its_cure_on_their_sides(visit, name):
    case = CASES[name]
    page = visit("lie-detector", case=name)
    assert not page.error
    failure = leak_of(case)
    for side, info in zip("AB", pair(page), strict=True):
        knobs = failure.of(None if side == case.liar else failure.cures[0])[1]
        assert (info.family, info.data) == (case.family, failure.data)
        assert {k: info.config[k] for k in knobs} == knobs
    assert failure.symptom in ANSWERS
    told = [json.loads(one.proto.json) for one in page.get("bidi_component")]
    assert all(one["verdict"] is False for one in told if "masks" in one), "it is for the student to say"
    assert failure.title not in texts(page)


def answer(page, side: str, why: str):
    page.radio[0].set_value(side)
    page.radio[1].set_value(why)
    (say,) = [button for button in page.button if button.label == "Say so"]
    return works(say.click().run())


def test_only_the_right_answer_is_told_to_be_right(visit):
    case = CASES["masked"]
    honest = "A" if case.liar == "B" else "B"
    page = visit("lie-detector", case="masked")
    page = answer(page, honest, "Sees itself")
    assert "nothing is wrong there" in page.info[0].value
    page = answer(page, case.liar, "Sees the future")
    assert "the reason is not" in page.info[0].value
    assert not page.success
    page = answer(page, case.liar, "Sees itself")
    assert not page.info
    assert page.success[0].value == f"Yes: model {case.liar} lies."
    assert leak_of(case).title in texts(page)
    for link in linked(page):
        is_setting(link)
    assert len(linked(page)) == 2


def test_an_unknown_case_is_said(visit):
    page = visit("lie-detector", case="nonsense")
    assert "There is no case called 'nonsense'" in page.error[0].value
