"""Every flow, for every choice of its knobs, is the formula of its paper."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from engine.family import Batch
from engine.flow.base import BITS, NLL, TEST, Flow
from engine.space import Picture
from tests.laws.flow import paper
from tests.laws.flow.flowing import COLOUR, FIVE, LINE, PICTURE, PLANE, flow, shaken

pytestmark = pytest.mark.usefixtures("double")

ALL = ("nice", "real-nvp", "maf", "iaf", "glow")
OTHERS = (("layers", 2), ("width", 7), ("depth", 3), ("order", "none"), ("base", "uniform"))
ORDERS, BASES = ("alternate", "none", "random"), ("normal", "uniform", "mixture")
SETTINGS = [
    *[(name, FIVE, {"order": order}) for name in ALL for order in ORDERS],
    *[("spline-flow", FIVE, {"kind": kind, "order": order, "bins": 3, "bound": 1.5})
      for kind in ("coupling", "autoregressive") for order in ORDERS],
    *[(name, PICTURE, {"order": order}) for name in ("nice", "real-nvp", "maf", "glow") for order in ORDERS],
    ("glow", PICTURE, {"depth": 2, "layers": 2}),
    *[(name, COLOUR, {}) for name in ("nice", "maf", "glow")],
    ("real-nvp", FIVE, {"depth": 1, "layers": 1}),
    ("maf", FIVE, {"depth": 3, "layers": 2}),
    ("spline-flow", LINE, {"bins": 5, "bound": 2.0}),
    ("planar", LINE, {}),
    ("planar", FIVE, {"layers": 4}),
    ("continuous-flow", LINE, {}),
    ("continuous-flow", PLANE, {"depth": 1}),
    *[("real-nvp", PLANE, {"base": base}) for base in BASES],
    *[("nice", PICTURE, {"base": base}) for base in BASES],
]  # fmt: skip


def named(part: object) -> str:
    if isinstance(part, dict):
        return "-".join(map(str, part.values())) or "plain"
    return part if isinstance(part, str) else str(part.size)


def points(model: Flow, n: int) -> Tensor:
    if isinstance(model.space, Picture):
        return torch.rand(n, *model.space.shape) * 255 + 0.5
    return torch.randn(n, *model.space.shape) * 1.5


@pytest.mark.parametrize(("name", "space", "knobs"), SETTINGS, ids=named)
@torch.no_grad()
def test_a_flow_is_the_formula_of_its_paper(name, space, knobs):
    model = flow(name, space, **knobs)
    if knobs.get("base") == "mixture":
        model.base.logits += torch.randn(8)
    x = points(model, 3)
    exact = 1e-5 if name in ("spline-flow", "continuous-flow") else 1e-8  # slopes are differences there
    z, log_det = model.forward(x)
    log_p = model.log_prob(x)
    for i in range(3):
        by_hand, total = paper.image(model, x[i].numpy())
        assert z[i].tolist() == pytest.approx(by_hand.tolist(), abs=1e-7, rel=1e-9)
        assert log_det[i].item() == pytest.approx(total, abs=exact)
        assert log_p[i].item() == pytest.approx(paper.log_prob(model, x[i].numpy()), abs=10 * exact, rel=1e-9)


def test_halves_by_chance_hold_half_of_the_numbers_and_differ():
    model = flow("real-nvp", FIVE, layers=12, order="random")
    halves = {tuple(f.a.tolist()) for f in model.transforms}
    assert {len(half) for half in halves} == {2}
    assert {number for half in halves for number in half} == {0, 1, 2, 3, 4}


@torch.no_grad()
def test_samples_are_what_the_inverse_makes_of_the_base_at_that_temperature():
    model = flow("real-nvp", PLANE, by=0.2)
    shaken(model.f, 0.5)
    for temperature in (1.0, 0.3):
        torch.manual_seed(2)
        x = model.sample(6, temperature=temperature)
        torch.manual_seed(2)
        z = temperature * torch.randn(6, 2, dtype=torch.get_default_dtype())
        for one, origin in zip(x, z, strict=True):
            by_hand, _ = paper.image(model, one.numpy())
            assert by_hand.tolist() == pytest.approx(origin.tolist(), abs=1e-9)


def test_a_base_keeps_its_weights_and_nothing_else():
    kept = {base: list(flow("maf", PLANE, base=base).base.state_dict()) for base in BASES}
    assert kept == {"normal": [], "uniform": [], "mixture": ["logits", "centres", "log_sigma"]}


def batch(x: Tensor) -> Batch:
    return Batch(1, x, None, lambda: pytest.fail("no flow asks for more"))


@pytest.mark.parametrize(
    ("name", "space", "base"),
    [("maf", PLANE, "mixture"), ("planar", LINE, "normal"), ("real-nvp", FIVE, "mixture")],
    ids=named,
)
def test_the_loss_of_points_is_the_mean_of_minus_log_p_under_the_trained_weights(name, space, base):
    model = flow(name, space, base=base)
    model.settled.fill_(True)  # else the average would begin with the trained weights
    shaken(model.f, 0.2)  # the average now has other weights, and so has its base
    x = points(model, 4)
    ((player, terms),) = model.turns(batch(x))
    trained = flow(name, space, base=base)
    trained.average.load_state_dict(model.f.state_dict())
    by_hand = [paper.log_prob(trained, one.numpy()) for one in x]
    assert player is model.f
    assert list(terms) == [NLL]
    assert terms[NLL].item() == pytest.approx(-sum(by_hand) / 4, abs=1e-7)


@pytest.mark.parametrize("space", [PICTURE, COLOUR], ids=named)
def test_the_loss_of_pictures_is_that_of_dequantised_levels_in_bits_per_dimension(space):
    model = flow("glow", space)
    model.settled.fill_(True)
    shaken(model.f, 0.05)
    x = torch.randint(256, (3, *space.shape)) / 127.5 - 1
    torch.manual_seed(4)
    u = torch.rand(3, *space.shape)
    torch.manual_seed(4)
    ((_, terms),) = model.turns(batch(x))
    trained = flow("glow", space)
    trained.average.load_state_dict(model.f.state_dict())
    v = ((x + 1) * 127.5).round() + u
    by_hand = [paper.log_prob(trained, one.numpy()) for one in v]
    assert list(terms) == [BITS]
    assert terms[BITS].item() == pytest.approx(-sum(by_hand) / 3 / space.size / math.log(2), abs=1e-7)


@pytest.mark.parametrize("space", [PLANE, PICTURE], ids=named)
def test_what_is_held_out_is_measured_with_the_averaged_weights(space):
    model = flow("nice", space)
    shaken(model.f, 0.5)
    x = torch.randn(5, 2) if space is PLANE else torch.randint(256, (5, 1, 4, 4)) / 127.5 - 1
    torch.manual_seed(4)
    u = torch.rand(5, *space.shape)
    torch.manual_seed(4)
    values = model.evaluate(x)
    seen = x if space is PLANE else ((x + 1) * 127.5).round() + u
    mean = -sum(paper.log_prob(model, one.numpy()) for one in seen) / 5
    of = TEST[NLL] if space is PLANE else TEST[BITS]
    unit = 1 if space is PLANE else 1 / (16 * math.log(2))
    assert list(values) == [of]
    assert values[of] == pytest.approx(mean * unit, abs=1e-7)


# --- knobs --------------------------------------------------------------------------------------------


def test_the_rate_is_adams_and_the_first_step_is_as_long():
    model = flow("real-nvp", PLANE, lr=3e-3, base="mixture")
    optimizer = model.optimizer("f")
    assert isinstance(optimizer, torch.optim.Adam)
    (group,) = optimizer.param_groups
    assert (group["lr"], group["betas"]) == (3e-3, (0.9, 0.999))
    assert {id(p) for p in group["params"]} == {id(p) for p in model.f.parameters()}
    before = torch.cat([p.detach().flatten() for p in model.f.parameters()])
    for _, terms in model.turns(batch(torch.randn(8, 2))):
        sum(terms.values()).backward()
        optimizer.step()
    step = (torch.cat([p.detach().flatten() for p in model.f.parameters()]) - before).abs()
    assert step[step > 0].median().item() == pytest.approx(3e-3, rel=1e-3)  # g / |g| at first


@pytest.mark.parametrize(
    ("name", "space", "knobs"),
    [
        *[(name, PLANE, {knob: value}) for name in ALL for knob, value in OTHERS],
        *[("spline-flow", PLANE, {knob: value}) for knob, value in
          (("bins", 5), ("bound", 1.0), ("kind", "autoregressive"), ("order", "none"), ("layers", 2))],
        *[("glow", PICTURE, {knob: value}) for knob, value in
          (("layers", 2), ("width", 7), ("depth", 3), ("order", "alternate"), ("base", "uniform"))],
        ("maf", PICTURE, {"order": "none"}),
        ("planar", PLANE, {"layers": 2}),
        ("planar", PLANE, {"base": "uniform"}),
        *[("continuous-flow", PLANE, {knob: value}) for knob, value in (("width", 7), ("depth", 3))],
    ],
    ids=named,
)  # fmt: skip
@torch.no_grad()
def test_every_knob_changes_the_density(name, space, knobs):
    x = points(flow(name, space), 3)
    usual, other = (flow(name, space, **given).log_prob(x) for given in ({}, knobs))
    assert (usual - other).abs().max() > 1e-6


def test_pieces_of_time_are_as_many_as_asked_and_together_they_are_the_whole():
    one, many = (flow("continuous-flow", PLANE, layers=layers) for layers in (1, 5))
    x = torch.randn(3, 2)
    assert (len(one.transforms), len(many.transforms)) == (1, 5)
    with torch.no_grad():
        torch.testing.assert_close(one.log_prob(x), many.log_prob(x), atol=1e-9, rtol=0)
        way = [x, *(h for h, _ in many.average.way(x))]
    for i, (h, after) in enumerate(pairwise(way)):
        middle = many.transforms[i].velocity(
            torch.tensor((i + 0.5) / 5), torch.cat([(h + after) / 2] * 2, 1)[:, :3]
        )
        torch.testing.assert_close((after - h) * 5, middle[:, :2], atol=0.1, rtol=0.1)


def test_what_changes_nothing_is_no_knob():
    usual = ["layers", "base", "order", "width", "depth", "lr", "batch", "ema", "dequantize"]
    knobs = {
        name: list(type(flow(name, PLANE).config).knobs()) for name in ("maf", "planar", "continuous-flow")
    }
    assert knobs["maf"] == usual
    assert knobs["planar"] == [name for name in usual if name not in ("order", "width", "depth")]
    assert knobs["continuous-flow"] == [name for name in usual if name != "order"]
    config = flow("planar", PLANE, order="none").config  # as older runs have it
    assert config.change({"lr": 0.01}).lr == 0.01
    with pytest.raises(ValueError, match="no knob 'order'"):
        config.change({"order": "none"})
