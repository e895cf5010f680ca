"""Laws of flow matching: the straight path, its speed, and what it shares with a diffusion."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from engine.diffusion.flow_matching import FlowMatching
from engine.diffusion.samplers import SAMPLERS, Walk
from engine.space import Space
from tests.laws.diffusion.denoising import Levels, gaussian, mixture

pytestmark = pytest.mark.usefixtures("double")

PLANE = Space.of((2,))
MEAN = torch.tensor([0.7, -0.4], dtype=torch.float64)
COVARIANCE = torch.tensor([[1.4, 0.8], [0.8, 0.9]], dtype=torch.float64)


def built(T: int = 100, **knobs) -> FlowMatching:
    torch.manual_seed(0)
    return FlowMatching(FlowMatching.configure(PLANE, {"T": T, "width": 16} | knobs), PLANE)


def levels(T: int) -> Levels:
    return Levels([1 - t / T for t in range(T + 1)], [t / T for t in range(T + 1)])


class Exact(nn.Module):
    """A net that puts out the best u = eps - x_0 for data of N(MEAN, COVARIANCE)."""

    def __init__(self, T: int) -> None:
        super().__init__()
        self.T, self.guess = T, gaussian(levels(T), MEAN, COVARIANCE)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        eps, x0 = self.guess(x, round(t.item() * self.T))
        return eps - x0


def exact(T: int, **knobs) -> FlowMatching:
    model = built(T, **knobs)
    model.average = Exact(T)
    return model


def transported(z: Tensor) -> Tensor:
    """Where the exact flow takes z ~ N(0, I): along each axis of the covariance, x_t's deviation
    sqrt((1 - t)^2 v + t^2) shrinks to sqrt(v) with x in proportion."""
    v, axes = torch.linalg.eigh(COVARIANCE)
    return MEAN + (z @ axes * v.sqrt()) @ axes.T


def test_the_path_runs_straight_from_data_to_noise_with_speed_u():
    model, x0, eps = built(), torch.randn(4, 2), torch.randn(4, 2)
    assert torch.equal(model.q(x0, 0, eps), x0)
    assert torch.equal(model.q(x0, 100, eps), eps)
    for t in (0, 1, 37, 99, 100):
        u = model.target(x0, t, eps)
        speed = torch.func.jacrev(lambda at: (1 - at) * x0 + at * eps)(torch.tensor(t / 100))
        torch.testing.assert_close(u, speed, atol=1e-15, rtol=0)
        way = model.q(x0, t, eps)
        torch.testing.assert_close(way, (1 - t / 100) * x0 + t / 100 * eps, atol=1e-15, rtol=0)


def test_u_is_eps_and_the_score_in_other_words():
    """u = (eps - x) / (1 - t) = -(x + t score) / (1 - t)."""
    model, x = built(), torch.randn(5, 2)
    for t in (1, 40, 99):
        at = t / 100
        u = model.average(x, torch.tensor([at]))
        eps, x0 = model.predict(x, t)
        torch.testing.assert_close(u, eps - x0, atol=1e-12, rtol=0)
        torch.testing.assert_close(u, (eps - x) / (1 - at), atol=1e-11, rtol=0)
        torch.testing.assert_close(u, -(x + at * model.score(x, t)) / (1 - at), atol=1e-11, rtol=0)
    torch.testing.assert_close(model.predict(x, 100)[0], x, atol=1e-12, rtol=0)  # all of it is noise


def test_the_exact_speed_is_the_mean_of_u_of_all_that_pass():
    """E[eps - x_0 | x_t] by weighing draws of x_0 by how likely they are to be at x_t."""
    model, draws = exact(100), MEAN + torch.randn(400_000, 2) @ torch.linalg.cholesky(COVARIANCE).T
    for t, x in ((30, torch.tensor([0.5, 0.2])), (70, torch.tensor([-0.6, 0.4]))):
        eps = (x - (1 - t / 100) * draws) / (t / 100)
        weights = (-eps.square().sum(1) / 2).softmax(0)
        mean = weights @ (eps - draws)
        torch.testing.assert_close(
            model.average(x[None], torch.tensor([t / 100]))[0], mean, atol=0.03, rtol=0
        )


@pytest.mark.parametrize(("sampler", "order"), [("Euler", 1), ("Heun", 2)])
def test_the_exact_speed_takes_noise_to_the_data_at_the_samplers_order(sampler, order):
    z, errors = torch.randn(20, 2), []
    for steps in (50, 100, 200):
        model = exact(200, sampler=sampler)
        *_, last = model.walk_from(z, steps=steps)
        errors.append((last.x - transported(z)).square().mean().sqrt().item())
    assert errors[-1] < {1: 0.02, 2: 0.001}[order]
    for a, b in pairwise(errors):
        assert math.log2(a / b) == pytest.approx(order, abs=0.3)


@pytest.mark.parametrize("sampler", ["Euler", "Heun"])
def test_samples_have_mean_and_covariance_of_the_data(sampler):
    x = exact(200, sampler=sampler, steps=200).sample(40_000)
    torch.testing.assert_close(x.mean(0), MEAN, atol=0.03, rtol=0)
    torch.testing.assert_close(x.T.cov(), COVARIANCE, atol=0.04, rtol=0)


def test_eulers_step_along_u_is_ddims_step():
    """DDIM is Euler's method along noise / signal, and a straight path only counts it in another way."""
    model, x = built(), torch.randn(8, 2)
    ours = [step.x for step in model.walk_from(x, steps=20)]
    stops = [step.t for step in model.walk_from(x, steps=20)]
    line = levels(100)

    @torch.no_grad()
    def predict(x, t):
        return model.predict(x, t)

    walk = SAMPLERS["DDIM"](Walk(predict, line.signal, line.noise, stops), x)
    for a, b in zip(ours, walk, strict=True):
        torch.testing.assert_close(a, b.x, atol=1e-12, rtol=0)


def test_both_kinds_of_path_lead_to_the_same_place():
    """The straight path and the circle have the same noise / signal somewhere: the same exact denoiser takes
    a point along either to the same end, since x / signal moves with noise / signal alone."""
    T = 2000
    weights, centres = torch.tensor([0.6, 0.4]), torch.tensor([[1.0, 0.0], [-1.0, 0.5]])
    line, angles = levels(T), [math.atan2(t / T, 1 - t / T) for t in range(T + 1)]
    arc = Levels([math.cos(a) for a in angles], [math.sin(a) for a in angles])
    ends = []
    for path in (line, arc):
        start = path.signal[T - 200] * torch.randn(6, 2, generator=torch.Generator().manual_seed(0)) * 9
        stops = [*range(T - 200, -1, -1)]
        predict = mixture(path, weights, centres, 0.4)
        *_, last = SAMPLERS["DDIM"](Walk(predict, path.signal, path.noise, stops), start)
        ends.append(last.x)
    torch.testing.assert_close(*ends, atol=1e-10, rtol=0)
