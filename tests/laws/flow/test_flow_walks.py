"""Laws of the walks of autoregressive flows: one number of one layer after the other."""

from itertools import pairwise

import pytest
import torch

from tests.laws.flow.flowing import FIVE, PICTURE, flow

pytestmark = pytest.mark.usefixtures("double")


@pytest.mark.parametrize(("space", "order"), [(FIVE, "alternate"), (FIVE, "random"), (PICTURE, "random")])
def test_in_the_last_layer_what_is_known_stays_as_it_is(space, order):
    model = flow("maf", space, order=order)
    D, L = space.size, model.config.layers
    walk = [*model.walk(3)]
    assert [step.t for step in walk] == [*range(L * D - 1, -1, -1)]
    sample = walk[-1].x.flatten(1)
    known = model.transforms[len(model.pixels())].net.rank.argsort()  # in this order
    last = walk[-D:]
    for done, step in enumerate(last, 1):
        x = step.x.flatten(1)
        assert torch.equal(x[:, known[:done]], sample[:, known[:done]])
    if space is FIVE:  # and in pixels, which are rounded, a step may change nothing that is seen
        assert all((a.x != b.x).any(0).sum() == 1 for a, b in pairwise(last))


def test_iaf_takes_one_step_a_layer():
    model = flow("iaf", FIVE)
    assert [step.t for step in model.walk(3)] == [2, 1, 0]


@pytest.mark.parametrize("name", ["planar", "real-nvp", "glow", "spline-flow"])
def test_other_flows_take_one_step(name):
    assert [step.t for step in flow(name, FIVE).walk(3)] == [0]
