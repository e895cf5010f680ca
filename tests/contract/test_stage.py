"""The stage's modules hang together, and the server hands them out to be kept."""

from __future__ import annotations

import gzip
import posixpath
import re
import tomllib
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from lab import stage as components
from lab.stage.files import FILES, MOUNT, ROUTE, VERSION, address, imported, needed, preload, script
from lab.stage.stage import GLOSSARY, HEAD, STAGE
from tests.browser.modules import exports

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for path in FILES if path.endswith(".js"))
PYTHON = {path: path.read_text(encoding="utf-8") for path in (ROOT / "lab/stage").glob("*.py")}
_NAMED = re.compile(r'^import (?:(\w+)(?:, )?)?(?:\{ ([^}]+) \})? ?from "([^"]+)";$', re.MULTILINE)


def names_imported(module: str) -> list[tuple[str, str]]:
    """What a module imports: (module, name), where the name of a default export is "default"."""
    imports = []
    for default, names, path in _NAMED.findall(FILES[module].decode()):
        source = posixpath.normpath(posixpath.join(posixpath.dirname(module), path))
        imports += [(source, name.strip()) for name in names.split(",") if name.strip()]
        imports += [(source, "default")] if default else []
    return imports


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_exists_and_uses_it(module):
    text = FILES[module].decode()
    assert (
        len(re.findall(r"^import\b", text, re.MULTILINE))
        == len(_NAMED.findall(text))
        == len(imported(module))
    )
    for source, name in names_imported(module):
        assert source in FILES, source
        if name == "default":
            assert b"\nexport default class " in FILES[source]
        else:
            assert name in exports(source), f"{source} has no {name}"
            assert len(re.findall(rf"\b{re.escape(name)}\b", text)) > 1, f"{name} is not used"


def test_every_export_is_used():
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/browser").glob("test_*.py"))
    used = {one for module in MODULES for one in names_imported(module)}
    spoken = "".join(PYTHON.values())
    for module in MODULES:
        for name in exports(module):
            told = module == MOUNT and name == "open"  # by the two lines of a component
            assert told or (module, name) in used or re.search(rf"\b{name}\b", tests), f"{module}: {name}"
        if b"\nexport default " in FILES[module]:
            assert f'"{module}"' in spoken, f"{module} is no component's"


def test_every_file_belongs_to_a_component():
    """A module is reached from a component, and a style sheet is worn by one."""
    told = set(re.findall(r'"([\w/]+\.(?:js|css))"', "".join(PYTHON.values())))
    reached = needed(*sorted(path for path in told if path.endswith(".js")))
    assert {*reached, *(path for path in told if path.endswith(".css"))} == set(FILES)


def circle(edges: dict[str, set[str]]) -> list[str]:
    """What is left when those that lead to nobody else are taken away, again and again."""
    left = dict(edges)
    while free := [one for one, others in left.items() if not others & set(left)]:
        for one in free:
            del left[one]
    return sorted(left)


def test_neither_modules_nor_folders_import_in_circles():
    edges = {module: set(imported(module)) for module in MODULES}
    assert circle(edges) == []
    folders: dict[str, set[str]] = {}
    for module, others in edges.items():
        own = module.partition("/")[0]
        folders.setdefault(own, set()).update({other.partition("/")[0] for other in others} - {own})
    assert circle(folders) == []


def test_files_are_short_and_folders_are_few():
    assert not {path for path in MODULES if FILES[path].count(b"\n") > 300}
    folders = [path.partition("/")[0] for path in FILES]
    assert all(3 <= folders.count(one) <= 12 for one in folders)
    assert all(path.count("/") == 1 for path in FILES)


def test_the_stages_preloads_are_its_whole_graph():
    scripts = set(re.findall(rf'rel="modulepreload" href="\./stage/{VERSION}/([^"]+)"', HEAD))
    assert scripts == {MOUNT, *needed(STAGE[0])}
    assert {"charts/plot.js", "core/measures.js", "plane/latent.js", "slow/drawer.js"} <= scripts
    others = ("film/", "bend/", "coder/", "desk/", "hand/", "passage/", "pads/", "scope/")
    assert not any(path.startswith(others) for path in scripts)
    assert all(f'rel="prefetch" href=".{address(sheet)}"' in HEAD for sheet in STAGE[1:])
    assert preload(*STAGE) + script(GLOSSARY) == HEAD


def test_a_component_sends_two_lines_and_its_data():
    def page() -> None:
        from lab.stage import coder, desk, film, hand, passage, scope, sketch, split, stage
        from lab.stage.alone import bend

        stage("some-run", key="stage")
        film("some-run", key="film", rows=[{"ask": "reverse"}], screens={"x_t": "x"})
        coder("some-run", key="coder")
        passage("some-run", key="passage")
        desk("some-run", key="desk")
        hand("some-run", key="hand")
        scope("some-run", key="scope")
        sketch(key="sketch")
        split(key="split", left=b"", right=b"", labels={})
        bend(key="bend")

    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
    sent = [one.proto for one in app.main if one.type == "bidi_component"]
    assert len(sent) == 10
    for proto in sent:
        first, second = proto.js_content.splitlines()
        assert VERSION in first
        assert second.startswith("export default await open(")
        assert len(proto.js_content) < 300
        assert proto.css_content == proto.html_content == ""
    assert set(components.__all__) >= {"stage", "pair", "film"}


@pytest.fixture(scope="module")
def server() -> TestClient:
    return TestClient(Starlette(routes=[ROUTE]))


@pytest.mark.parametrize("path", ["stage/stage.js", "core/base.css"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_a_file_is_served_to_be_kept_for_good(server, path, coding):
    with server.stream("GET", address(path), headers={"accept-encoding": coding}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    kind = "text/javascript" if path.endswith("js") else "text/css"
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.headers.get("content-encoding", "identity") == coding
    assert answer.headers["vary"] == "accept-encoding"
    assert (gzip.decompress(raw) if coding == "gzip" else raw) == FILES[path]
    assert coding == "identity" or len(raw) < 0.6 * len(FILES[path])


@pytest.mark.parametrize(
    "where",
    [
        "/stage/0123456789abcdef/stage/stage.js",  # of before an upgrade
        address("stage/nothing.js"),
        address(""),
        address("../stage.py"),
        address("core/../../stage.py"),
        address("%2e%2e/stage.py"),
        address("core%2f..%2f..%2fstage.py"),
        f"/stage/{VERSION}",
    ],
)
def test_what_is_not_there_is_not_kept(server, where):
    answer = server.get(where)
    assert answer.status_code == 404
    assert answer.headers.get("cache-control", "no-store") == "no-store"


def test_the_package_holds_every_folder():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = told["tool"]["setuptools"]["package-data"]["lab"]
    packed = {path for one in patterns for path in (ROOT / "lab").glob(one)}
    assert {ROOT / "lab/stage/js" / path for path in FILES} <= packed
