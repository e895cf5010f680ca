"""Laws of a model's walks from noise to data: where they stop, and what they refuse."""

import pytest
import torch
from torch import Tensor, nn

from engine.config import Refused
from engine.diffusion import schedule
from engine.diffusion.ddpm import DDPM
from engine.space import Space
from tests.laws.diffusion.test_diffusion import T, built, outputs

pytestmark = pytest.mark.usefixtures("double")


@outputs
def test_a_walk_stops_at_its_levels_and_ends_in_the_sample(family, knobs):
    model = built(family, **knobs)
    for sampler in model.samplers:
        walk = [*model.walk_from(model.p_T(3), steps=7, sampler=sampler)]
        assert [step.t for step in walk] == schedule.levels(T, 7)
        for step in walk[:-1]:
            again = model.q(step.x0, step.t, step.eps)
            torch.testing.assert_close(again, step.x, atol=1e-9, rtol=1e-9)
        torch.manual_seed(3)
        sample = model.sample(3, steps=7, sampler=sampler)
        torch.manual_seed(3)
        assert torch.equal(sample, [*model.walk_from(model.p_T(3), steps=7, sampler=sampler)][-1].x)
    assert [step.t for step in model.walk_from(model.p_T(3), stops=[30, 10, 0])] == [30, 10, 0]


def test_T_and_values_out_of_range_are_refused():
    model = built()
    for knobs in ({"T": 60}, {"steps": 0}, {"sampler": "Runge"}, {"guidance": 11}, {"nothing": 1}):
        with pytest.raises(Refused):
            next(model.walk_from(model.p_T(1), **knobs))


class TwoBumps(nn.Module):
    """The exact eps for data N(-1, 1/4) and N(1, 1/4), which are the labels 0 and 1; label 2 is either."""

    def __init__(self, model: DDPM) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, at: Tensor, y: Tensor | None = None) -> Tensor:
        t = round(at.item() * self.model.config.T)
        signal, noise = self.model.signal[t], self.model.noise[t]
        v = signal**2 / 4 + noise**2
        y = torch.full((len(x),), 2) if y is None else y
        centres = torch.tensor([-1.0, 1.0])
        allowed = torch.tensor([[0.0, -torch.inf], [-torch.inf, 0.0], [0.0, 0.0]])[y]
        r = (allowed - (x - signal * centres).square() / (2 * v)).softmax(1)
        return noise / v * (x - signal * (r @ centres)[:, None])


@pytest.mark.parametrize(
    ("s", "mean", "spread"), [(1, 1.00, 0.50), (2, 1.32, 0.36), (4, 1.67, 0.29), (8, 2.12, 0.24)]
)
def test_guidance_goes_beyond_its_class_as_it_does_with_exact_scores(s, mean, spread):
    """Numbers of an independent experiment. The density that guidance is often said to sample,
    p(x | y)^s / p(x)^(s - 1), has a mean of 1.09 at most. Guidance 0 has both bumps."""
    knobs = {"T": 400, "steps": 400, "sampler": "DDIM", "conditional": True}
    space = Space.of((1,), 2)
    model = DDPM(DDPM.configure(space, knobs), space)
    model.average = TwoBumps(model)
    torch.manual_seed(0)
    x = model.sample(4000, torch.ones(4000).long(), guidance=float(s))
    assert x.mean().item() == pytest.approx(mean, abs=0.03)
    assert x.std().item() == pytest.approx(spread, abs=0.02)
    both = model.sample(4000, torch.ones(4000).long(), guidance=0.0)
    assert both.mean().abs() < 0.08
    assert both.std().item() == pytest.approx(1.25**0.5, abs=0.03)
