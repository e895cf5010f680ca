"""Adam of the engine is PyTorch's, bit for bit."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from engine.adam import Adam

SHAPES = [(7, 5), (5,), (3, 2, 4)]


def pair(dtype: torch.dtype, **knobs):
    """The same weights for ours and for PyTorch's."""
    generator = torch.Generator().manual_seed(0)
    ours = [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in SHAPES]
    theirs = [weight.detach().clone().requires_grad_() for weight in ours]
    return ours, theirs, Adam(ours, **knobs), torch.optim.Adam(theirs, fused=True, **knobs)


def push(*sides, without=()):
    """The same new gradients for the weights of both sides; `without`: the numbers of weights with none."""
    for number, weights in enumerate(zip(*sides, strict=True)):
        gradient = None if number in without else torch.randn_like(weights[0])
        for weight in weights:
            weight.grad = gradient


def step(ours, theirs, our, their, without=()):
    """A step of both sides with the same new gradients."""
    push(ours, theirs, without=without)
    our.step()
    their.step()


def alike(ours, theirs):
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9), (0.0, 0.99)])
def test_each_step_is_that_of_torch(dtype, betas):
    ours, theirs, our, their = pair(dtype, lr=0.02, betas=betas)
    for _ in range(20):
        step(ours, theirs, our, their)
        assert alike(ours, theirs)


def test_a_weight_without_a_gradient_stays_and_begins_later():
    ours, theirs, our, their = pair(torch.float64, lr=0.02)
    for without in [(1,), (1, 2), (0, 1, 2), (), (0,)]:
        step(ours, theirs, our, their, without)
        assert alike(ours, theirs)


def test_live_knobs_of_a_group_count_at_once():
    ours, theirs, our, their = pair(torch.float64, lr=0.02)
    for change in [{"lr": 0.1}, {"betas": (0.2, 0.9)}, {"eps": 1e-3}, {"weight_decay": 0.1}]:
        for optimizer in (our, their):
            optimizer.param_groups[0].update(change)
        step(ours, theirs, our, their)
        assert alike(ours, theirs)


@pytest.mark.parametrize(("knobs", "without"), [({"lr": 0.1}, ()), ({}, (0,))], ids=["rate", "no gradients"])
def test_each_group_has_its_rate_and_one_without_gradients_does_not_stop_the_next(knobs, without):
    ours, theirs, *_ = pair(torch.float64, lr=0.02)
    groups = [[{"params": side[:1], **knobs}, {"params": side[1:]}] for side in (ours, theirs)]
    our, their = Adam(groups[0], lr=0.02), torch.optim.Adam(groups[1], lr=0.02, fused=True)
    step(ours, theirs, our, their, without)
    assert alike(ours, theirs)


@pytest.mark.parametrize("from_torch", [True, False])
def test_either_goes_on_with_the_state_of_the_other(from_torch):
    ours, theirs, our, their = pair(torch.float32, lr=0.02)
    first, second = (their, our) if from_torch else (our, their)
    weights, others = (theirs, ours) if from_torch else (ours, theirs)
    for _ in range(3):
        push(weights)
        first.step()
    second.load_state_dict(deepcopy(first.state_dict()))
    with torch.no_grad():
        [other.copy_(weight) for other, weight in zip(others, weights, strict=True)]
    assert our.state_dict().keys() == their.state_dict().keys()
    step(ours, theirs, our, their)
    assert alike(ours, theirs)


def test_states_are_pytorchs():
    ours, theirs, our, their = pair(torch.float64, lr=0.02)
    step(ours, theirs, our, their)
    for a, b in zip(ours, theirs, strict=True):
        assert our.state[a].keys() == their.state[b].keys()
        for name, value in our.state[a].items():
            assert value.dtype == their.state[b][name].dtype
            assert torch.equal(value, their.state[b][name])
