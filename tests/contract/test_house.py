"""The rules of the house: who may import whom, how long a file may be, and that what is shipped is true."""

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load as load_arrays

from engine import data
from engine.families import families, find
from lab import server
from lab.door import Door
from lab.kit.subject import recordings
from lab.runs import store, wire

ROOT = Path(__file__).parents[2]
ENGINE = sorted((ROOT / "engine").rglob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))
SCREENS = {"streamlit", "gradio", "plotly", "lab", "pages"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.exhaustive
def test_the_engine_loads_nothing_that_is_seen():
    loads = f"import sys, {', '.join(module(path) for path in ENGINE)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", loads], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "engine.gan.gan" in loaded
    assert not loaded & SCREENS


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_computes_no_tensor(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {
        n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
    }
    assert not called & {"sample", "turns", "forward", "backward", "step", "fit"}


def test_only_the_one_loop_takes_gradients_and_steps():
    words = (".backward(", "autograd.grad(", ".step(")
    # an optimizer that is a kind of another may say so
    texts = {name_of(p): p.read_text(encoding="utf-8").replace("super().step(", "") for p in ENGINE}
    steps = {name for name, text in texts.items() if any(w in text for w in words)}
    assert {p for p in steps if not p.endswith("checks.py")} == {"engine/fit.py"}


@pytest.mark.parametrize("family", families().values(), ids=lambda f: f.name)
def test_a_familys_file_is_short(family):
    assert len(inspect.getsource(sys.modules[family.__module__]).splitlines()) <= 150


def test_no_file_is_long():
    lines = {
        name_of(p): p.read_text(encoding="utf-8").count("\n")
        for p in [*ENGINE, *(ROOT / "lab").rglob("*.py")]
    }
    assert not {name: n for name, n in lines.items() if n > 300}


def test_every_public_name_of_the_engine_says_what_it_is():
    silent = []
    for path in ENGINE:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        bare = [] if ast.get_docstring(tree) else [name_of(path)]
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                bare += [] if ast.get_docstring(node) else [f"{name_of(path)}: {node.name}"]
        silent += bare
    assert not silent


@pytest.mark.parametrize(
    "knob",
    [
        pytest.param(k, id=f"{f.name}-{k.name}")
        for f in families().values()
        for k in f.Config.knobs().values()
    ],
)
def test_every_knob_has_a_label_and_a_sentence(knob):
    assert knob.label != knob.name or len(knob.name) == 1
    assert len(knob.label) <= 40
    assert len(knob.says.split()) >= 2
    assert not knob.says.endswith(".")
    if knob.kind != "bool":
        assert knob.default in knob.choices if knob.choices else knob.low <= knob.default <= knob.high
    assert not knob.log or knob.low > 0


def test_the_server_skips_the_collection_after_each_rerun_and_stays_at_home(monkeypatch):
    given = {}
    monkeypatch.setattr(server.st.App, "run", lambda self, config: given.update(config))
    server.serve(Door())
    assert given["runner.postScriptGC"] is False
    assert given["server.address"] == "127.0.0.1"
    assert given["browser.gatherUsageStats"] is False
    assert given["client.showErrorDetails"] == "none"


def test_every_recording_that_is_declared_is_shipped_and_no_other():
    assert {file.parent.name for file in store.RECORDINGS.glob("*/run.json")} == {
        *recordings(),
    }


@pytest.mark.parametrize("name", recordings())
def test_a_recording_is_what_its_room_opens_with(name):
    family, data_name, rounds, slower, pictures, *_ = recordings()[name][0]
    knobs = recordings()[name][0].knobs
    at = store.RECORDINGS / name
    info = store.read_info(at)
    space = data.load(data_name).space
    assert (info.id, info.family, info.data, info.seed) == (name, family, data_name, 0)
    assert info.config == find(family).configure(space, knobs).model_dump()
    assert (info.owner, info.state) == ("", "ended")
    assert not [*at.glob("checkpoint*"), *at.glob("keyframes/*.state.*")], "nobody goes on with a recording"
    assert store.weights(at).exists()
    assert store.has_model(at)
    assert ("learning rates" in info.why) == slower, "it says how it differs from its knobs"
    kept = store.keyframes(at)
    assert (kept[0], kept[-1]) == (0, rounds)
    assert len(kept) <= pictures
    shown = {"image": "images/samples", "points": "points/fake", "line": "line/model density"}
    shown |= {"wave": "wave/samples", "text": "words/samples"}
    shown |= dict.fromkeys(("pen", "script"), "strokes/samples")
    wanted = (shown | {"transfer": "photo/result"})[space.kind]
    for round in kept:
        frame = store.keyframe(at, round).read_bytes()
        about = json.loads(wire.header(frame)["frame"])
        assert about["round"] == about["key"] == round
        arrays = load_arrays(frame)
        assert wanted in arrays
        assert len(frame) < 150_000
        assert all(array.size for array in arrays.values())
    rows = [row["round"] for row in store.rows(at / "metrics.jsonl")]
    assert rows == sorted(set(rows))
    assert rounds - 64 <= rows[-1] <= rounds


def test_every_asset_is_named_with_its_licence():
    told = (ROOT / "assets/README.md").read_text(encoding="utf-8")
    names = {p.name for p in (ROOT / "assets").iterdir() if not p.name.startswith(("README", ".", "__"))}
    assert not [name for name in names if f"`{name}" not in told]
