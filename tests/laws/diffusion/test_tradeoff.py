"""What samples cost and how good they are: the probe's numbers against those of the metrics themselves."""

import pytest
import torch

from engine.codes.vae import VAE
from engine.config import Refused
from engine.data import load
from engine.diffusion.ddpm import DDPM
from engine.diffusion.flow_matching import FlowMatching
from engine.metrics.digit_classifier import digit_classifier
from engine.metrics.ruler import quality
from lab.probes import ask


def model(name: str, family=DDPM, **knobs):
    data = load(name)
    torch.manual_seed(0)
    return family(family.configure(data.space, {"width": 8, "depth": 1} | knobs), data.space), data


def asked(pair, **arguments):
    return ask(*pair, "tradeoff", arguments)


def test_the_distance_is_that_of_two_thousand_samples_of_this_seed():
    pair = model("two-gaussians", steps=7)
    answer = asked(pair, sampler="DDIM", steps=4, seed=3)
    torch.manual_seed(3)
    pair[0].config = pair[0].config.change({"sampler": "DDIM", "steps": 4})
    wanted = quality(*pair)["sliced Wasserstein"]
    assert answer["quality"] == {"sliced Wasserstein": pytest.approx(wanted)}
    assert answer["floors"]["sliced Wasserstein"][0] < wanted
    assert answer["among"] == 2000
    assert asked(pair, sampler="DDIM", steps=4, seed=3)["quality"] == answer["quality"]
    assert asked(pair, sampler="DDIM", steps=4, seed=4)["quality"] != answer["quality"]


@pytest.mark.parametrize("family", [DDPM, FlowMatching])
def test_evaluations_are_the_calls_of_the_net(family, monkeypatch):
    pair = model("two-gaussians", family, T=20)
    calls = []
    forward = pair[0].average.forward
    monkeypatch.setattr(pair[0].average, "forward", lambda *a: calls.append(1) or forward(*a))
    for sampler in family.samplers:
        for steps in (1, 5, 50):  # the last is more than T
            calls.clear()
            assert asked(pair, sampler=sampler, steps=steps, n=20)["evaluations"] == len(calls)


def test_guided_points_have_a_diversity_that_of_real_ones_is_one():
    pair = model("ring", conditional=True)
    answer = asked(pair, sampler="DDIM", steps=5, guidance=2.0)["quality"]
    assert set(answer) == {"sliced Wasserstein", "diversity"}
    pair[0].sample = lambda n, y, **knobs: pair[1].some(n)[0]
    assert asked(pair, sampler="DDIM", steps=5, guidance=2.0)["quality"]["diversity"] == pytest.approx(1)
    pair[0].sample = lambda n, y, **knobs: pair[1].target.modes[y].float()
    assert asked(pair, sampler="DDIM", steps=5, guidance=2.0)["quality"]["diversity"] == pytest.approx(
        0, abs=1e-6
    )


def test_digits_are_judged_with_their_labels_in_turn():
    pair = model("digits", width=8)
    real, y = pair[1].test_x, pair[1].test_y
    answer = asked(pair, sampler="DDIM", steps=2, n=30)
    assert set(answer["quality"]) == set(answer["floors"]) == {"label accuracy", "Fréchet", "diversity"}
    assert answer["quality"]["Fréchet"] > 3 * answer["floors"]["Fréchet"][0]
    each = torch.cat([(y == k).nonzero()[:3].T for k in range(10)]).T.flatten()  # 0, 1, ..., 9, 0, ...
    x = real[each].float() / 127.5 - 1
    pair[0].sample = lambda n, y, **knobs: x
    answer = asked(pair, sampler="DDIM", steps=2, n=30)["quality"]
    assert answer == pytest.approx(digit_classifier().measure(x, y[each]))
    assert answer["label accuracy"] > 0.9


def test_digits_without_labels_have_a_distance_only():
    pair = model("digits", conditional=False)
    assert set(asked(pair, sampler="DDIM", steps=2, n=20)["quality"]) == {"Fréchet"}


@pytest.mark.parametrize(
    ("name", "knobs", "arguments", "why"),
    [
        ("ring", {}, {"sampler": "DDIM", "steps": 0}, "steps"),
        ("ring", {}, {"sampler": "RK4", "steps": 5}, "sampler"),
        ("ring", {}, {"sampler": "DDIM", "steps": 5, "guidance": 2.0}, "trained with labels"),
        ("ring", {"conditional": True}, {"sampler": "DDIM", "steps": 5, "guidance": 99}, "guidance"),
        ("ring", {}, {"sampler": "DDIM", "steps": 5, "n": 5}, "n is"),
        ("digits", {}, {"sampler": "DDIM", "steps": 200, "n": 1000}, "fewer"),
        ("ellipses", {}, {"sampler": "DDIM", "steps": 5}, "digits"),
    ],
)
def test_what_cannot_be_asked_is_refused(name, knobs, arguments, why):
    with pytest.raises(Refused, match=why):
        asked(model(name, **knobs), **arguments)


def test_only_diffusions_are_asked():
    with pytest.raises(Refused, match="cannot be asked 'tradeoff'"):
        ask(*model("ring", VAE), "tradeoff", {"sampler": "DDIM", "steps": 5})
