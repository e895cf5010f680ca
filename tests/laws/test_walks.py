"""Laws of a model's walks from noise to data: where they stop, and what they refuse."""

import pytest
import torch

from engine import schedule
from engine.config import Refused
from tests.laws.test_diffusion import T, built, outputs

pytestmark = pytest.mark.usefixtures("double")


@outputs
def test_a_walk_stops_at_its_levels_and_ends_in_the_sample(family, knobs):
    model = built(family, **knobs)
    for sampler in model.samplers:
        walk = [*model.walk(model.p_T(3), steps=7, sampler=sampler)]
        assert [step.t for step in walk] == schedule.levels(T, 7)
        for step in walk[:-1]:
            again = model.q(step.x0, step.t, step.eps)
            torch.testing.assert_close(again, step.x, atol=1e-9, rtol=1e-9)
        torch.manual_seed(3)
        sample = model.sample(3, steps=7, sampler=sampler)
        torch.manual_seed(3)
        assert torch.equal(sample, [*model.walk(model.p_T(3), steps=7, sampler=sampler)][-1].x)
    assert [step.t for step in model.walk(model.p_T(3), stops=[30, 10, 0])] == [30, 10, 0]


def test_T_and_values_out_of_range_are_refused():
    model = built()
    for knobs in ({"T": 60}, {"steps": 0}, {"sampler": "Runge"}, {"guidance": 11}, {"nothing": 1}):
        with pytest.raises(Refused):
            next(model.walk(model.p_T(1), **knobs))
