"""Laws of normalizing flows: whatever the weights are, the volume is counted right, and the way back is
exact."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from engine.checks import slope_gap
from engine.families import find
from engine.family import Batch
from engine.flow import continuous_flow
from engine.flow.base import BASES, BITS, Base, Flow, FlowConfig
from engine.flow.linear import ActNorm
from engine.flow.pixels import Logit, Reshape
from engine.flow.transforms import Autoregressive, Coupling
from engine.space import Picture
from tests.laws.flow.flowing import (
    FIVE,
    LINE,
    PICTURE,
    PLANE,
    SMALL,
    cells,
    fits,
    flow,
    jacobians,
    log_dets,
    shaken,
)

pytestmark = pytest.mark.usefixtures("double")

ORDERED = ["nice", "real-nvp", "maf", "iaf", "glow", "spline-flow"]
WAYS = [
    ("planar", FIVE, {}),
    ("planar", LINE, {}),
    *[(name, FIVE, {"order": order}) for name in ORDERED for order in ("alternate", "random", "none")],
    ("spline-flow", FIVE, {"kind": "autoregressive", "order": "random"}),
    ("spline-flow", LINE, {}),
    ("continuous-flow", FIVE, {}),
    ("continuous-flow", LINE, {}),
    *[(name, PICTURE, {}) for name in ("nice", "real-nvp", "maf", "glow")],
]
"""Every family, on all kinds of data that it allows and with each order of the variables."""


def named(part: object) -> str | None:
    if isinstance(part, dict):
        return "-".join(map(str, part.values())) or "plain"
    return part if isinstance(part, str) else None if not hasattr(part, "shape") else f"{part.size}"


def points(model: Flow, n: int = 3) -> torch.Tensor:
    """x of a few examples, as the model sees them in training."""
    if isinstance(model.space, Picture):
        return torch.rand(n, *model.space.shape) * 256
    return torch.randn(n, *model.space.shape)


def exact(model: Flow) -> float:
    """1e-9 of the range of x."""
    return 256e-9 if isinstance(model.space, Picture) else 1e-9


@pytest.mark.parametrize(("name", "space", "knobs"), WAYS, ids=named)
def test_volume_is_counted_as_autograd_counts_it_and_the_way_back_is_exact(name, space, knobs):
    model = flow(name, space, **knobs)
    x = points(model)
    with torch.no_grad():
        z, log_det = model.forward(x)
        again, back = model.inverse(z)
    assert z.shape == (3, space.size)
    assert log_det.shape == back.shape == (3,)
    assert log_det.abs().min() > 1e-3  # nothing to see in an identity
    torch.testing.assert_close(log_det, log_dets(lambda x: model.forward(x)[0], x), atol=1e-8, rtol=0)
    without = name == "planar"  # its root is found without a graph
    expected = -log_det if without else log_dets(lambda z: model.inverse(z)[0], z)
    torch.testing.assert_close(back, expected, atol=1e-8, rtol=0)
    torch.testing.assert_close(again, x, atol=exact(model), rtol=0)


@pytest.mark.parametrize(("name", "space", "knobs"), WAYS, ids=named)
def test_the_way_through_the_layers_leads_where_forward_and_inverse_do(name, space, knobs):
    model = flow(name, space, **knobs)
    x = points(model)
    with torch.no_grad():
        z, log_det = model.forward(x)
        way, back = model.average.way(x), model.average.back(z)
        assert len(way) == len(back) == len(model.transforms)
        torch.testing.assert_close(way[-1][0], z, atol=1e-9, rtol=0)
        torch.testing.assert_close(back[-1][0], x, atol=exact(model), rtol=0)
        for (h, step), (_, returned) in zip(way, reversed(back), strict=True):
            torch.testing.assert_close(step, -returned, atol=1e-8, rtol=0)
            assert h.shape[0] == 3
        for (h, _), (same, _) in zip(way[:-1], reversed(back[:-1]), strict=True):
            torch.testing.assert_close(h, same, atol=exact(model), rtol=0)
        total = torch.stack([step for _, step in way]).sum(0)
        torch.testing.assert_close(total, log_det, atol=1e-9, rtol=0)
        torch.testing.assert_close(model.log_prob(x), model.base.log_prob(z) + log_det, atol=1e-12, rtol=0)


DENSITIES = [
    *[(name, PLANE, {}) for name in ("planar", "nice", "real-nvp", "maf", "iaf", "glow", "spline-flow")],
    ("spline-flow", PLANE, {"kind": "autoregressive"}),
    ("real-nvp", PLANE, {"base": "uniform"}),
    ("maf", PLANE, {"base": "mixture"}),
    ("continuous-flow", PLANE, {"layers": 1}),
    ("planar", LINE, {}),
    ("spline-flow", LINE, {"bins": 5}),
    ("spline-flow", LINE, {"base": "mixture"}),
    ("continuous-flow", LINE, {"layers": 1}),
]


@pytest.mark.parametrize(("name", "space", "knobs"), DENSITIES, ids=named)
def test_the_density_integrates_to_1_and_samples_follow_it(name, space, knobs, monkeypatch):
    """Quadrature over a box with nearly all samples in it, and chi-squared over its cells."""
    monkeypatch.setitem(continuous_flow.TOLERANCE, torch.float64, 1e-6)
    model = flow(name, space, by=0.2, **knobs)
    x = model.sample(20_000)
    middle, reach = x.mean(0), 1.3 * (x - x.mean(0)).abs().amax(0)
    box = [(m - r, m + r) for m, r in zip(middle.tolist(), reach.tolist(), strict=True)]
    fine = 20_000 if space is LINE else 100 if name == "continuous-flow" else 240
    mass = cells(model.log_density, box, fine, 20)
    assert mass.sum().item() == pytest.approx(1, abs=1e-3)
    assert fits(x, mass, box) > 1e-3


@pytest.mark.parametrize("base", BASES)
def test_a_base_integrates_to_1_and_its_samples_follow_it(base):
    p, box = BASES[base](1), [(-14.0, 14.0)]
    mass = cells(p.log_prob, box, 28_000, 200)
    assert mass.sum().item() == pytest.approx(1, abs=1e-9)
    with torch.no_grad():
        assert fits(p.sample(20_000), mass, box) > 1e-3


@pytest.mark.parametrize("base", BASES)
def test_numbers_of_a_base_that_are_independent_multiply(base):
    p, z = BASES[base](3), torch.randn(4, 3)
    with torch.no_grad():
        if base == "mixture":
            p.logits.copy_(torch.randn(p.K))
            normals = torch.distributions.Normal(p.centres, p.log_sigma.exp()[:, None])
            each = normals.log_prob(z[:, None]).sum(2) + p.logits.log_softmax(0)
            expected = each.exp().sum(1).log()
        else:
            one = BASES[base](1)
            expected = sum(one.log_prob(z[:, [i]]) for i in range(3))
        torch.testing.assert_close(p.log_prob(z), expected, atol=1e-12, rtol=0)
        assert torch.equal(p.log_prob(z.view(4, 1, 3, 1)), p.log_prob(z))  # whatever shape they have
        assert p.log_prob(100 * z).isfinite().all()  # far outside there is a slope back


@pytest.mark.parametrize("base", BASES)
@torch.no_grad()
def test_the_temperature_multiplies_the_spread(base):
    p = BASES[base](2)
    spreads = []
    for temperature in (1.0, 0.5):
        torch.manual_seed(3)
        z = p.sample(500, temperature)
        if base == "mixture":
            torch.manual_seed(3)
            z = z - p.sample(500, 0.0)  # the centres
        spreads.append(z)
    assert spreads[0].isfinite().all()
    torch.testing.assert_close(spreads[1], spreads[0] / 2, atol=1e-12, rtol=0)


def test_soft_edges_are_alike_and_finite_at_the_ends_of_what_chance_may_say(monkeypatch):
    p, ends = BASES["uniform"](3), []
    for u in (0.0, 1.0):
        monkeypatch.setattr(torch, "rand", lambda *shape, u=u: torch.full(shape, u))
        ends.append(p.sample(2))
    assert ends[1].isfinite().all()
    assert (ends[1] > 2).all()
    torch.testing.assert_close(ends[0], -ends[1], atol=1e-9, rtol=0)


@pytest.mark.parametrize(("name", "space", "knobs"), [*WAYS, ("nice", FIVE, {"base": "mixture"})], ids=named)
def test_the_gradient_of_the_loss_is_its_slope_in_every_weight(name, space, knobs):
    model = flow(name, space, **knobs)
    model.settled.fill_(True)
    x = torch.rand(3, *space.shape) * 2 - 1 if space is PICTURE else 2 * torch.randn(3, space.size)
    assert slope_gap(model, x, None) < 1e-4


@pytest.mark.parametrize(("name", "space", "knobs"), WAYS, ids=named)
@torch.no_grad()
def test_a_flow_that_was_used_and_then_takes_other_weights_is_the_flow_of_those(name, space, knobs):
    one = flow(name, space, **knobs)
    other = type(one)(one.config, space)  # which chance gave another order
    for model in (one, other):
        shaken(model, 0.1)
    x = points(one)
    seen = []
    for model in (other, one, other):
        if len(seen) == 2:
            other.load_state_dict(one.state_dict())
        torch.manual_seed(6)
        z, log_det = model.forward(x)
        seen.append([z, log_det, *model.inverse(z), model.log_prob(x), model.sample(3)])
    assert all(torch.equal(*pair) for pair in zip(*seen[1:], strict=True))
    assert not torch.equal(seen[0][0], seen[1][0])


# --- the lecture's triangles -------------------------------------------------------------------------


def ordered(J: torch.Tensor, rank: torch.Tensor) -> torch.Tensor:
    """Rows and columns in the order of the variables."""
    order = rank.argsort()
    return J[:, order][:, :, order]


@pytest.mark.parametrize("name", ["maf", "iaf", "spline-flow"])
def test_an_autoregressive_layer_has_a_triangular_jacobian(name):
    model = flow(
        name, FIVE, order="random", width=24, **({"kind": "autoregressive"} if name[0] == "s" else {})
    )
    for f in model.transforms:
        rank = (f.of if name == "iaf" else f).net.rank
        J = ordered(jacobians(lambda x, f=f: f(x)[0], torch.randn(200, 5)), rank)
        assert (J.triu(1) == 0).all()  # exactly
        assert (J.diagonal(dim1=1, dim2=2) > 0).all()
        assert ((J != 0).any(0) == torch.ones(5, 5).tril()).all()  # each sees all before it


@pytest.mark.parametrize("order", ["alternate", "random", "none"])
def test_a_coupling_of_real_nvp_has_the_lectures_blocks(order):
    """Identity, zero and the diagonal exp(s); what is left says how the kept half changes the other."""
    model = flow("real-nvp", FIVE, order=order)
    halves = []
    for f in model.transforms:
        x = torch.randn(3, 5)
        J = jacobians(lambda x, f=f: f(x)[0], x)
        a, b = f.a, f.b
        halves.append(tuple(a.tolist()))
        assert sorted([*a.tolist(), *b.tolist()]) == [0, 1, 2, 3, 4]
        assert torch.equal(J[:, a][:, :, a], torch.eye(len(a)).expand(3, -1, -1))
        assert (J[:, a][:, :, b] == 0).all()
        scaled = J[:, b][:, :, b]
        assert torch.equal(scaled, scaled.diagonal(dim1=1, dim2=2).diag_embed())
        s = scaled.diagonal(dim1=1, dim2=2).log()
        torch.testing.assert_close(s.sum(1), f(x)[1], atol=1e-10, rtol=0)
        assert (J[:, b][:, :, a] != 0).any()
    assert (len(set(halves)) == 1) == (order == "none")
    assert order != "alternate" or set(halves[0]).isdisjoint(halves[1])


@pytest.mark.parametrize("space", [FIVE, PICTURE], ids=named)
def test_nice_has_one_determinant_everywhere(space):
    model = flow("nice", space)
    x = points(model, 6)
    way = model.average.way(x)[3 if space is PICTURE else 0 :]  # after the logit and the first scale
    *couplings, (_, scale) = [(h, log_det) for h, log_det in way]
    assert all((log_det == 0).all() for _, log_det in couplings)
    assert torch.equal(scale, scale[:1].expand(6))
    assert scale[0] != 0


# --- MAF and IAF ------------------------------------------------------------------------------------


@torch.no_grad()
def test_mafs_inverse_is_iaf_with_the_same_weights_and_both_are_the_definition():
    """z_i = (x_i - mu_i(x_before)) exp(-s_i(x_before)), one whole pass of the net for each number."""
    maf = flow("maf", FIVE, order="random", layers=1, depth=1, width=11)
    iaf = flow("iaf", FIVE, order="random", layers=1, depth=1, width=11)
    iaf.transforms[0].of.load_state_dict(maf.transforms[0].state_dict())
    net = maf.transforms[0].net
    z = torch.randn(6, 5)

    x, total = torch.zeros_like(z), 0.0
    for i in net.rank.argsort().tolist():
        mu, s = net(x)[:, i].T
        s = s / (1 + s.abs() / math.log(1000))
        x[:, i] = z[:, i] * s.exp() + mu
        total = total + s
    for image, log_det in (maf.inverse(z), iaf.forward(z)):
        torch.testing.assert_close(image, x, atol=1e-12, rtol=0)
        torch.testing.assert_close(log_det, total, atol=1e-12, rtol=0)
    for image, log_det in (maf.forward(x), iaf.inverse(x)):
        torch.testing.assert_close(image, z, atol=1e-11, rtol=0)
        torch.testing.assert_close(log_det, -total, atol=1e-11, rtol=0)


# --- likelihoods that are known -----------------------------------------------------------------------


@torch.no_grad()
def test_a_glow_without_couplings_is_a_gaussian_and_its_loss_the_entropy():
    model = flow("glow", FIVE, layers=2)
    for f in model.f.transforms[2::3]:
        nn.init.zeros_(f.net[-1].weight)
        nn.init.zeros_(f.net[-1].bias)
    model.average.load_state_dict(model.f.state_dict())
    A = torch.linalg.inv(jacobians(lambda x: model.forward(x)[0], torch.zeros(1, 5))[0])  # x = A z + b
    b = model.inverse(torch.zeros(1, 5))[0][0]
    gauss = torch.distributions.MultivariateNormal(b, A @ A.T)
    x = model.sample(20_000)
    torch.testing.assert_close(model.log_prob(x), gauss.log_prob(x), atol=1e-9, rtol=0)
    assert model.terms(x)[model.loss].item() == pytest.approx(gauss.entropy().item(), abs=0.06)


class Logistic(Base):
    """Density e^-z / (1 + e^-z)^2 for each number, and a weight that does nothing."""

    def __init__(self, D: int) -> None:
        super().__init__(D)
        self.idle = nn.Parameter(torch.zeros(1))

    def log_prob(self, z):
        return (nn.functional.logsigmoid(z) + nn.functional.logsigmoid(-z)).flatten(1).sum(1)


class Even(Flow):
    """The uniform model of pictures: every level of every pixel has probability 1/256."""

    title, Config = "even", FlowConfig

    def build(self):
        return [Logit(0.0), Reshape(self.space.shape, (self.space.size,))]


def test_the_uniform_model_has_8_bits_per_dimension():
    model = Even(FlowConfig(), PICTURE)
    model.f.base, model.average.base = Logistic(PICTURE.size), Logistic(PICTURE.size)
    x = torch.randint(256, (9, 1, 4, 4)) / 127.5 - 1
    (_, terms), *_ = model.turns(Batch(1, x, None, lambda: None))
    assert terms[BITS].item() == pytest.approx(8, abs=1e-11)
    assert model.evaluate(x)["test bits per dimension"] == pytest.approx(8, abs=1e-11)
    c = model.dequantized(x)
    torch.testing.assert_close(model.log_prob(c), torch.full((9,), -16 * math.log(256)), atol=1e-10, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("learns", [True, False])
def test_dequantised_pictures_keep_their_level_and_fill_it(dtype, learns):
    model = flow("nice", PICTURE).to(dtype)
    levels = (torch.arange(256, dtype=dtype) / 127.5 - 1).view(16, 1, 4, 4)
    seen = []
    for _ in range(20):
        with torch.set_grad_enabled(learns):
            c = model.dequantized(levels)
        assert (c > 0).all()
        assert (c < 256).all()
        torch.testing.assert_close(model.shown(c), levels, atol=1e-6, rtol=0)
        seen.append((c - c.floor()).flatten())
    noise = torch.cat(seen).double()
    assert noise.mean().item() == pytest.approx(0.5, abs=0.02)  # 5 standard errors
    assert noise.var().item() == pytest.approx(1 / 12, abs=0.006)
    assert not torch.equal(seen[0], seen[1])
    pairs = torch.stack(seen).double().corrcoef().fill_diagonal_(0), noise.view(-1, 16).T.corrcoef()
    assert pairs[0].abs().max() < 0.35  # 5 standard errors of 256 numbers
    assert pairs[1].fill_diagonal_(0).abs().max() < 0.28, "each pixel has noise of its own"


def test_what_lies_beyond_the_levels_is_shown_as_black_or_white():
    x = flow("nice", PICTURE).shown(torch.tensor([-3.0, -0.1, 0.0, 127.9, 255.9, 256.0, 300.0]))
    assert x.tolist() == pytest.approx([-1, -1, -1, 127 / 127.5 - 1, 1, 1, 1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ends_of_what_chance_may_say_keep_a_level_too_and_as_far_from_both_neighbours(dtype, monkeypatch):
    model = flow("nice", PICTURE).to(dtype)
    levels, ends = (torch.arange(256, dtype=dtype) / 127.5 - 1).view(16, 1, 4, 4), []
    for u in (0.0, 1.0):
        monkeypatch.setattr(torch, "rand_like", lambda x, u=u: torch.full_like(x, u))
        c = model.dequantized(levels)
        torch.testing.assert_close(model.shown(c), levels, atol=1e-6, rtol=0)
        ends.append(c - c.floor())
    assert ends[0].min() > 0
    torch.testing.assert_close(ends[0], 1 - ends[1], atol=2e-5, rtol=0)


# --- where learning begins -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "space"),
    [(name, FIVE) for name in ("nice", "real-nvp", "maf", "iaf", "spline-flow", "glow", "continuous-flow")]
    + [("spline-flow", LINE)],
    ids=named,
)  # fmt: skip
@torch.no_grad()
def test_a_flow_begins_as_the_identity_and_glow_as_a_rotation(name, space):
    torch.manual_seed(0)
    family, x = find(name), torch.randn(4, space.size)
    model = family(family.configure(space, SMALL), space)
    z, log_det = model.forward(x)
    torch.testing.assert_close(log_det, torch.zeros(4), atol=1e-12, rtol=0)
    torch.testing.assert_close(z.norm(dim=1), x.norm(dim=1), atol=1e-12, rtol=0)
    assert torch.allclose(z, x, atol=1e-12) == (name != "glow")


@pytest.mark.parametrize("name", ["nice", "real-nvp", "maf", "glow"])
@torch.no_grad()
def test_layers_of_pictures_begin_as_the_identity(name):
    family = find(name)
    model, seen = family(family.configure(PICTURE, SMALL), PICTURE), 0
    for f in model.transforms:
        if isinstance(f, Coupling | Autoregressive | ActNorm):
            D = len(f.m) if isinstance(f, ActNorm) else f.net.D if name == "maf" else len(f.back)
            x = torch.randn(2, D, *((3, 3) if name == "glow" else ()))
            z, log_det = f(x)
            torch.testing.assert_close(z, x, atol=1e-12, rtol=0)
            assert (log_det == 0).all()
            seen += 1
    assert seen >= 4


# --- the first minibatch -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "space", "many"),
    [("glow", PLANE, 3), ("glow", PICTURE, 3), ("nice", PLANE, 1), ("nice", PICTURE, 2),
     ("real-nvp", PICTURE, 1), ("maf", PICTURE, 1)],
    ids=named,
)  # fmt: skip
@torch.no_grad()
def test_the_first_minibatch_leaves_actnorms_with_mean_0_and_variance_1(name, space, many):
    model = flow(name, space)
    x = torch.randn(64, *space.shape) * 3 + 7 if space is PLANE else torch.rand(64, *space.shape) * 2 - 1
    torch.manual_seed(5)
    next(model.turns(Batch(1, x, None, lambda: None)))
    torch.manual_seed(5)
    h, seen = model.dequantized(x), 0
    for f in model.transforms:
        h = f(h)[0]
        if isinstance(f, ActNorm):
            per = h.transpose(0, 1).flatten(1)
            torch.testing.assert_close(per.mean(1), torch.zeros(len(per)), atol=1e-9, rtol=0)
            torch.testing.assert_close(per.std(1), torch.ones(len(per)), atol=1e-9, rtol=0)
            seen += 1
    assert seen == many
    before = [p.clone() for p in model.parameters()]
    next(model.turns(Batch(2, x * 0.5, None, lambda: None)))
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_the_knob_changes_the_order_of_the_variables():
    for order in ("alternate", "random", "none"):
        for name in ("maf", "iaf"):
            nets = [getattr(f, "of", f).net for f in flow(name, FIVE, order=order).transforms]
            assert all(sorted(net.rank.tolist()) == list(range(5)) for net in nets)
            same = [torch.equal(a.rank, b.rank) for a, b in pairwise(nets)]
            assert all(same) if order == "none" else not all(same)


@torch.no_grad()
def test_what_is_seen_is_the_average_of_what_is_trained():
    for ema in (0.0, 0.5):
        model = flow("glow", PLANE, ema=ema)
        x = torch.randn(8, 2)
        model.initialize(x)
        expected = torch.cat([p.flatten() for p in model.f.parameters()])
        for i in range(1, 30):
            for _turn in model.turns(Batch(i, x, None, lambda: None)):
                shaken(model.f, 0.1)  # as a step would
            new = torch.cat([p.flatten() for p in model.f.parameters()])
            kept = min(ema, (1 + i) / (10 + i))  # the share grows, for the beginning is soon forgotten
            expected = kept * expected + (1 - kept) * new
        seen = torch.cat([p.flatten() for p in model.average.parameters()])
        torch.testing.assert_close(seen, expected, atol=1e-12, rtol=0)
        if ema == 0:
            assert torch.equal(model.log_prob(x), model.f.log_prob(x))
