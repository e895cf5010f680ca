"""Who may import whom, and that nobody keeps a list of what others declare."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.dispatch import modules
from engine.families import families
from engine.metrics.measure import looked_at

ROOT = Path(__file__).parents[2]
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for top in ("engine", "lab", "pages")
    for path in sorted((ROOT / top).rglob("*.py"))
}
SHARED = {
    "engine": {"nets", "data", "brought", "metrics"},
    "lab": {"runs", "scenes", "probes", "kit", "stage", "makers"},
}
SUBJECTS = {name.split(".")[1] for name in FILES if name.count(".") == 2} - SHARED["engine"] - SHARED["lab"]
SCREENS = {"streamlit", "gradio", "plotly"}
WORKER = {"runs", "scenes", "probes"}  # with the scenes and probes of the subjects: what a worker imports
PAGE = {"kit", "tab", "words"}
# words that have other uses as well
PLAIN = {"gradient", "content", "diversity", "reconstruction", "holes", "modes", "frozen"}


def imported(path: Path) -> Iterator[str]:
    """All that a file imports anywhere, also inside functions: modules of ours by their full names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in FILES else str(node.module)


IMPORTS = {name: set(imported(path)) for name, path in FILES.items()}


def parts(name: str) -> tuple[str, str, str]:
    """Top, folder and kind of a module: lab.gan.gan_scene -> lab, gan, scene."""
    words = name.split(".")
    return words[0], words[1] if len(words) > 2 or name in FOLDERS else "", words[-1].rpartition("_")[2]


FOLDERS = {name for name, path in FILES.items() if path.name == "__init__.py"}
PAIRS = [(name, other) for name, others in IMPORTS.items() for other in sorted(others)]


def broken(rule) -> list[str]:
    return [f"{name} imports {other}" for name, other in PAIRS if rule(parts(name), parts(other), other)]


def test_the_engine_imports_nothing_that_is_seen():
    assert not broken(lambda who, what, _: who[0] == "engine" and what[0] in SCREENS | {"lab", "pages"})


def test_a_subject_imports_no_sibling():
    def sibling(who, what, other):
        apart = who[1] in SUBJECTS and what[1] in SUBJECTS and who[1] != what[1]
        return apart and what[0] in ("engine", "lab") and who[2] != "gan"  # engine/codes/vae_gan.py

    assert len(SUBJECTS) >= 5
    assert not broken(sibling)


def test_what_all_share_names_no_subject():
    def names_one(who, what, other):
        mixes = who[0] in SHARED and who[1] in SHARED[who[0]]
        return mixes and who[1] != "makers" and what[0] in SHARED and what[1] in SUBJECTS

    assert not broken(names_one)


def test_what_a_worker_imports_knows_no_screen():
    def seen(who, what, other):
        at_work = who[1] in WORKER or who[2] in ("scene", "probe")
        screen = what[0] in SCREENS or (what[0] == "lab" and what[1] in ("kit", "stage"))
        return who[0] == "lab" and at_work and screen

    assert not broken(seen)


def test_what_a_page_is_made_of_imports_no_torch():
    def computes(who, what, other):
        of_page = who[1] in PAGE or who[2] in PAGE
        return (who[0] == "pages" and what[0] in ("torch", "numpy")) or (of_page and what[0] == "torch")

    assert not broken(computes)


def test_runs_know_only_scenes_and_probes_of_the_lab():
    def knows(who, what, other):
        return who[:2] == ("lab", "runs") and what[0] == "lab" and what[1] not in WORKER

    assert not broken(knows)


def test_the_stage_knows_nothing_of_the_lab():
    assert not broken(
        lambda who, what, _: (
            who[:2] == ("lab", "stage") and what[0] in ("lab", "engine") and what[1] != "stage"
        )
    )


def test_nobody_imports_pages_and_only_the_command_the_server():
    assert not broken(lambda who, what, _: what[0] == "pages")
    assert [name for name, others in IMPORTS.items() if "lab.server" in others] == ["lab.cli"]


def test_there_are_no_circles():
    """Also none that an import inside a function closes."""
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way[way.index(name) :], name])
        if name in done:
            return
        for other in sorted(IMPORTS[name] & FILES.keys()):
            if other != name:
                walk(other, (*way, name))
        done.add(name)

    for name in sorted(FILES):
        walk(name, ())


def keys(path: Path) -> Iterator[str]:
    """Texts that a file uses as keys: of dictionaries and of rows."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        texts: list[ast.expr | None] = []
        if isinstance(node, ast.Subscript):
            texts = [node.slice]
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            texts = [node.left]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("get", "pop")
        ):
            texts = [*node.args[:1]]
        elif isinstance(node, ast.Dict):
            texts = [*node.keys]
        yield from (
            key.value for key in texts if isinstance(key, ast.Constant) and isinstance(key.value, str)
        )


@pytest.mark.parametrize("top", ["engine", "lab", "pages"])
def test_nobody_keeps_names_of_measures(top):
    """Whoever reads a measure imports it from where it is declared."""
    families(), modules("measures", "engine")
    names = {str(measure) for measure in looked_at()} - PLAIN
    assert len(names) > 15
    kept = {name: names & set(keys(path)) for name, path in FILES.items() if name.split(".")[0] == top}
    assert not {name: words for name, words in kept.items() if words}
