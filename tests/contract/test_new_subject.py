"""A subject is one folder: written here, with its own measure, scene, probe, tab, words, detector, law and
recording, it must show everywhere with no other edit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.exhaustive
ROOT = Path(__file__).parents[2]
FILES = {
    "coin.py": r'''
"""A coin for every axis (Bernoulli, 1713, https://example.org/ars): points are +-a with a probability p."""

import torch
from torch import nn

from engine.config import Config, knob
from engine.family import Family
from engine.metrics.measure import Measure, term
from engine.space import Plane

TOSS = term("-E[log p(coin)]", "latent")
BIAS = Measure("bias of the coin", chart="Bias", label="bias", better="lower", role="gradient")


class CoinConfig(Config):
    lr: float = knob(0.05, 1e-4, 1, label="Learning rate", says="learning rate", log=True, live=True)
    batch: int = knob(64, 2, 512, label="Batch", says="examples in a minibatch", live=True, advanced=True)


class Coin(Family):
    """What all coins share."""

    branch = "tractable"
    Config = CoinConfig
    kinds = (Plane,)

    def __init__(self, config, space):
        super().__init__(config, space)
        self.a, self.logit = nn.Parameter(torch.ones(2)), nn.Parameter(torch.full((2,), 2.0))

    def turns(self, batch):
        up = (batch.x > 0).to(batch.x)
        toss = -torch.distributions.Bernoulli(logits=self.logit).log_prob(up).sum(1).mean()
        yield self, {TOSS: toss, "E|x - a|": (batch.x.abs() - self.a).square().mean()}

    @torch.no_grad()
    def sample(self, n, y=None):
        up = torch.bernoulli(self.logit.sigmoid().expand(n, 2))
        return self.a * (2 * up - 1)

    def signs(self, x, y=None):
        return {BIAS: (self.logit.sigmoid() - 0.5).abs().max().item()}


class FairCoin(Coin):
    name, title = "fair-coin", "Fair coin"
    source = "Bernoulli, 1713, https://example.org/ars"
''',
    "coin_scene.py": r'''
from engine.data import Dataset
from lab.scenes.arrays import halves, number
from yours.coins.coin import Coin


def draw(model: Coin, data: Dataset, full, pointer):
    return {"points/fake": halves(model.sample(64))} | number("tosses", 64)
''',
    "coin_probe.py": r'''
from engine.data import Dataset
from lab.probes import whole
from yours.coins.coin import Coin

__all__ = ["toss"]


def toss(model: Coin, data: Dataset, times: int = 3):
    return {"heads": int((model.sample(whole(times, "times", 1, 100)) > 0).sum())}
''',
    "coin_tab.py": r'''
import streamlit as st

from lab.kit.answers import ask


def toss_tab(room):
    st.markdown("Toss it a hundred times.")
    if answer := ask(room, "toss", times=100):
        st.markdown(f"{answer['heads']} heads in all.")
''',
    "checks.py": r'''
from engine.checks import Check
from engine.data import Dataset
from yours.coins.coin import Coin


def measure(model: Coin, data: Dataset):
    sides = model.sample(200).abs() - model.a
    return [Check("A coin has two sides.", sides.abs().max().item(), 1e-6)]
''',
    "symptoms.py": r'''
from engine.metrics.detector import Symptom
from yours.coins.coin import BIAS, Coin


def symptoms(family: type[Coin], rows, data):
    last = rows[-1]
    if last[BIAS] < 0.2:
        return [Symptom("Working", "Working: the coin is nearly fair.", last["round"], tone="good")]
    return [Symptom("Unfair", "Unfair: one side comes up more often.", last["round"], "a longer training")]
''',
    "words.py": r'''
from lab.kit.subject import Cure, Failure, Place, Recording, Subject
from yours.coins.coin import BIAS, Coin
from yours.coins.coin_tab import toss_tab

SUBJECT = Subject(
    Coin,
    places=[Place("fair-coin", "Heads or tails, learned", "Coins")],
    sentence="A coin learns to be **fair**.",
    legends={"points": ["Heads and ", {"words": "tails", "layer": "points/fake", "role": "model"}, "."]},
    labels={"world": "The table"},
    graph={"nodes": [{"id": "coin", "title": "coin", "says": "tossed", "at": [0, 0]}], "edges": []},
    now=lambda run, row: f"Bias now: {row[BIAS]:.2f}." if BIAS in row else "",
    failures=[
        Failure(
            "A slow coin", "Unfair", "It hardly learns.", "ring", {"lr": 1e-4}, 64,
            [Cure("Learn faster", {"lr": 0.05}, "It gets there")], family="fair-coin",
        )
    ],
    experiments=[("Moons", "Two moons are no coin.", "/fair-coin?data=moons")],
    tabs={"Toss": toss_tab},
    data="ring",
    recordings=[Recording("fair-coin", "ring", 200, pictures=5)],
)
''',
}  # fmt: skip
PAGE = """
import os
from streamlit.testing.v1 import AppTest
from streamlit.runtime.context import ContextProxy
from streamlit.util import calc_hash
from lab.runs.supervisor import supervisor
from lab.runs import store

ContextProxy.cookies = property(lambda self: {"genlab": "ann"})


def visit(name, **query):
    page = AppTest.from_file(os.path.abspath("lab/home.py"), default_timeout=300)
    if name:
        page._page_hash = calc_hash(name)
    page.query_params.update(query)
    page.run()
    assert not page.exception, page.exception
    assert not page.error, page.error
    return page


def texts(page):
    return " ".join(m.value for m in page.markdown)


SAYS
supervisor().close()
print("all is well")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    coins = tmp_path / "own/coins"
    coins.mkdir(parents=True)
    for name, text in FILES.items():
        (coins / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("GENLAB_FAMILIES", str(tmp_path / "own"))
    return coins


def python(*words: str) -> str:
    """What a fresh interpreter prints: subjects are found once in a process."""
    command = [sys.executable, *words]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"COLUMNS": "300"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def visited(says: str) -> str:
    return python("-c", PAGE.replace("SAYS", says))


def test_it_is_listed_and_trains_with_its_measure(folder):
    assert "fair-coin Fair coin" in " ".join(python("-m", "lab.cli", "list").split())
    words = ["train", "fair-coin", "--data", "ring", "--rounds", "64", "--json"]
    rows = [json.loads(line) for line in python("-m", "lab.cli", *words).splitlines()]
    assert "bias of the coin" in rows[63]
    assert rows[63]["-E[log p(coin)]"] < rows[0]["-E[log p(coin)]"]


def test_its_frames_have_its_scene_its_measures_say_how_they_are_drawn_and_its_detector_judges(
    folder, tmp_path
):
    says = """
import json, sys
from pathlib import Path
from safetensors.numpy import load
from lab.runs import store, wire
from lab.runs.run import Run
run = Run(store.create({"family": "fair-coin", "data": "ring", "seed": 0, "config": {}}, Path(sys.argv[1])))
run.play()
while run.round < 64:
    run.train(rounds=64 - run.round)
frame = run.frame()
arrays, about = load(frame), json.loads(wire.header(frame)["frame"])
assert "points/real" not in arrays and arrays["points/fake"].shape == (64, 2) and "number/tosses" in arrays
assert "curve/Bias/bias of the coin" in arrays and "curve/loss/-E[log p(coin)]" in arrays
assert "curve/loss/E|x - a|" in arrays, "an undeclared term is a term of the loss"
assert about["measures"]["bias of the coin"] == {"label": "bias", "role": "gradient"}
assert about["measures"]["-E[log p(coin)]"] == {"role": "latent"}
from lab.probes import ask
assert 0 <= ask(run.model, run.data, "toss", {"times": 5})["heads"] <= 10
from engine.checks import measure
assert "A coin has two sides." in [check.law for check in measure(run.model, run.data) if check.holds]
from engine.families import find
from engine.metrics.detector import diagnose
rows = [{"round": 64 * i, "bias of the coin": bias} for i, bias in enumerate([0.4, 0.3, 0.1])]
assert [one.name for one in diagnose(find("fair-coin"), rows, None)] == ["Working"]
assert [one.name for one in diagnose(find("fair-coin"), rows[:2], None)] == ["Unfair"]
print("drawn")
"""
    assert "drawn" in python("-c", says, str(tmp_path / "runs"))


def test_it_is_on_the_map_in_the_menu_in_its_room_and_in_comparison_with_its_own_words(folder):
    says = """
page = visit("")
given = page.get("bidi_component")[0].proto.json
assert "Heads or tails, learned" in given
assert '"Coins"' in given
rooms = page.session_state["_rooms"]
assert rooms["fair-coin"].title == "Fair coin"
page = visit("compare", family="fair-coin")
assert "all else is the same" in texts(page).lower()
page = visit("fair-coin")
assert page.title[0].value == "Fair coin"
assert "A coin learns to be **fair**." in texts(page)
titles = ["Toss", "Formula and code", "Failures and cures", "Try this", "Check"]
assert [tab.label for tab in page.tabs] == titles
page = visit("fair-coin", tab="Toss")
assert "heads in all" in texts(page), texts(page)
page = visit("fair-coin", tab="Failures and cures")
assert "A slow coin" in texts(page)
assert ["See it fail", "Learn faster"] == [button.label for button in page.button]
page = visit("fair-coin", tab="Try this")
assert "Two moons are no coin." in texts(page)
page = visit("fair-coin", tab="Check")
page.button(key="measure").click().run()
assert "A coin has two sides." in list(page.table[-1].value["law"])
assert set(page.table[-1].value[""]) == {"✅ holds"}
"""
    assert "all is well" in visited(says)


def test_its_recording_is_made_beside_its_words_and_its_room_opens_with_it(folder):
    assert "fair-coin-ring: 200 rounds" in python("-m", "lab.makers.recordings", "fair-coin-ring")
    assert (folder / "recordings/fair-coin-ring/run.json").is_file()
    says = """
page = visit("fair-coin")
assert "run" not in page.query_params, "a recording is on the stage, and no run was started"
assert not store.every()
"""
    assert "all is well" in visited(says)


def test_two_that_speak_of_one_type_are_refused_by_name(folder):
    (folder / "more_words.py").write_text(FILES["words.py"], encoding="utf-8")
    says = "from lab.kit.subject import subjects\ntry: subjects()\nexcept TypeError as error: print(error)"
    assert "yours.coins.more_words and yours.coins.words both speak of Coin" in python("-c", says)


def test_a_broken_module_fails_loudly_by_its_file(folder):
    (folder / "coin_probe.py").write_text("import nonsense\n", encoding="utf-8")
    says = "from lab import probes\nfrom engine.families import find\nprobes.questions(find('fair-coin'))"
    done = subprocess.run([sys.executable, "-c", says], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "coin_probe.py does not import" in done.stderr


def test_a_function_that_does_not_say_whom_it_serves_is_refused_by_name(folder):
    text = FILES["coin_scene.py"].replace("model: Coin", "model")
    (folder / "coin_scene.py").write_text(text, encoding="utf-8")
    says = (
        "from engine.dispatch import serving\nfrom engine.families import find\n"
        "try: serving('scene', 'lab', 'draw', find('fair-coin'))\nexcept TypeError as error: print(error)"
    )
    assert "yours.coins.coin_scene.draw must say which models it serves" in python("-c", says)
