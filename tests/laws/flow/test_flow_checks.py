"""The Check tab's laws of flows hold on shaken models, and see what is broken."""

from __future__ import annotations

import pytest
import torch

from engine.data import load
from engine.flow.checks import measure
from engine.flow.transforms import Autoregressive
from engine.space import Space
from tests.laws.flow.flowing import flow

RING, BUMPS = load("ring"), load("two-bumps")


def broken(model, data) -> list[str]:
    return [check.law for check in measure(model, data) if not check.holds]


@pytest.mark.parametrize(
    ("name", "knobs", "laws"),
    [
        ("planar", {}, 4),
        ("real-nvp", {"order": "random"}, 5),
        ("maf", {"base": "uniform"}, 5),
        ("iaf", {}, 5),
        ("glow", {"base": "mixture"}, 5),
        ("spline-flow", {"kind": "autoregressive"}, 5),
        ("continuous-flow", {}, 4),
    ],
)
def test_the_laws_hold_on_shaken_weights(name, knobs, laws):
    model = flow(name, RING.space, by=0.2, **knobs)
    before = [p.clone() for p in model.parameters()]
    assert len(measure(model, RING)) == laws
    assert not broken(model, RING)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_measured_twice_they_say_the_same_whatever_chance_did_between():
    model = flow("real-nvp", RING.space, by=0.2)
    once = measure(model, RING)
    torch.manual_seed(8)
    assert measure(model, RING) == once


def test_they_hold_on_a_line_and_on_pictures():
    assert not broken(flow("spline-flow", BUMPS.space), BUMPS)

    class Tiny:
        space = Space.of((1, 8, 8))

        def take(self, at):
            return torch.randint(256, (10, 1, 8, 8))[at] / 127.5 - 1

    for name in ("glow", "maf"):
        assert not broken(flow(name, Tiny.space), Tiny())


def halved(z, log_det):
    return z, log_det / 2


def mixed(z, log_det):
    return z + 0.1 * z.flip(-1), log_det


@pytest.mark.parametrize("bug", [halved, mixed])
def test_they_see_a_layer_that_is_wrong(bug, monkeypatch):
    model, right = flow("maf", RING.space, by=0.4), Autoregressive.forward
    monkeypatch.setattr(Autoregressive, "forward", lambda f, x: bug(*right(f, x)))
    assert len(broken(model, RING)) >= 2


def test_they_see_a_base_without_its_normalizer():
    model = flow("real-nvp", RING.space, by=0.2)
    base = model.base.log_prob
    model.base.log_prob = lambda z: base(z) + 0.1
    assert [law for law in broken(model, RING) if "integrates" in law]
