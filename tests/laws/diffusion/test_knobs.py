"""Every knob of sampling does what it says, whether the model has it or a walk is given it."""

from itertools import pairwise

import pytest
import torch

from engine.config import Refused
from engine.diffusion.ddpm import DDPM
from engine.diffusion.flow_matching import FlowMatching
from engine.diffusion.samplers import SAMPLERS, Walk
from engine.space import Space
from tests.laws.diffusion.papers import path

pytestmark = pytest.mark.usefixtures("double")

PLANE, PICTURE = Space.of((2,), 3), Space.of((1, 8, 8), 3)
Y = torch.arange(6) % 3


def built(family=DDPM, space=PLANE, **knobs):
    torch.manual_seed(0)
    model = family(family.configure(space, {"T": 30, "width": 8, "depth": 1} | knobs), space)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)
    return model


def drawn(model, y=Y, **knobs):
    torch.manual_seed(5)
    return model.sample(6, y, **knobs)


EFFECTS = [
    (DDPM, {}, {"steps": 3}), (DDPM, {}, {"sampler": "DDIM"}), (DDPM, {}, {"variance": "posterior"}),
    (DDPM, {"sampler": "DDIM"}, {"eta": 1.0}), (DDPM, {"sampler": "DDIM"}, {"sampler": "Euler"}),
    (DDPM, {"sampler": "DDIM"}, {"sampler": "Heun"}),
    (DDPM, {"sampler": "DDIM"}, {"sampler": "DPM-Solver++"}),
    (DDPM, {}, {"sampler": "DDPM as on the slide"}), (DDPM, {"conditional": True}, {"guidance": 0.0}),
    (DDPM, {"conditional": True}, {"guidance": 4.0}), (FlowMatching, {}, {"steps": 3}),
    (FlowMatching, {}, {"sampler": "Heun"}), (FlowMatching, {"conditional": True}, {"guidance": 4.0}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "knobs", "other"), EFFECTS)
def test_a_knob_of_the_model_and_one_of_the_walk_do_the_same_and_something(family, knobs, other):
    model = built(family, **knobs)
    usual, told = drawn(model), drawn(model, **other)
    assert not torch.allclose(usual, told, atol=1e-3)
    model.config = model.config.change(other)  # as a live knob is set
    assert torch.equal(drawn(model), told)
    assert not torch.allclose(drawn(model, **knobs | {k: usual_of(family, knobs, k) for k in other}), told)


def usual_of(family, knobs, name):
    return getattr(family.configure(PLANE, knobs), name)


UNUSED = [
    (DDPM, {"sampler": "DDIM"}, {"variance": "posterior"}), (DDPM, {"sampler": "DDPM"}, {"eta": 0.7}),
    (DDPM, {"sampler": "Heun"}, {"eta": 0.7}), (DDPM, {"conditional": False}, {"guidance": 4.0}),
    (DDPM, {"clip": False}, {"clip": True}), (DDPM, {}, {"lr": 0.1, "drop": 1.0, "ema": 0.0, "batch": 2}),
    (DDPM, {}, {"weighting": "bound"}), (DDPM, {"steps": 30}, {"steps": 1000}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "knobs", "other"), UNUSED)
def test_a_knob_changes_nothing_else(family, knobs, other):
    model = built(family, **knobs)
    assert torch.equal(drawn(model), drawn(model, **other))


@pytest.mark.parametrize("schedule", ["linear", "cosine", "sigmoid"])
@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("variance", ["beta", "posterior"])
@pytest.mark.parametrize("sampler", DDPM.samplers)
def test_the_sampler_gets_the_papers_schedule_and_the_knobs(sampler, variance, scaled, schedule):
    model = built(sampler=sampler, variance=variance, eta=0.6, schedule=schedule, scaled=scaled, steps=7)
    signal, noise = path(schedule, 30, scaled)
    stops = [30, 26, 21, 17, 13, 9, 4, 0]

    @torch.no_grad()
    def predict(x, t):
        o = model.average(x, torch.tensor([t / 30]))
        return o, (x - noise[t] * o) / signal[t]

    walk = Walk(predict, signal, noise, stops, eta=0.6, posterior=variance == "posterior")
    torch.manual_seed(5)
    start = torch.randn(6, 2)
    *_, last = SAMPLERS[sampler](walk, start)
    torch.testing.assert_close(drawn(model), last.x, atol=1e-6, rtol=1e-7)


@pytest.mark.parametrize("sampler", DDPM.samplers)
def test_predicted_pictures_stay_between_black_and_white_only_if_so_chosen(sampler):
    """Also the guess that Heun makes from the end of its step: no noise is then predicted that would lead to
    another picture."""
    for clip in (True, False):
        model = built(space=PICTURE, clip=clip, sampler=sampler, steps=6)
        walk = [*model.walk_from(3 * model.p_T(4))][:-1]
        assert (max(step.x0.abs().max() for step in walk) <= 1) == clip
        for step in walk:
            torch.testing.assert_close(model.q(step.x0, step.t, step.eps), step.x, atol=1e-9, rtol=0)
    assert torch.equal(drawn(model, clip=True), drawn(built(space=PICTURE, sampler=sampler, steps=6)))


def test_both_guesses_of_heun_are_kept_in_range():
    model = built(space=PICTURE, sampler="Heun", steps=2)
    guesses = []
    model.predict = lambda x, t, y=None, s=None: (guesses.append(t), (0 * x, 3 + 0 * x))[1]
    first, second, last = model.walk_from(model.p_T(2))
    assert guesses == [30, 15, 15]
    assert (first.x0 == 1).all()
    assert (last.x == 1).all()
    # of x_0 = 1 at both ends, the mean of both noises leads on from the first
    signal, noise = path("linear", 30)
    up, down = noise[30] / signal[30], noise[15] / signal[15]
    there = signal[15] + noise[15] * first.eps
    again = (there - signal[15]) / noise[15]
    wanted = there + signal[15] * (down - up) / 2 * (again - first.eps)
    torch.testing.assert_close(second.x, wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize("family", [DDPM, FlowMatching])
def test_a_walk_may_begin_anywhere_and_tells_the_label_at_every_step(family):
    model = built(family, conditional=True, guidance=2.0)
    x, seen = torch.randn(6, 2), []
    predict = model.predict
    model.predict = lambda x, t, y=None, s=None: (seen.append((t, y, s)), predict(x, t, y, s))[1]
    steps = [*model.walk_from(x, Y, [9, 4, 0])]
    assert torch.equal(steps[0].x, x)
    assert [t for t, _, _ in seen] == [9, 4]
    assert all(torch.equal(y, Y) and s == 2.0 for _, y, s in seen)
    last = steps[-1]
    assert (last.t, last.eps.abs().max().item()) == (0, 0)
    assert torch.equal(last.x0, last.x)


@pytest.mark.parametrize("family", [DDPM, FlowMatching])
def test_samples_start_from_noise_of_their_own(family):
    model = built(family)
    noise = model.p_T(4000)
    assert noise.shape == (4000, 2)
    assert noise.mean().abs() < 0.05
    assert noise.std().item() == pytest.approx(1, abs=0.03)
    assert not torch.equal(noise, model.p_T(4000))
    first = next(model.walk(4000))
    assert first.x.std().item() == pytest.approx(1, abs=0.03)
    assert len(model.sample(5).unique(dim=0)) == 5


@pytest.mark.parametrize("variance", ["beta", "posterior"])
def test_each_step_of_ddpm_adds_noise_of_its_own_and_the_last_none(variance):
    model = built(variance=variance, steps=30)
    model.predict = lambda x, t, y=None, s=None: (0 * x, x)
    torch.manual_seed(1)
    walk = [*model.walk_from(torch.zeros(5000, 2))]
    signal, noise = path("cosine", 30)
    added = []
    for before, after in pairwise(walk):
        t, s = before.t, after.t
        alpha = (signal[t] / signal[s]) ** 2
        push = after.x - before.x / alpha**0.5
        tilde = (noise[s] / noise[t]) ** 2 * (1 - alpha)
        wanted = {"beta": 1 - alpha, "posterior": tilde}[variance] if s else 0.0
        assert push.var().item() == pytest.approx(wanted, rel=0.06, abs=1e-12)
        added.append(push.flatten())
    together = torch.stack(added[:-1]).corrcoef()
    assert (together - torch.eye(len(together))).abs().max() < 0.06


def test_the_walk_of_a_model_refuses_another_T():
    with pytest.raises(Refused, match="T belongs to the trained model"):
        drawn(built(), T=31)
    assert torch.equal(drawn(built(), T=30), drawn(built()))
