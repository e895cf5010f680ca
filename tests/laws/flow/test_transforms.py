"""Laws of single transforms: what a whole flow would not show."""

from __future__ import annotations

import math

import pytest
import torch

from engine.flow.linear import ActNorm, Mix
from engine.flow.pixels import Logit, Reshape, Squeeze
from engine.flow.transforms import STEEPEST, Elementwise, Inverse, Planar, affine, squash
from tests.laws.flow.flowing import jacobians, log_dets, shaken

pytestmark = pytest.mark.usefixtures("double")


def holds(f: torch.nn.Module, x: torch.Tensor) -> None:
    """Both directions against autograd and each other."""
    z, log_det = f(x)
    again, back = f.inverse(z)
    torch.testing.assert_close(again, x, atol=1e-9, rtol=0)
    torch.testing.assert_close(log_det, log_dets(lambda x: f(x)[0], x), atol=1e-8, rtol=0)
    torch.testing.assert_close(back, log_dets(lambda z: f.inverse(z)[0], z), atol=1e-8, rtol=0)


@pytest.mark.parametrize("shape", [(5,), (1,), (4, 3, 2), (1, 3, 2)])
def test_actnorm_and_mix_count_every_place(shape):
    for f in (ActNorm(shape[0]), Mix(shape[0])):
        shaken(f)
        holds(f, torch.randn(3, *shape))
        holds(Inverse(f), torch.randn(3, *shape))
        assert f.title in Inverse(f).title


@torch.no_grad()
def test_mix_begins_as_a_rotation_and_its_log_det_is_slogdet_times_the_places():
    f = Mix(4)
    PL, U = f.parts()
    W = PL @ U
    torch.testing.assert_close(W @ W.T, torch.eye(4), atol=1e-12, rtol=0)
    assert W.det().item() == pytest.approx(1, abs=1e-12)
    shaken(f, 0.5)
    PL, U = f.parts()
    x = torch.randn(2, 4, 3, 5)
    expected = 15 * torch.linalg.slogdet(PL @ U).logabsdet
    assert abs(expected) > 0.1
    torch.testing.assert_close(f(x)[1], expected.expand(2), atol=1e-11, rtol=0)
    torch.testing.assert_close(f(x)[0][0, :, 1, 2], PL @ U @ x[0, :, 1, 2], atol=1e-12, rtol=0)


@torch.no_grad()
def test_a_mix_in_float32_is_that_in_float64_rounded_once():
    made = []
    for dtype in (torch.float64, torch.float32):
        torch.set_default_dtype(dtype)
        torch.manual_seed(4)
        made.append(Mix(9))
    exactly, rough = (f.state_dict() for f in made)
    assert all(torch.equal(exactly[name].float(), rough[name]) for name in exactly)
    torch.set_default_dtype(torch.float64)
    x = torch.randn(3, 9)
    z, log_det = made[1](x.float())  # whatever is usual
    assert z.dtype == log_det.dtype == torch.float32
    torch.testing.assert_close(z.double(), made[0](x)[0], atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_number_that_is_always_the_same_is_scaled_as_steeply_as_any_may_be():
    f = ActNorm(2)
    z = f.initialize(torch.stack([torch.full((8,), 5.0), torch.randn(8)], 1))
    assert f.s[0].item() == pytest.approx(STEEPEST)
    assert (z[:, 0] == 0).all()


@torch.no_grad()
def test_squeeze_and_reshape_only_move_numbers():
    x = torch.arange(2 * 3 * 4 * 6.0).view(2, 3, 4, 6)
    for f, shape in ((Squeeze(), (12, 2, 3)), (Reshape((3, 4, 6), (72,)), (72,))):
        z, log_det = f(x)
        assert z.shape == (2, *shape)
        assert torch.equal(z.flatten(1).sort(1).values, x.flatten(1))
        assert torch.equal(f.inverse(z)[0], x)
        assert (log_det == 0).all()
        assert (f.inverse(z)[1] == 0).all()
    corner = Squeeze()(x)[0][0, :4, 0, 0]
    assert torch.equal(corner.sort().values, x[0, 0, :2, :2].flatten())  # four neighbours of one channel


@pytest.mark.parametrize("margin", [0.0, 0.05])
def test_the_logit_of_pixels(margin):
    f = Logit(margin)
    holds(f, torch.rand(3, 1, 2, 3) * 255 + 0.5)
    middle = torch.full((1, 1, 1, 1), 128.0)
    assert f(middle)[0].item() == pytest.approx(0, abs=1e-12)
    assert f(middle)[1].item() == pytest.approx(math.log(4 * (1 - 2 * margin) / 256), abs=1e-12)
    if margin:
        assert f(torch.tensor([[0.0, 256.0]]))[0].abs().max().item() == pytest.approx(math.log(19))


def test_a_curve_of_each_number():
    f = Elementwise(3, 2, affine)
    shaken(f, 1.0)
    holds(f, torch.randn(3, 3))


def test_scales_stay_where_exp_is_a_number():
    s = torch.tensor([-1e9, -1.0, 0.0, 1.0, 1e9])
    assert squash(s).abs().max() < math.log(1000)
    assert (squash(s).diff() > 0).all()
    assert torch.func.grad(squash)(torch.tensor(0.0)).item() == 1


# --- planar ------------------------------------------------------------------------------------------


def pushed(wu: float) -> Planar:
    """A planar layer whose w u is as given before it is made to obey."""
    f = Planar(3)
    with torch.no_grad():
        f.w *= 1.7 / f.w.norm()
        f.u += (wu - f.w @ f.u) * f.w / f.w.square().sum()
    return f


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("wu", [-1000.0, -40.0, -20.0, -5.0, -1.0, 0.0, 3.0, 50.0])
def test_planar_stays_invertible_at_the_edge_of_its_constraint(wu, dtype):
    f = pushed(wu).to(dtype)
    with torch.no_grad():
        bent = (f.w @ f.bent()).item()
        assert bent > -1
        x = torch.randn(500, 3, dtype=dtype)
        x[::2] -= ((x[::2] @ f.w + f.b) / f.w.square().sum())[:, None] * f.w  # onto the line of most squeeze
        z, log_det = f(x)
        assert log_det.isfinite().all()
        again, back = f.inverse(z)
        image = f(again)[0]
    if dtype == torch.float64:
        tight = 1e-9 if wu >= -5 else 1e-6
        torch.testing.assert_close(again[1::2], x[1::2], atol=tight, rtol=0)
        torch.testing.assert_close(image, z, atol=1e-9, rtol=0)
        away = x[1::2]
        expected = log_dets(lambda x: f(x)[0], away)
        torch.testing.assert_close(f(away)[1], expected, atol=1e-8, rtol=0)
    else:
        torch.testing.assert_close(image, z, atol=1e-4, rtol=1e-4)
    assert back.isfinite().all()


@torch.no_grad()
def test_a_planar_layer_that_looks_nowhere_shifts_all_alike():
    f, x = Planar(3), torch.randn(4, 3)
    f.w.zero_()
    z, log_det = f(x)
    torch.testing.assert_close(z - x, (f.u * f.b.tanh()).expand(4, -1), atol=1e-12, rtol=0)
    assert (log_det == 0).all()
    torch.testing.assert_close(f.inverse(z)[0], x, atol=1e-12, rtol=0)


def test_planar_changes_one_direction_only():
    f = pushed(0.5)
    J = jacobians(lambda x: f(x)[0], torch.randn(4, 3)) - torch.eye(3)
    assert (torch.linalg.matrix_rank(J, tol=1e-10) == 1).all()
