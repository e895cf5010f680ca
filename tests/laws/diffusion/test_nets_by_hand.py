"""The nets that a diffusion trains, computed again from their weights: every layer, in its place."""

import pytest
import torch
from torch.nn.functional import conv2d, group_norm

from engine.nets.unet import PointNet, UNet
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")


def silu(x):
    return x / (1 + (-x).exp())


def weights(net):
    torch.manual_seed(0)
    for weight in net.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)
    return {name: weight.detach() for name, weight in net.named_parameters()}


def linear(w, name, x):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def conv(w, name, x, **how):
    return conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], **how)


def normed(w, name, x):
    """At most eight groups, of at least four channels."""
    groups = {8: 2, 16: 4, 24: 6, 32: 8, 48: 8}[x.shape[1]]
    return group_norm(x, groups, w[f"{name}.weight"], w[f"{name}.bias"])


def about(w, t, y):
    """What is told of t and of the label, or of none."""
    rate = 10_000 ** (-torch.arange(32) / 32)
    angle = 1000 * t[:, None] * rate
    c = torch.cat([angle.sin(), angle.cos()], 1)
    c = linear(w, "about.time.2", silu(linear(w, "about.time.0", c)))
    labels = w["about.label.weight"]
    return silu(c + (labels[-1] if y is None else labels[y]))


def block(w, name, x, c):
    h = conv(w, f"{name}.conv1", silu(normed(w, f"{name}.norm1", x)), padding=1)
    h = h + linear(w, f"{name}.tell", c)[:, :, None, None]
    h = conv(w, f"{name}.conv2", silu(normed(w, f"{name}.norm2", h)), padding=1)
    return h + (conv(w, f"{name}.past", x) if f"{name}.past.weight" in w else x)


def attention(w, name, x):
    q, k, v = conv(w, f"{name}.qkv", normed(w, f"{name}.norm", x)).flatten(2).chunk(3, 1)
    heads = []
    for a, b, c in zip(q.chunk(4, 1), k.chunk(4, 1), v.chunk(4, 1), strict=True):
        likely = (a.mT @ b / a.shape[1] ** 0.5).softmax(2)
        heads.append((likely @ c.mT).mT)
    return x + conv(w, f"{name}.out", torch.cat(heads, 1).reshape(x.shape))


def folded(x):
    """Every 2 x 2 pixels as four channels of one place, and back."""
    n, c, high, wide = x.shape
    return (
        x.reshape(n, c, high // 2, 2, wide // 2, 2)
        .permute(0, 1, 3, 5, 2, 4)
        .reshape(n, 4 * c, high // 2, wide // 2)
    )


def unfolded(x):
    n, c, high, wide = x.shape
    return (
        x.reshape(n, c // 4, 2, 2, high, wide)
        .permute(0, 1, 4, 2, 5, 3)
        .reshape(n, c // 4, 2 * high, 2 * wide)
    )


T, Y = torch.tensor([0.1, 0.55, 1.0], dtype=torch.float64), torch.tensor([2, 0, 3])


@pytest.mark.parametrize("y", [Y, None], ids=["labels", "none"])
@pytest.mark.parametrize(("width", "depth"), [(8, 1), (16, 3)])
def test_the_net_of_points_is_a_chain_of_residual_layers(width, depth, y):
    net = PointNet(Space.of((2,), 3), width, depth, 3)
    w, x = weights(net), torch.randn(3, 2)
    c, h = about(w, T, y), linear(w, "first", x)
    for i in range(depth):
        h = h + silu(linear(w, f"layers.{i}", h) + linear(w, f"told.{i}", c))
    torch.testing.assert_close(net(x, T, y), linear(w, "last", h), atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("y", [Y, None], ids=["labels", "none"])
@pytest.mark.parametrize(("channels", "width", "depth"), [(1, 8, 1), (3, 16, 2)])
def test_the_net_of_pictures_is_a_u(channels, width, depth, y):
    net = UNet(Space.of((channels, 8, 12), 3), width, depth, 3)
    w, x = weights(net), torch.randn(3, channels, 8, 12)
    assert w["about.time.2.weight"].shape == (4 * width, 4 * width), "as in Ho et al. 2020"
    assert {tuple(v.shape[2:]) for v in w.values() if v.dim() == 4} == {(1, 1), (3, 3)}
    c, h = about(w, T, y), conv(w, "first.1", folded(x), padding=1)
    for i in range(depth):
        h = block(w, f"down.{i}", h, c)
    beside, h = h, conv(w, "shrink", h, stride=2, padding=1)
    for i in range(2 * depth):
        h = attention(w, f"look.{i}", block(w, f"low.{i}", h, c))
    h = torch.cat([h.repeat_interleave(2, 2).repeat_interleave(2, 3), beside], 1)
    for i in range(depth):
        h = block(w, f"up.{i}", h, c)
    said = unfolded(conv(w, "last.2", silu(normed(w, "last.0", h)), padding=1))
    torch.testing.assert_close(net(x, T, y), said, atol=1e-9, rtol=1e-9)
