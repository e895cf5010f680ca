"""Modules are found by place and last word, functions by the type that they serve: in folders of toys."""

import importlib
import os
import sys

import pytest

from engine import dispatch
from engine.config import Refused
from engine.dispatch import YOURS, folders, kind_of, load, modules, names, serving

KINDS = "class Toy: ...\nclass Coin(Toy): ...\nclass Penny(Coin): ...\nclass Ball: ..."
SCENE = "from toys.plain import Coin, Toy\n"


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Writes files into folders of their own; `toys` is a package."""

    def write(**files: str) -> None:
        for place, text in files.items():
            file = tmp_path / f"{place.replace('__', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()

    def forget() -> None:
        dispatch.modules.cache_clear()
        dispatch._functions.cache_clear()
        for name in [name for name in sys.modules if name.split(".")[0] in (YOURS, "toys")]:
            del sys.modules[name]

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("GENLAB_FAMILIES", raising=False)
    forget()
    write(toys__plain=KINDS)
    (tmp_path / "toys/__init__.py").write_text("")
    write.at = tmp_path  # type: ignore[attr-defined]
    yield write
    forget()


def test_modules_are_those_of_a_package_and_of_its_folders_one_level_deep(toys):
    toys(toys__coin__coin="", toys__coin__measures="", toys__coin__deep__inner="", toys__ball__ball="")
    (toys.at / "toys/coin/deep/__init__.py").write_text("")
    (toys.at / "toys/empty").mkdir()
    (toys.at / "toys/notes.d").mkdir()
    (toys.at / "toys/notes.d/notes.py").write_text("")
    (toys.at / "toys/coin.txt").write_text("")
    assert names("toys") == ["toys.ball.ball", "toys.coin.coin", "toys.coin.measures", "toys.plain"]


def test_folders_of_ones_own_are_one_package_together(toys, monkeypatch):
    toys(a__one="", a__dice__dice="x = 1", b__dice__more="", b__two="")
    monkeypatch.setenv("GENLAB_FAMILIES", os.pathsep.join([str(toys.at / "a"), "", str(toys.at / "b")]))
    assert folders() == [toys.at / "a", toys.at / "b"]
    assert names(YOURS) == ["yours.dice.dice", "yours.dice.more", "yours.one", "yours.two"]
    assert load("yours.dice.dice").x == 1
    monkeypatch.setenv("GENLAB_FAMILIES", os.pathsep.join([str(toys.at / "a")] * 2))  # named twice: no harm
    assert names(YOURS) == ["yours.dice.dice", "yours.one"]
    monkeypatch.setenv("GENLAB_FAMILIES", "")
    assert (folders(), names(YOURS)) == ([], [])


def test_a_folder_that_is_missing_and_a_file_in_two_folders_are_refused(toys, monkeypatch):
    toys(a__one="", b__one="", b__two="")
    monkeypatch.setenv("GENLAB_FAMILIES", os.pathsep.join([str(toys.at / "a"), str(toys.at / "c")]))
    with pytest.raises(Refused, match="/c, which is not a folder"):
        folders()
    monkeypatch.setenv("GENLAB_FAMILIES", os.pathsep.join([str(toys.at / "a"), str(toys.at / "b")]))
    with pytest.raises(Refused, match=r"are named one\.py; rename one"):
        folders()


def test_a_module_that_does_not_import_is_named_with_its_file(toys):
    toys(toys__typo="import nonsense")
    with pytest.raises(ModuleNotFoundError) as failure:
        load("toys.typo")
    assert failure.value.__notes__ == [f"{toys.at / 'toys/typo.py'} does not import."]
    with pytest.raises(ModuleNotFoundError) as failure:
        load("toys.missing")
    assert failure.value.__notes__ == ["toys.missing does not import."]


def test_the_last_word_of_a_name_is_its_kind(toys, monkeypatch):
    assert [*map(kind_of, ("a.b.coin_scene", "a.b_c.scene", "words", "a.my_own_probe"))] == [
        "scene", "scene", "words", "probe",
    ]  # fmt: skip
    toys(
        toys__coin__coin_scene="", toys__scene="", toys__scenes="", toys__coin__scene_words="", a__my_scene=""
    )
    monkeypatch.setenv("GENLAB_FAMILIES", str(toys.at / "a"))
    found = [module.__name__ for module in modules("scene", "toys")]
    assert found == ["toys.coin.coin_scene", "toys.scene", "yours.my_scene"]


@pytest.mark.parametrize("base", ["base", "zoo"])  # found before or after the nearer one
def test_functions_serve_what_inherits_the_nearest_type_first(base, toys):
    toys(
        toys__coin__coin_scene=f"{SCENE}from toys.{base}_scene import draw, layers\n"
        "def draw(f: type[Coin], data): ...\ndef once(model: Coin): ...",
        toys__plain_scene=f"{SCENE}def other(model): ...",
        **{f"toys__{base}_scene": f"{SCENE}def draw(model: Toy): ...\ndef layers(model: Toy): ...\nonce = 3"},
    )
    plain = load("toys.plain")

    def served(name: str, kind: str) -> list[str]:
        return [one.__module__ for one in serving("scene", "toys", name, getattr(plain, kind))]

    assert served("draw", "Penny") == served("draw", "Coin") == ["toys.coin.coin_scene", f"toys.{base}_scene"]
    for name, kind in (("draw", "Toy"), ("layers", "Penny")):
        assert served(name, kind) == [f"toys.{base}_scene"]  # imported is not its own
    assert served("once", "Coin") == ["toys.coin.coin_scene"]  # 3 is no function
    assert served("draw", "Ball") == served("once", "Toy") == served("nothing", "Penny") == []


@pytest.mark.parametrize("first", ["model", "", "model: int | float", "model: list[Coin]"])
def test_a_function_must_say_whom_it_serves(first, toys):
    toys(toys__coin_scene=f"{SCENE}def draw({first}): ...")
    with pytest.raises(TypeError, match=r"toys\.coin_scene\.draw must say which models it serves"):
        serving("scene", "toys", "draw", load("toys.plain").Coin)


@pytest.mark.parametrize("place", ["toys__b_scene", "toys__coin__b_scene", "a__b_scene", "a__coin__b_scene"])
def test_two_that_serve_one_type_are_refused_wherever_they_are(place, toys, monkeypatch):
    (toys.at / "a").mkdir()
    monkeypatch.setenv("GENLAB_FAMILIES", str(toys.at / "a"))
    toys(toys__a_scene=f"{SCENE}def draw(model: Coin): ...")
    toys(**{place: f"{SCENE}def draw(model: Coin): ..."})
    with pytest.raises(TypeError, match=r"both have a draw for Coin"):
        serving("scene", "toys", "draw", load("toys.plain").Coin)


def test_two_that_serve_one_type_are_refused_and_one_that_is_loaded_is_kept(toys):
    toys(toys__a_scene=f"{SCENE}def draw(model: Coin): ...")
    coin = load("toys.plain").Coin
    (draw,) = serving("scene", "toys", "draw", coin)
    toys(toys__b_scene=f"{SCENE}def draw(model: Coin): ...")
    assert serving("scene", "toys", "draw", coin) == [draw]
    dispatch.modules.cache_clear()
    dispatch._functions.cache_clear()
    with pytest.raises(TypeError, match=r"toys\.a_scene and toys\.b_scene both have a draw for Coin"):
        serving("scene", "toys", "draw", coin)
