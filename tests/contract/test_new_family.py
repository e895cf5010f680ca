"""A family is one file: written here, it must get its command, sliders, page and tests with no other edit."""

import importlib
import json
import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import engine.families
from engine.config import Refused
from engine.dispatch import YOURS

pytestmark = pytest.mark.exhaustive
ROOT = Path(__file__).parents[2]
GAUSS = r'''
"""A Gaussian with independent axes, fitted by maximum likelihood (https://example.org/gauss)."""

from typing import Literal

import torch
from torch import nn

from engine.config import Config, knob
from engine.family import Family


class GaussConfig(Config):
    lr: float = knob(0.05, 1e-4, 1, label="Learning rate", says="learning rate", log=True, live=True)
    start: float = knob(2.0, 0.1, 10, label="First sigma", symbol=r"\sigma_0", says="sigma at the start")
    batch: int = knob(64, 2, 512, label="Batch", says="examples in a minibatch", live=True, advanced=True)
    axes: Literal["free", "shared"] = knob("free", label="Axes", says="one sigma for each axis, or one")


class Gauss(Family):
    name = "gauss"
    title = "Diagonal Gaussian"
    source = "Gauss, 1809, https://example.org/gauss"
    branch = "tractable"
    Config = GaussConfig
    kinds = ("line", "points")

    def __init__(self, config, space):
        super().__init__(config, space)
        self.mu = nn.Parameter(torch.zeros(space.shape))
        sigmas = space.shape if config.axes == "free" else (1,)
        self.log_sigma = nn.Parameter(torch.full(sigmas, config.start).log())

    def p(self):
        return torch.distributions.Normal(self.mu, self.log_sigma.exp())

    def turns(self, batch):
        yield self, {"-E[log p(x)]": -self.p().log_prob(batch.x).sum(-1).mean()}

    @torch.no_grad()
    def sample(self, n, y=None):
        return self.p().sample((n,))
'''
PAGE = """
import os
from streamlit.testing.v1 import AppTest
from streamlit.runtime.context import ContextProxy
from streamlit.util import calc_hash
from lab.runs.supervisor import supervisor

ContextProxy.cookies = property(lambda self: {"genlab": "ann"})
page = AppTest.from_file(os.path.abspath("lab/home.py"), default_timeout=300)
page._page_hash = calc_hash("gauss")
page.run()
assert not page.exception, page.exception
assert not page.error, page.error
assert page.title[0].value == "Diagonal Gaussian"
assert {w.key: w.value for w in page.select_slider} == {"lr": 0.05}
assert {w.key: w.value for w in page.slider} == {"start": 2.0, "batch": 64}
assert {w.key: w.value for w in page.selectbox} == {"data": "ring", "axes": "free"}
assert "Gauss" in "".join(h.proto.body for h in page.get("html"))
page = AppTest.from_file(os.path.abspath("lab/home.py"), default_timeout=300)
page._page_hash = calc_hash("gauss")
page.query_params["tab"] = "Check"
page.run()
page.button(key="measure").click().run()
assert not page.exception, page.exception
assert set(page.table[-1].value[""]) == {"✅ holds"}
supervisor().close()
print("the page is well")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    (tmp_path / "families").mkdir()
    monkeypatch.setenv("GENLAB_FAMILIES", str(tmp_path / "families"))
    (tmp_path / "families/gauss.py").write_text(GAUSS, encoding="utf-8")
    return tmp_path / "families"


def python(*words: object, code: int = 0) -> tuple[str, str]:
    """What a fresh interpreter prints: families are found once in a process."""
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "300", "GENLAB_PART": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout, done.stderr


def test_it_is_listed(folder):
    told, _ = python("-m", "lab.cli", "list")
    told = " ".join(told.split())  # columns are as wide as the longest name
    assert "gauss Diagonal Gaussian (Gauss, 1809, https://example.org/gauss)" in told


def test_its_knobs_are_flags_with_their_help(folder):
    told, _ = python("-m", "lab.cli", "train", "gauss", "--help")
    told = " ".join(told.split())
    assert "--lr V learning rate; in [0.0001, 1], default 0.05" in told
    assert "--start V sigma at the start; in [0.1, 10], default 2.0" in told
    assert "--axes V one sigma for each axis, or one; one of free, shared, default free" in told


def test_it_trains_from_the_command_line(folder):
    words = (
        "-m",
        "lab.cli",
        "train",
        "gauss",
        "--data",
        "moons",
        "--rounds",
        120,
        "--axes",
        "shared",
        "--json",
    )
    rows = [json.loads(line) for line in python(*words)[0].splitlines()]
    assert [row["round"] for row in rows[:-1]] == list(range(1, 121))
    assert rows[-1]["state"] == "ended"
    assert rows[119]["-E[log p(x)]"] < rows[0]["-E[log p(x)]"] - 0.3


def test_data_it_does_not_model_are_refused(folder, tmp_path):
    words = "-m", "lab.cli", "train", "gauss", "--data", "digits", "--rounds", 1
    assert python(*words, code=2) == (
        "",
        "genlab: Diagonal Gaussian does not model digits; choose other data from `genlab list`.\n",
    )
    assert not (tmp_path / "runs").exists()


def test_it_has_a_page_with_its_sliders_and_its_laws_hold(folder):
    assert "the page is well" in python("-c", PAGE)[0]


def test_it_is_under_contract(folder):
    told, _ = python(
        "-m", "pytest", "tests/contract/test_families.py", "-vv", "-k", "gauss", "-p", "no:cacheprovider"
    )
    names = [line.split("::")[1].split()[0] for line in told.splitlines() if "PASSED" in line]
    assert "test_the_family_says_what_it_is[gauss]" in names
    assert "test_the_laws_of_the_check_tab_hold_on_a_trained_model[gauss]" in names
    assert "test_every_weight_of_a_player_learns_on_its_turn[gauss]" in names
    ends = [
        name
        for name in names
        if name.startswith("test_both_ends_of_every_knob_train_one_finite_round[gauss-")
    ]
    assert len(ends) == 8


BROKEN = {
    "it does not import": ("typo.py", "import nonsense\n", ["No module named 'nonsense'", "typo.py"]),
    "it has a wrong sign": ("typo.py", "def f(:\n", ["SyntaxError", "typo.py"]),
    "it defines no family": ("helpers.py", "x = 1\n", ["helpers.py defines no Family"]),
    "its name is taken": ("copy.py", GAUSS, ["two families are named 'gauss'", "gauss.py"]),
    "its name is one of the lab's": (
        "mine.py", GAUSS.replace('"gauss"', '"gan"'), ["two families are named 'gan'", "mine.py"],
    ),
    "a knob has no bounds": (
        "loose.py",
        GAUSS.replace("0.05, 1e-4, 1,", "0.05,").replace('"gauss"', '"loose"'),
        ["GaussConfig.lr must be a bounded int or float"],
    ),
    "a knob has a name that is taken": (
        "seed.py",
        GAUSS.replace("start", "seed").replace('"gauss"', '"other"'),
        ["GaussConfig.seed needs another name"],
    ),
}  # fmt: skip


@pytest.fixture
def discover(folder):
    """Search for families anew, in this process."""
    yield engine.families.families.__wrapped__
    for name in [name for name in sys.modules if name.split(".")[0] == YOURS]:
        del sys.modules[name]


@pytest.mark.parametrize(("name", "text", "messages"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_fails_loudly_and_is_named(folder, discover, name, text, messages):
    assert list(discover()) == [*sorted({*engine.families.families(), "gauss"})]
    (folder / name).write_text(text, encoding="utf-8")
    importlib.invalidate_caches()
    with pytest.raises((ImportError, SyntaxError, TypeError)) as failure:
        discover()
    told = "".join(traceback.format_exception(failure.value))
    assert all(message in told for message in messages), told


def test_what_lies_beside_a_family_for_another_purpose_defines_none(folder, discover):
    for role in engine.families.ROLES:
        (folder / f"gauss_{role}.py").write_text("import nonsense", encoding="utf-8")  # nor is it loaded
        (folder / f"{role}.py").write_text("import nonsense", encoding="utf-8")
    importlib.invalidate_caches()
    assert list(discover()) == [*sorted({*engine.families.families(), "gauss"})]


def test_helpers_may_lie_in_a_folder_beside_it_and_so_may_families(folder, discover):
    (folder / "coins").mkdir()
    (folder / "coins/helpers.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "coins/coin.py").write_text(GAUSS.replace('"gauss"', '"coin"'), encoding="utf-8")
    importlib.invalidate_caches()
    assert list(discover()) == [*sorted({*engine.families.families(), "coin", "gauss"})]


def test_a_name_of_a_file_in_two_folders_is_refused(folder, discover, tmp_path, monkeypatch):
    (other := tmp_path / "other").mkdir()
    (other / "gauss.py").write_text(GAUSS.replace('"gauss"', '"other"'), encoding="utf-8")
    monkeypatch.setenv("GENLAB_FAMILIES", f"{folder}{os.pathsep}{other}")
    with pytest.raises(Refused, match=r"two files in GENLAB_FAMILIES are named gauss\.py; rename one"):
        discover()


def test_a_folder_that_is_not_there_is_refused(folder, discover):
    shutil.rmtree(folder)
    with pytest.raises(Refused, match=f"GENLAB_FAMILIES names {folder}, which is not a folder"):
        discover()


def test_the_command_fails_loudly_too(folder):
    (folder / "typo.py").write_text("import nonsense")
    told, errors = python("-m", "lab.cli", "list", code=1)
    assert not told
    error = "ModuleNotFoundError: No module named 'nonsense'"
    assert errors.endswith(f"{error}\n{(folder / 'typo.py').resolve()} does not import.\n")


def test_the_family_in_the_readme_is_whole(folder):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (folder / "gauss.py").write_text(readme.split("```python\n")[1].split("```")[0], encoding="utf-8")
    out, _ = python("-m", "lab.cli", "train", "gauss", "--data", "moons", "--rounds", "5", "--json")
    assert json.loads(out.splitlines()[-1])["round"] == 5
