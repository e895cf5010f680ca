"""SECURITY.md: each promise names the tests that hold it, and those tests are there."""

import ast
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / ".github/SECURITY.md").read_text(encoding="utf-8")
SECTIONS = dict(part.split("\n", 1) for part in TEXT.split("\n## ")[1:])
PROMISES = ["What we promise", "What is logged", "What is kept, and for how long"]


def points(section: str) -> list[str]:
    """The points of a section, each with its comment."""
    return re.split(r"^- ", re.sub(r"^\*\*.*\*\*$", "", section, flags=re.MULTILINE), flags=re.MULTILINE)[1:]


def named(point: str) -> list[str]:
    return [one for comment in re.findall(r"<!--(.*?)-->", point, re.DOTALL) for one in comment.split()]


def is_there(name: str) -> bool:
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(
    "point", [one for name in PROMISES for one in points(SECTIONS[name])], ids=lambda p: p[:40]
)
def test_each_promise_names_tests_that_are_there(point):
    assert named(point), "a promise without a test"
    assert [name for name in named(point) if not is_there(name)] == []


def test_all_that_is_promised_is_a_point():
    """Between the points there is nothing but headings, so that no promise hides from the test above."""
    assert len(SECTIONS) == 5
    for name in PROMISES:
        assert len(points(SECTIONS[name])) >= 3
        before, _, _ = re.sub(r"^\*\*.*\*\*$", "", SECTIONS[name], flags=re.MULTILINE).partition("- ")
        assert not before.strip()
        outside = re.sub(r"<!--.*?-->", "", SECTIONS[name], flags=re.DOTALL)
        assert all(re.match(r"(- |  |\*\*|$)", line) for line in outside.splitlines())
    assert "<!--" not in SECTIONS["What we do not promise"]


def test_each_dependency_ends_where_it_was_tested_and_what_is_installed_is_within():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = [Requirement(text) for text in project["dependencies"]]
    assert len(needs) > 10
    for need in needs:
        assert {one.operator for one in need.specifier} & {"<", "~="}, f"{need} has no end"
        assert need.specifier.contains(version(need.name)), need
