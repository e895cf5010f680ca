"""Laws of the walks of autoregressive flows: one number of one layer after the other."""

from itertools import pairwise

import pytest
import torch

from tests.laws.flow.flowing import FIVE, PICTURE, flow, shaken

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


@pytest.mark.parametrize(
    ("name", "space", "knobs"),
    [("maf", FIVE, {}), ("iaf", FIVE, {"base": "mixture"}), ("maf", PICTURE, {"base": "uniform"})],
)
@torch.no_grad()
def test_a_walk_is_of_the_averaged_weights_and_ends_in_their_sample_and_no_stop_changes_another(
    name, space, knobs
):
    model = flow(name, space, order="random", **knobs)
    shaken(model.f, 0.2)  # what trains has other weights
    torch.manual_seed(4)
    z = model.base.sample(3)
    by_hand = model.average.back(z)
    torch.manual_seed(4)
    walk = [(step, step.x.clone()) for step in model.walk(3)]
    assert all(torch.equal(step.x, x) for step, x in walk)
    D = space.size if name == "maf" else 1
    for i, (h, _) in enumerate(by_hand[: model.config.layers]):  # after each layer
        torch.testing.assert_close(walk[(i + 1) * D - 1][0].h, h, atol=1e-9, rtol=0)
    torch.manual_seed(4)
    assert torch.equal(walk[-1][1], model.sample(3))


def test_iaf_takes_one_step_a_layer():
    model = flow("iaf", FIVE)
    assert [step.t for step in model.walk(3)] == [2, 1, 0]


@pytest.mark.parametrize("name", ["planar", "real-nvp", "glow", "spline-flow"])
def test_other_flows_take_one_step(name):
    assert [step.t for step in flow(name, FIVE).walk(3)] == [0]
