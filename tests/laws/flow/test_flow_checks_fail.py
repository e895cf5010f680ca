"""Each law of the Check tab fails for a model that breaks it, by as much as it is broken."""

from __future__ import annotations

import math

import pytest
import torch

from engine.data import load
from engine.families import find
from engine.flow import checks
from engine.flow.checks import density, layers, may_depend, measure, total
from engine.flow.linear import ActNorm, Mix
from engine.flow.transforms import Autoregressive, Coupling, Elementwise, Inverse, Planar
from engine.space import Space
from tests.laws.flow.flowing import flow, jacobians

RING, BUMPS = load("ring"), load("two-bumps")
VOLUME, BACK, ZEROS, MASS, ENTROPY = "autograd", "f⁻¹(f(x))", "zero where", "integrates", "entropy"


class Tiny:
    """A few pictures."""

    space = Space.of((1, 8, 8))

    def take(self, at):
        torch.manual_seed(3)
        return torch.randint(256, (10, 1, 8, 8))[at] / 127.5 - 1


def broken(model, data=RING) -> set[str]:
    """The words of the laws that do not hold."""
    wrong = [check.law for check in measure(model, data) if not check.holds]
    return {word for word in (VOLUME, BACK, ZEROS, MASS, ENTROPY) if any(word in law for law in wrong)}


def swap(monkeypatch, of, name, new):
    right = getattr(of, name)
    monkeypatch.setattr(of, name, lambda *given, **more: new(right(*given, **more), *given))


SIGNS = [
    ("real-nvp", {}, Coupling), ("maf", {}, Autoregressive), ("iaf", {}, Inverse), ("planar", {}, Planar),
    ("glow", {}, ActNorm), ("glow", {}, Mix), ("spline-flow", {"kind": "autoregressive"}, Autoregressive),
]  # fmt: skip


@pytest.mark.parametrize(("name", "knobs", "layer"), SIGNS, ids=lambda part: getattr(part, "__name__", None))
def test_a_wrong_sign_of_a_log_det_breaks_volume_and_a_wrong_inverse_the_way_back(
    name, knobs, layer, monkeypatch
):
    model = flow(name, RING.space, by=0.2, layers=2, **knobs)
    assert not broken(model)
    with monkeypatch.context() as patch:
        swap(patch, layer, "forward", lambda pair, *_: (pair[0], -pair[1]))
        own = {BACK} if layer is not Planar else set()  # its inverse asks the way there for the volume
        assert {VOLUME, MASS} | own <= broken(model)
    with monkeypatch.context() as patch:
        swap(patch, layer, "inverse", lambda pair, *_: (pair[0] + 0.01 * pair[0].sin(), pair[1]))
        assert BACK in broken(model)
    swap(monkeypatch, layer, "inverse", lambda pair, *_: (pair[0], -pair[1]))
    assert {BACK} <= broken(model) <= {BACK, VOLUME, MASS, ENTROPY}  # IAF's density is this inverse


ERRORS = {
    VOLUME: ("forward", lambda x, log_det: (x, 0.99 * log_det)),
    BACK: ("inverse", lambda x, log_det: (x + 1e-4 * x.sin(), log_det)),
    ZEROS: ("forward", lambda x, log_det: (x + 1e-7 * x.flip(1).sin(), log_det)),
}


@pytest.mark.parametrize("law", ERRORS)
@pytest.mark.parametrize("name", ["real-nvp", "maf", "iaf", "glow", "spline-flow", "planar"])
def test_a_single_layer_that_is_wrong_breaks_the_laws_wherever_it_is(name, law):
    (method, wrong), models = ERRORS[law], [flow(name, RING.space, layers=2) for _ in range(6)]
    for i, model in enumerate(models[: len(models[0].transforms)]):
        f = model.transforms[i]
        right = getattr(type(f), method)
        f.__class__ = type("Wrong", (type(f),), {method: lambda f, x, right=right: wrong(*right(f, x))})
        if law != ZEROS or may_depend(f, torch.zeros(2)) is not None:
            assert law in broken(model)


@pytest.mark.parametrize("at", range(checks.EXAMPLES))
def test_volume_is_checked_at_every_example(at):
    model = flow("real-nvp", RING.space, layers=1)
    f, wrong = model.transforms[0], RING.take(slice(checks.EXAMPLES))[at].double()

    class Wrong(type(f)):
        def forward(self, x):
            z, log_det = super().forward(x)
            return z, log_det + 0.1 * (x == wrong).all(1)

    f.__class__ = Wrong
    assert VOLUME in broken(model)


@torch.no_grad()
def test_of_pictures_the_last_layer_of_each_kind_and_shape_is_checked_at_its_own_input():
    model = flow("glow", Tiny.space, layers=3)
    h = torch.rand(1, 1, 8, 8) * 256
    seen, last = {f: (J, log_det) for f, J, log_det in layers(model, h)}, {}
    for f in model.transforms:
        last[f.title, h.shape[1:]] = f, jacobians(lambda h, f=f: f(h)[0], h)
        h = f(h)[0]
    assert len(seen) == len(last) == 1 + 2 + 2 * 3 + 1  # logit, squeezes, steps at both scales, reshape
    for f, J in last.values():
        torch.testing.assert_close(seen[f][0], J)
        torch.testing.assert_close(seen[f][1], torch.linalg.slogdet(J).logabsdet, atol=1e-3, rtol=0)


def test_a_curve_on_a_line_and_a_velocity_are_checked_as_well(monkeypatch):
    curve = flow("spline-flow", BUMPS.space, layers=1)
    with monkeypatch.context() as patch:
        swap(patch, Elementwise, "forward", lambda pair, *_: (pair[0], -pair[1]))
        assert {VOLUME, BACK, MASS} <= broken(curve, BUMPS)
    monkeypatch.setitem(checks.SIDE, 1, 400)
    velocity = flow("continuous-flow", BUMPS.space)
    assert not broken(velocity, BUMPS)
    piece = type(velocity.transforms[0])
    swap(monkeypatch, piece, "velocity", lambda both, *_: torch.cat([both[:, :-1], 2 * both[:, -1:]], 1))
    assert {VOLUME, MASS} <= broken(velocity, BUMPS)


@pytest.mark.parametrize("layer", [ActNorm, Mix])
def test_a_picture_whose_places_are_not_all_counted_breaks_volume(layer, monkeypatch):
    model = flow("glow", Tiny.space)
    assert not broken(model, Tiny())
    swap(monkeypatch, layer, "forward", lambda pair, f, x: (pair[0], pair[1] / x[0, 0].numel()))
    assert {VOLUME, BACK} <= broken(model, Tiny())


@pytest.mark.parametrize(
    ("name", "knobs"), [("maf", {}), ("iaf", {}), ("spline-flow", {"kind": "autoregressive"})]
)
def test_a_mask_that_leaks_breaks_the_triangle(name, knobs):
    model = flow(name, RING.space, layers=1, **knobs)
    (f,) = model.transforms
    net = (f.of if name == "iaf" else f).net
    net.out.mask[:] = 1  # a number sees itself: the way back is another, and the volume
    assert {BACK, ENTROPY} <= broken(model)
    for hidden in net.hidden:
        hidden.mask[:] = 1  # and those after it
    assert (BACK if name == "iaf" else ZEROS) in broken(model)  # IAF goes number by number, and sees none


def test_a_coupling_that_changes_what_it_should_keep_breaks_its_block(monkeypatch):
    model = flow("real-nvp", RING.space)
    swap(
        monkeypatch, Coupling, "forward", lambda pair, f, x: (pair[0] + 1e-7 * pair[0].flip(1).sin(), pair[1])
    )
    assert ZEROS in broken(model)


def test_what_a_layer_may_depend_on():
    x = torch.zeros(2)
    order = flow("maf", RING.space, order="none").transforms[0]
    assert may_depend(order, x).tolist() == [[True, False], [True, True]]
    assert may_depend(Inverse(order), x).tolist() == [[True, False], [True, True]]
    half = flow("real-nvp", RING.space, order="none").transforms[0]
    assert may_depend(half, x).tolist() == [[True, False], [True, True]]
    places = Coupling(torch.tensor([True, False]), half.net, half.law)
    block = may_depend(places, torch.zeros(2, 1, 2))
    assert block.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 0], [1, 1, 0, 1]]
    assert may_depend(ActNorm(2), x) is None


# --- the density -------------------------------------------------------------------------------------


def bell(**knobs):
    """A flow before its first round: N(0, I), whose entropy is log(2 pi e)."""
    torch.manual_seed(0)
    family = find("real-nvp")
    return family(family.configure(RING.space, {"layers": 2, "width": 8} | knobs), RING.space)


@pytest.mark.parametrize("c", [-0.2, 0.1])
def test_mass_and_entropy_are_off_by_as_much_as_the_density_is(c, monkeypatch):
    model, H = bell(), math.log(2 * math.pi * math.e)
    right = type(model).log_prob
    monkeypatch.setattr(type(model), "log_prob", lambda self, x: right(self, x) + c)
    mass, entropy = density(model)
    assert mass.discrepancy == pytest.approx(abs(math.exp(c) - 1), abs=3e-3)
    assert entropy.discrepancy == pytest.approx(abs((H - c) * (math.exp(c) - 1)), abs=0.08)
    assert not mass.holds
    assert not entropy.holds
    assert 5e-3 < mass.tolerance < 8e-3
    noise = 5 * 2**0.5 / 2 * 2**0.5 / 2000**0.5  # five standard errors of -log p, whose variance is D / 2
    assert entropy.tolerance == pytest.approx(5e-3 + noise, rel=0.15)


@pytest.mark.parametrize("middle", [0.0, 7.0])
def test_the_density_is_measured_twice_in_each_cell_of_a_box_half_as_wide_again_as_the_samples(middle):
    model, asked = bell(), []
    model.sample = lambda n: middle + torch.tensor([[1.0, 2.0], [-1.0, -2.0]]).repeat(n // 2, 1)
    model.log_prob = lambda x: asked.append(x) or torch.zeros(len(x))
    mass, entropy = density(model)
    places, samples = asked
    share = (places - middle) / torch.tensor([1.5, 3.0])
    assert share.abs().max() <= 1
    cells = ((share + 1) * 64).long().clamp(max=127)
    assert (torch.bincount(cells[:, 0] * 128 + cells[:, 1], minlength=128**2) == 2).all()
    assert len(places.unique(dim=0)) == 2 * 128**2
    assert torch.equal(samples, model.sample(2000))
    assert mass.discrepancy == pytest.approx(3 * 6 - 1, rel=1e-5)  # of a density of 1 in all of the box
    assert entropy.discrepancy == 0


@pytest.mark.parametrize("temperature", [0.8, 1.25])
def test_samples_that_do_not_follow_the_density_break_its_entropy(temperature):
    model = bell()
    sample = model.sample
    model.sample = lambda n: sample(n, temperature=temperature)
    entropy = next(check for check in density(model) if "entropy" in check.law)
    assert entropy.discrepancy == pytest.approx(abs(temperature**2 - 1), abs=0.1)  # E|z|^2 / 2 is T^2
    assert not entropy.holds


def test_samples_of_other_weights_than_the_density_has_break_it():
    model = flow("real-nvp", RING.space, by=0.5, layers=2)
    trained = flow("real-nvp", RING.space, by=0.1, layers=2)
    model.sample = trained.sample
    assert ENTROPY in broken(model)


def test_a_total_is_a_sum_over_cells_and_its_error_that_of_two_draws_in_each():
    each = torch.tensor([[1.0, 4.0, 2.0], [3.0, 4.0, 8.0]]).double()
    value, error = total(each)
    assert value == 2 + 4 + 5
    assert error == pytest.approx(math.sqrt((1 + 1) / 2 + 0 + (9 + 9) / 2))


def test_pictures_and_more_numbers_have_no_quadrature():
    assert density(flow("real-nvp", Space.of((5,)), layers=1)) == []
    assert len(measure(flow("nice", Tiny.space), Tiny())) == 3


def test_jacobians_which_take_long_are_those_of_one_picture(monkeypatch):
    seen, few = [], layers
    monkeypatch.setattr(checks, "layers", lambda model, x: seen.append(x.shape) or few(model, x))
    measure(flow("nice", Tiny.space), Tiny())
    assert seen == [(1, 1, 8, 8)]
