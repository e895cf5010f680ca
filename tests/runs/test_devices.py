"""What differs from device to device: a machine without an accelerator stands for one that has one of mps's
kind, by a device that is as strict (tests/fake_device.py)."""

from __future__ import annotations

import json

import pytest

from engine import checks
from engine.families import families
from engine.metrics.measure import LEFT_OUT
from engine.metrics.observe import held_out
from lab.runs import store, wire
from lab.runs.run import Run
from tests.fake_device import strange_device

EXAMPLES = {"line": "two-bumps", "points": "ring", "image": "digits", "transfer": "flower.cat"}
SMALL = {"width": 8, "width_G": 8, "width_D": 8, "depth": 1, "layers": 1, "batch": 16, "size": 64, "T": 20}


def setting(family, kind, **more):
    config = {k: v for k, v in SMALL.items() if k in family.Config.model_fields}
    return {"family": family.name, "data": EXAMPLES[kind.kind], "seed": 0, "config": config} | more


@pytest.mark.parametrize(
    ("family", "kind"),
    [pytest.param(f, k, id=f"{f.name}-{k.kind}") for f in families().values() for k in f.kinds],
)
def test_every_family_lives_without_float64_and_moves(family, kind):
    at = store.create(setting(family, kind))
    Run(at)
    with strange_device():
        run = Run(at)
        assert run.device.type == "lazy"
        assert {t.device.type for t in run.model.state_dict().values()} <= {"lazy"}
        run.settle("training")
        run.train(rounds=2)
        quality = run.quality()
        assert LEFT_OUT not in quality, quality[LEFT_OUT]
        held_out(run.model, run.data)
        about = json.loads(wire.header(run.frame())["frame"])
        assert "trouble" not in about, about["trouble"]
        wrong = [c for c in checks.measure(run.model, run.data) if c.why]
        assert not wrong, wrong
        assert run.model.sample(3).device.type == "lazy"
        run.settle("paused")
    # back on the CPU it goes on where it was
    again = Run(at)
    assert (again.round, again.device.type) == (2, "cpu")
    for name, tensor in again.model.state_dict().items():
        assert tensor.device.type == "cpu", name
    again.play()
    again.train(rounds=2)
    assert again.round == 4
