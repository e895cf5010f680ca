"""Laws of MADE: an output sees what comes before it in the order, all of it and nothing else."""

from __future__ import annotations

import pytest
import safetensors.torch
import torch
from torch import nn

from engine.nets.masked import MADE
from tests.laws.flow.flowing import jacobians, shaken

pytestmark = pytest.mark.usefixtures("double")

SIZES = [(2, 1, 9), (2, 3, 3), (7, 1, 4), (7, 2, 20), (7, 3, 13), (30, 2, 12), (30, 1, 64), (1, 2, 4)]


def made(D: int, depth: int, width: int, k: int = 2) -> MADE:
    net = MADE(torch.randperm(D), width, depth, k)
    shaken(net, 1.0)
    return net


@pytest.mark.parametrize(("D", "depth", "width"), SIZES)
def test_an_output_depends_on_what_its_mask_allows_and_that_is_before_it(D, depth, width):
    net = made(D, depth, width)
    J = jacobians(net, 3 * torch.randn(100, D)).view(100, D, 2, D)
    mask = net.mask()
    assert set(mask.unique().tolist()) <= {0, 1}
    seen = (J != 0).any(0)
    for k in range(2):
        assert not (seen[:, k] & (mask == 0)).any()
        if width >= 2 * D:  # else a unit may be dead on all of these inputs
            assert torch.equal(seen[:, k], mask.bool())
    order = net.rank.argsort()
    before = torch.ones(D, D).tril(-1)
    in_order = mask[order][:, order]
    assert (in_order <= before).all()
    if width >= D - 1:  # every degree has a unit
        assert torch.equal(in_order, before)


@pytest.mark.parametrize(("D", "depth", "width"), SIZES)
@torch.no_grad()
def test_one_by_one_gives_what_a_whole_pass_for_each_number_gives(D, depth, width):
    net, x = made(D, depth, width, k=3), torch.randn(5, D)
    walk, order, known = net.one_by_one(5), [], torch.zeros(5, D)
    i, o = next(walk)
    for _ in range(D):
        order.append(i)
        torch.testing.assert_close(o, net(known)[:, i], atol=1e-12, rtol=0)
        known[:, i] = x[:, i]
        i, o = walk.send(x[:, i])
    assert i == -1
    assert torch.equal(torch.tensor(order), net.rank.argsort())
    torch.testing.assert_close(known, x, atol=0, rtol=0)


def test_the_first_number_sees_nothing_and_the_last_is_seen_by_none():
    net = made(6, 2, 30)
    mask, order = net.mask(), net.rank.argsort()
    assert mask[order[0]].sum() == 0
    assert mask[:, order[-1]].sum() == 0
    assert mask.sum() == 15


def test_layers_of_one_order_can_be_kept_in_one_file():
    rank = torch.randperm(4)
    layers = nn.ModuleList(MADE(rank, 5, 1, 2) for _ in range(2))
    kept = safetensors.torch.load(safetensors.torch.save(layers.state_dict()))
    assert torch.equal(kept["1.rank"], rank)


@pytest.mark.parametrize("elsewhere", [{"dtype": torch.float32}, {"device": "meta"}])
def test_a_mask_is_told_in_the_numbers_and_on_the_device_of_its_net(elsewhere):
    mask = made(4, 2, 6).to(**elsewhere).mask()
    assert (mask.dtype, mask.device.type) == (
        elsewhere.get("dtype", torch.float64),
        elsewhere.get("device", "cpu"),
    )
