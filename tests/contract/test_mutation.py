"""The errors that the mutation test makes: each changes the computation, none the words."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests import mutation
from tests.mutation import Functions, Mutant, Reached, chosen, mutants

SOURCE = '''"""f(x) = 1 - x."""
from engine.config import knob

def f(x, y, weight=2.0):
    """At least 0."""
    if not x.any():
        raise ValueError(f"{1 + 1} is wrong")
    total = [a for a in x[1:] if a > 0]
    total += 1
    g(x, y)
    return weight * (x.square().mean(dim=1, keepdim=True) - -y) and x is not None

b = knob(0.5, 0, 1)
'''


def test_every_kind_of_error_is_made_once_and_no_word_is_changed() -> None:
    made = list(mutants("f.py", SOURCE))
    changes = {(m.old_line, m.new_line) for m in made}
    assert len(changes) == len(made)
    new = [m.new_line for m in made]
    assert {
        "def f(x, y, weight=4.0):",
        "if (not (not x.any())):",
        "if x.any():",
        "if not x.all():",
        "total = [a for a in x[:] if a > 0]",
        "total = [a for a in x[1:] if True]",
        "total = [a for a in x[1:] if a >= 0]",
        "total -= 1",
        "pass",
        "None",
        "g(y, x)",
        "return weight / (x.square().mean(dim=1, keepdim=True) - -y) and x is not None",
        "return weight * (x.sqrt().mean(dim=1, keepdim=True) - -y) and x is not None",
        "return weight * (x.square().sum(dim=1, keepdim=True) - -y) and x is not None",
        "return weight * (x.square().mean(dim=1, keepdim=False) - -y) and x is not None",
        "return weight * (x.square().mean(dim=1, ) - -y) and x is not None",
        "return weight * (x.square().mean(dim=1, keepdim=True) + -y) and x is not None",
        "return weight * (x.square().mean(dim=1, keepdim=True) - y) and x is not None",
        "return weight * (x.square().mean(dim=1, keepdim=True) - -y) or x is not None",
        "return weight * (x.square().mean(dim=1, keepdim=True) - -y) and x is None",
    } <= set(new)
    assert not any(m.line in (1, 2, 5, 7, 13) for m in made)
    for m in made:
        assert compile(SOURCE[: m.start] + m.new + SOURCE[m.end :], "f.py", "exec")


def test_what_is_proved_to_change_nothing_is_not_tried_also_on_a_line_with_a_comment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f.py").write_text("a = 1  # one\nb = 1\n")
    (tmp_path / "known").write_text("# Why.\nf.py | a = 1 # one => a = 2 # one  # a # reason\n")
    monkeypatch.setattr(mutation, "ROOT", tmp_path)
    monkeypatch.setattr(mutation, "EQUIVALENT", tmp_path / "known")
    assert [m.new_line for m in chosen(["f.py"], None, 0, 0)] == ["b = 2"]


def test_tests_that_reach_a_line_come_first_and_a_line_of_a_class_is_everybodys() -> None:
    lines = {"f.py": {"4": ["import"], "9": ["t.py::slow", "t.py::quick", "other.py"]}}
    seconds = {"t.py::slow": 2.0, "t.py::quick": 0.1, "t.py::far": 0.5, "other.py::a": 1.0, "no.py::b": 0.0}
    reached = Reached(lines, seconds)
    of_line = {m.line: reached.tests(m) for m in mutants("f.py", SOURCE)}
    assert of_line[9] == (["t.py::quick", "other.py::a", "t.py::slow"], ["t.py::far"])
    assert set(of_line[4][0]) == {"t.py::slow", "t.py::quick", "other.py::a"}  # and of a default
    assert set(of_line[11][0]) == set(of_line[4][0])  # a line that coverage does not know


MODULE = """
from functools import cache

LIMIT = 3

def low(x):
    return x < LIMIT

class Box:
    size = 4

    @cache
    def twice(self, x=1):
        return [2 * a for a in (x,)]

def made():
    def inner(x):
        return x + 5
    return inner

five_more = made()
"""


def test_a_function_gets_its_wrong_code_and_what_has_done_its_work_is_left_to_an_import(
    tmp_path: Path,
) -> None:
    (path := tmp_path / "f.py").write_text(MODULE)
    spec = importlib.util.spec_from_file_location("f", path)
    assert spec
    assert spec.loader
    f = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(f)
    functions = Functions(tmp_path)

    def wrong(new_line: str) -> Mutant:
        return next(m for m in mutants("f.py", MODULE) if m.new_line.strip() == new_line)

    box = f.Box()
    for new_line in ("return x <= LIMIT", "return [2 / a for a in (x,)]"):
        for function, code in functions.with_error(wrong(new_line)):
            function.__code__ = code
    assert f.low(3)
    assert box.twice(4) == [0.5]
    for new_line in ("LIMIT = 4", "size = 5", "def twice(self, x=2):", "return x - 5"):
        with pytest.raises(ValueError, match=r"changed|work"):
            functions.with_error(wrong(new_line))
