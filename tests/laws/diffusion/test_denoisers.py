"""Laws of the nets that a diffusion trains."""

import pytest
import torch

from engine.config import Refused
from engine.nets.unet import Attention, Conditioning, PointNet, Residual, UNet, waves
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")

PLANE, PICTURE = Space.of((2,), given=4), Space.of((1, 12, 12), given=4)
KINDS = [pytest.param(PointNet, PLANE, id="points"), pytest.param(UNet, PICTURE, id="pictures")]
both = pytest.mark.parametrize(("kind", "space"), KINDS)


def net(kind, space, classes=4, depth=1):
    torch.manual_seed(0)
    model = kind(space, 8, depth, classes)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return model


def test_waves_are_sines_and_cosines_of_a_thousand_t():
    """Vaswani et al. 2017, section 3.5, of position 1000 t."""
    t = torch.tensor([0.0, 0.3, 1.0])
    waved = waves(t)
    for i in range(32):
        angle = 1000 * t / 10_000 ** (i / 32)
        torch.testing.assert_close(waved[:, i], angle.sin(), atol=1e-12, rtol=0)
        torch.testing.assert_close(waved[:, 32 + i], angle.cos(), atol=1e-12, rtol=0)


def test_each_t_of_a_thousand_is_told_apart_and_near_ones_are_alike():
    for T in (2, 100, 1000):
        waved = waves(torch.arange(T + 1.0) / T)
        away = torch.cdist(waved, waved)
        assert (away + 99 * torch.eye(T + 1)).min() > 0.5
    neighbours, far = away.diagonal(1), away[0, 500]
    assert neighbours.max() < far / 2


@both
def test_one_t_for_all_is_the_same_as_one_for_each(kind, space):
    model, x, y = net(kind, space), torch.randn(3, *space.shape), torch.tensor([0, 1, 4])
    same = model(x, torch.tensor([0.4]), y)
    torch.testing.assert_close(model(x, torch.full((3,), 0.4), y), same, atol=1e-12, rtol=0)
    torch.testing.assert_close(model(x, torch.tensor(0.4), y), same, atol=1e-12, rtol=0)
    each = torch.cat(
        [model(x[i : i + 1], torch.tensor([t]), y[i : i + 1]) for i, t in enumerate((0.1, 0.5, 1))]
    )
    torch.testing.assert_close(model(x, torch.tensor([0.1, 0.5, 1.0]), y), each, atol=1e-12, rtol=0)


@both
def test_no_label_is_the_label_after_the_last(kind, space):
    model, x, t = net(kind, space), torch.randn(3, *space.shape), torch.tensor([0.4])
    torch.testing.assert_close(model(x, t), model(x, t, torch.full((3,), 4)), atol=1e-12, rtol=0)
    assert not torch.allclose(model(x, t), model(x, t, torch.zeros(3, dtype=torch.long)))


@both
def test_without_classes_a_label_says_nothing(kind, space):
    model, x, t = net(kind, space, classes=0), torch.randn(3, *space.shape), torch.tensor([0.4])
    assert torch.equal(model(x, t), model(x, t, torch.tensor([0, 1, 2])))
    assert Conditioning(8, 0).label is None


@both
@pytest.mark.parametrize("depth", [1, 2])
def test_a_gradient_comes_to_every_weight(kind, space, depth):
    model, x, y = net(kind, space, depth=depth), torch.randn(8, *space.shape), torch.arange(8) % 5
    weights = dict(model.named_parameters())
    loss = model(x, torch.linspace(0.1, 1, 8), y).square().sum()
    for name, slope in zip(weights, torch.autograd.grad(loss, weights.values()), strict=True):
        assert slope.abs().max() > 1e-9, name
    rows = torch.autograd.grad(model(x, torch.tensor([0.5]), y).square().sum(), model.about.label.weight)[0]
    assert (rows.abs().amax(1) > 0).all()


@both
def test_what_is_put_out_hangs_on_t_and_on_every_number_of_x(kind, space):
    model, x = net(kind, space), torch.randn(1, *space.shape)
    assert not torch.allclose(model(x, torch.tensor([0.4])), model(x, torch.tensor([0.41])), atol=1e-4)
    slopes = torch.func.jacrev(lambda x: model(x, torch.tensor([0.4])))(x).reshape(space.size, space.size)
    assert (slopes.abs() > 1e-12).all()


@pytest.mark.parametrize("channels", [8, 16, 32, 64])
def test_a_block_hears_what_it_is_told(channels):
    """Even the narrowest: in groups of one channel the norm would undo the shift."""
    block, x = Residual(channels, channels, 16), torch.randn(2, channels, 6, 6)
    torch.nn.init.normal_(block.conv2.weight)
    shift = block(x, torch.randn(2, 16)) - block(x, torch.randn(2, 16))
    assert shift.abs().mean() > 0.1


@pytest.mark.parametrize("channels", [(8, 8), (24, 8)])
def test_a_block_starts_as_the_identity(channels):
    """Where it changes the number of channels, as the 1 x 1 convolution beside it."""
    block, x = Residual(*channels, 16), torch.randn(2, channels[0], 6, 6)
    assert torch.equal(block(x, torch.randn(2, 16)), block.past(x))
    assert (channels[0] != channels[1]) or torch.equal(block.past(x), x)


def test_attention_does_not_care_for_the_order_of_places():
    look, x = Attention(16), torch.randn(2, 16, 4, 5)
    order = torch.randperm(20)
    mixed = x.flatten(2)[..., order].reshape(x.shape)
    attended = look(mixed).flatten(2)
    torch.testing.assert_close(attended, look(x).flatten(2)[..., order], atol=1e-12, rtol=0)


def test_attention_is_that_of_the_paper():
    """Softmax of q k / sqrt(d), head by head and place by place (Vaswani et al. 2017, eq. 1)."""
    look, x = Attention(16), torch.randn(2, 16, 2, 3)
    q, k, v = look.qkv(look.norm(x)).flatten(2).split(16, 1)  # (n, 16, places)
    attended = torch.zeros(2, 16, 6)
    for head in range(4):
        c = slice(4 * head, 4 * head + 4)
        for i in range(6):
            likely = (q[:, c, i : i + 1] * k[:, c]).sum(1).div(2).softmax(1)  # sqrt(4) = 2
            attended[:, c, i] = (likely[:, None] * v[:, c]).sum(2)
    torch.testing.assert_close(look(x), x + look.out(attended.reshape(x.shape)), atol=1e-12, rtol=0)


@pytest.mark.parametrize("size", [(30, 30), (28, 30), (26, 28)])
def test_pictures_that_cannot_be_halved_twice_are_refused(size):
    with pytest.raises(Refused, match=f"{size[0]} x {size[1]} is not divisible by 4"):
        UNet(Space.of((1, *size)), 8, 1, 0)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 4, 8)])
def test_pictures_of_other_sizes_keep_their_shape(shape):
    model = UNet(Space.of(shape), 8, 2, 3)
    assert model(torch.randn(2, *shape), torch.tensor([0.5])).shape == (2, *shape)


def test_a_net_of_points_takes_numbers_in_any_shape():
    model, x = net(PointNet, Space.of((2, 2, 3))), torch.randn(5, 2, 2, 3)
    flat = model(x.flatten(1), torch.tensor([0.4]))
    assert torch.equal(model(x, torch.tensor([0.4])), flat.reshape(x.shape))
