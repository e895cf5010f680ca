"""Laws of the layers that families share."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from engine.config import Refused
from engine.nets.layers import (
    ACTIVATIONS,
    Beside,
    SpectralLinear,
    Up,
    conv_decoder,
    conv_encoder,
    leaky,
    mlp,
    pool,
    spread,
    unpool,
)
from engine.nets.masked import MADE, MaskedLinear

pytestmark = pytest.mark.usefixtures("double")


def test_each_activation_is_its_formula():
    x = torch.tensor([-2.0, -0.5, 0.0, 3.0])
    formulas = {
        "LeakyReLU": [-0.4, -0.1, 0, 3],
        "ReLU": [0, 0, 0, 3],
        "tanh": [math.tanh(v) for v in x.tolist()],
        "linear": [-2, -0.5, 0, 3],
    }
    assert set(ACTIVATIONS) == set(formulas)
    for name, expected in formulas.items():
        assert ACTIVATIONS[name]()(x).tolist() == pytest.approx(expected)
    assert leaky()(x).tolist() == pytest.approx(formulas["LeakyReLU"])


@pytest.mark.parametrize("depth", [0, 1, 2, 4])
def test_a_net_has_so_many_hidden_layers_with_an_activation_after_each_and_none_at_the_end(depth):
    net = mlp(3, 7, depth, 5, act=nn.Tanh)
    linear = [part for part in net if isinstance(part, nn.Linear)]
    sizes = [3, *[7] * depth, 5]
    assert [tuple(part.weight.shape) for part in linear] == [(b, a) for a, b in pairwise(sizes)]
    x = h = torch.randn(4, 3)
    for part in linear[:-1]:
        h = (h @ part.weight.T + part.bias).tanh()
    h = h @ linear[-1].weight.T + linear[-1].bias
    torch.testing.assert_close(net(x), h, atol=1e-12, rtol=0)
    plain = mlp(3, 7, depth, 5)
    kinds = [type(part) for part in plain]
    assert kinds == [nn.Linear, nn.LeakyReLU] * depth + [nn.Linear]
    bounded = mlp(3, 7, depth, 5, linear=SpectralLinear)
    assert all(type(part) is SpectralLinear for part in bounded[::2])


@pytest.mark.parametrize("layer", [nn.Linear, SpectralLinear])
def test_weights_begin_as_even_draws_up_to_one_over_the_root_of_the_inputs(layer):
    weights = layer(100, 400).weight.detach()
    assert weights.abs().max() <= 0.1
    assert weights.std().item() == pytest.approx(0.1 / math.sqrt(3), rel=0.02)


# --- spectral normalization -----------------------------------------------------------------------


def test_a_fresh_layer_is_divided_by_its_largest_singular_value():
    layer = SpectralLinear(6, 9)
    layer.iterate(500)
    largest = torch.linalg.svdvals(layer.weight)[0]
    assert layer.sigma().item() == pytest.approx(largest.item(), rel=1e-9)
    x = torch.randn(5, 6)
    torch.testing.assert_close(layer(x), x @ layer.weight.T / largest + layer.bias, atol=1e-9, rtol=0)
    J = layer.weight / layer.sigma()
    assert torch.linalg.svdvals(J)[0].item() == pytest.approx(1, abs=1e-9)


def test_it_begins_near_the_largest_and_never_above_it():
    for seed in range(20):
        torch.manual_seed(seed)
        layer = SpectralLinear(40, 30)
        share = (layer.sigma() / torch.linalg.svdvals(layer.weight)[0]).item()
        assert 0.85 < share <= 1 + 1e-12


def test_one_iteration_is_the_papers_and_follows_small_steps_of_the_weights():
    layer = SpectralLinear(4, 3)
    W, u = layer.weight.detach(), layer.u.clone()
    v = W.T @ u / (W.T @ u).norm()
    u = W @ v / (W @ v).norm()
    layer.iterate()
    torch.testing.assert_close(layer.v, v, atol=1e-12, rtol=0)
    torch.testing.assert_close(layer.u, u, atol=1e-12, rtol=0)
    assert layer.sigma().item() == pytest.approx((u @ W @ v).item(), abs=1e-12)
    layer.iterate(300)
    with torch.no_grad():
        for _ in range(100):
            layer.weight += 2e-3 * torch.randn(3, 4)
            layer.iterate()
    assert layer.sigma().item() == pytest.approx(torch.linalg.svdvals(layer.weight)[0].item(), rel=0.01)


def test_the_gradient_goes_through_sigma_with_u_and_v_held():
    layer = SpectralLinear(4, 3)
    (slope,) = torch.autograd.grad(layer.sigma(), layer.weight)
    torch.testing.assert_close(slope, torch.outer(layer.u, layer.v), atol=1e-12, rtol=0)
    layer.iterate(500)
    x = torch.randn(2, 4)
    (ours,) = torch.autograd.grad(layer(x).square().sum(), layer.weight)
    W = layer.weight.detach().clone().requires_grad_()
    exact = x @ W.T / torch.linalg.matrix_norm(W, 2) + layer.bias.detach()
    (expected,) = torch.autograd.grad(exact.square().sum(), W)
    torch.testing.assert_close(ours, expected, atol=1e-7, rtol=0)


def test_stacked_weights_have_a_norm_each():
    one, other = SpectralLinear(4, 3), SpectralLinear(4, 3)
    both = SpectralLinear(4, 3)
    for name in ("weight", "u", "v"):
        stacked = torch.stack([getattr(one, name).detach(), getattr(other, name).detach()])
        setattr(both, name, nn.Parameter(stacked) if name == "weight" else stacked)
    for layer in (one, other, both):
        layer.iterate(3)
    torch.testing.assert_close(both.sigma(), torch.stack([one.sigma(), other.sigma()]), atol=1e-12, rtol=0)
    torch.testing.assert_close(both.u, torch.stack([one.u, other.u]), atol=1e-12, rtol=0)


# --- nets of pictures and labels ------------------------------------------------------------------


def test_what_stands_beside_comes_after_x():
    net = Beside(nn.Identity())
    x, more = torch.arange(8.0).view(2, 2, 2), torch.tensor([[9.0], [10.0]])
    assert net(x).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert net(x, more).tolist() == [[0, 1, 2, 3, 9], [4, 5, 6, 7, 10]]
    assert Beside(nn.Identity(), nn.ReLU())(-x, more).tolist() == [[0, 0, 0, 0, 9], [0, 0, 0, 0, 10]]


def test_a_convolutional_encoder_is_two_convolutions_with_pools_and_a_linear_layer():
    net = conv_encoder((3, 8, 12), 5, 4, nn.Tanh, more=2)
    first, second = (part for part in net.before if isinstance(part, nn.Conv2d))
    assert (first.weight.shape, second.weight.shape) == ((5, 3, 3, 3), (10, 5, 3, 3))
    x, y, h = torch.randn(2, 3, 8, 12), torch.randn(2, 2), None
    h = x
    for part in (first, second):
        h = nn.functional.conv2d(h, part.weight, part.bias, padding=1).tanh()
        h = h.unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2))
    expected = torch.cat([h.flatten(1), y], 1) @ net.net.weight.T + net.net.bias
    torch.testing.assert_close(net(x, y), expected, atol=1e-12, rtol=0)
    assert conv_encoder((1, 4, 4), 5, 4, nn.ReLU)(torch.randn(2, 1, 4, 4)).shape == (2, 4)


@pytest.mark.parametrize("up", ["nearest", "bilinear", "transposed", "max-unpooling"])
def test_a_convolutional_decoder_doubles_twice(up):
    net = conv_decoder((3, 8, 12), 5, 4, nn.Tanh, up)
    z = torch.randn(2, 4)
    linear, _, _, one, conv, _, two, last = net
    h = (z @ linear.weight.T + linear.bias).tanh().view(2, 10, 2, 3)
    h = nn.functional.conv2d(one(h), conv.weight, conv.bias, padding=1).tanh()
    h = nn.functional.conv2d(two(h), last.weight, last.bias, padding=1)
    assert h.shape == (2, 3, 8, 12)
    torch.testing.assert_close(net(z), h, atol=1e-12, rtol=0)
    assert {type(one), type(two)} == {Up}
    assert (one.kind, two.kind) == (up, up)


def squares(x):
    """The numbers of each 2 x 2 square, in the order of reading: (B, C, H / 2, W / 2, 4)."""
    return torch.stack([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)], -1)


def test_pooling_takes_the_largest_of_each_square_and_unpooling_puts_it_back():
    x = torch.randn(2, 3, 4, 6)
    largest, where = pool(x)
    most = squares(x).amax(-1)
    assert torch.equal(largest, most)
    assert torch.equal(squares(unpool(largest, where)), squares(x) * (squares(x) == most[..., None]))
    assert torch.equal(squares(unpool(0 * largest + 7, where)), 7.0 * (squares(x) == most[..., None]))


def test_unpooling_without_places_leaves_holes():
    x = torch.randn(2, 3, 2, 5)
    expected = [x, *[0 * x] * 3]
    for up in (spread, Up("max-unpooling", 3)):
        assert torch.equal(squares(up(x)), torch.stack(expected, -1))


def test_each_way_up_is_its_formula():
    x = torch.randn(2, 3, 4, 5)
    assert torch.equal(squares(Up("nearest", 3)(x)), x[..., None].expand(2, 3, 4, 5, 4))
    far, near = 0.25, 0.75  # a pixel's quarters lie a quarter of a pixel from its centre

    def doubled(x):  # along the last side
        left, right = (torch.cat(part, -1) for part in ((x[..., :1], x[..., :-1]), (x[..., 1:], x[..., -1:])))
        return torch.stack([near * x + far * left, near * x + far * right], -1).flatten(-2)

    torch.testing.assert_close(Up("bilinear", 3)(x), doubled(doubled(x).mT).mT, atol=1e-12, rtol=0)
    # a transposed convolution is the gradient of a convolution
    up = Up("transposed", 3)
    y = torch.randn(2, 3, 8, 10, requires_grad=True)
    down = nn.functional.conv2d(y, up.net.weight, stride=2, padding=1)
    (expected,) = torch.autograd.grad(down, y, x)
    torch.testing.assert_close(up(x), expected + up.net.bias[:, None, None], atol=1e-12, rtol=0)
    assert up.net.kernel_size == (4, 4)


@pytest.mark.parametrize("shape", [(1, 6, 8), (1, 8, 6)])
def test_pictures_that_cannot_be_halved_twice_are_refused(shape):
    for make in (
        lambda: conv_encoder(shape, 4, 2, nn.ReLU),
        lambda: conv_decoder(shape, 4, 2, nn.ReLU, "nearest"),
    ):
        with pytest.raises(Refused, match="not divisible by 4"):
            make()


# --- masks ----------------------------------------------------------------------------------------


def test_a_masked_layer_multiplies_by_what_its_mask_leaves():
    mask = torch.tensor([[1, 0, 1], [0, 0, 1]])
    layer = MaskedLinear(mask)
    x = torch.randn(4, 3)
    expected = x @ (layer.weight * mask).T + layer.bias
    torch.testing.assert_close(layer(x), expected, atol=1e-12, rtol=0)
    assert layer.masked[~mask.bool()].abs().max() == 0


@pytest.mark.parametrize(("D", "width"), [(5, 4), (5, 12), (3, 7), (2, 4), (1, 3)])
def test_degrees_are_spread_evenly_and_a_net_begins_at_its_bias_which_is_0(D, width):
    net = MADE(torch.arange(D), width, 2, 3)
    first = net.hidden[0].mask
    degrees = first.sum(1) - 1  # with the order 0 ... D - 1 a unit of degree d sees d + 1 numbers
    assert (degrees.diff() >= 0).all()
    counts = [int((degrees == d).sum()) for d in range(max(1, D - 1))]
    assert sum(counts) == width
    assert max(counts) - min(counts) <= 1
    assert torch.equal(net.hidden[1].mask, (degrees[:, None] >= degrees).to(first))
    assert (net(torch.randn(4, D)) == 0).all()
    assert [int((degrees <= d).sum()) for d in range(D)] == net.known
