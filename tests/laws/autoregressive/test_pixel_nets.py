"""The nets of models of pixels against naive ones, written from the papers' formulas."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, pad

from engine.autoregressive.influence import reach
from engine.autoregressive.lstm import Diagonal, DiagonalBiLSTM, RowLSTM, skewed, unskewed
from engine.autoregressive.pixels import ranks
from engine.nets.masked import MaskedConv2d, causal
from engine.space import Picture
from tests.laws.autoregressive.writing import COLOURED, GREY, model

pytestmark = pytest.mark.usefixtures("float64")
EVERY_ORDER = pytest.mark.parametrize("order", ["raster", "spiral", "random"])


def codes(made, n=4):
    return torch.randint(made.K, (n, made.D), generator=torch.Generator().manual_seed(0))


@EVERY_ORDER
@pytest.mark.parametrize("space", [GREY, COLOURED], ids=["grey", "coloured"])
@torch.no_grad()
def test_the_running_sum_of_nade_is_the_naive_one(space, order):
    made = model("nade", {"H": 6, "order": order}, space)
    k = codes(made)
    v = made.seen(k)  # (n, C, D) in [0, 1]
    logits = made.logits(v)
    for n in range(len(k)):
        for d in range(9):
            a = made.c.clone()
            for j in range(9):
                if made.rank[j] < made.rank[d]:
                    a += v[n, :, j] @ made.W_[j]
            free = made.b[d] + a.sigmoid() @ made.V[d]
            torch.testing.assert_close(logits[n, d, 1:], free)
            assert logits[n, d, 0] == 0


@EVERY_ORDER
@pytest.mark.parametrize("family", ["nade", "made"])
def test_pixels_are_written_in_the_order_that_is_chosen(family, order):
    made = model(family, {"order": order})
    assert made.order == ranks(order, 3, 3).argsort().tolist()
    assert [now.i for now in made.written(1)] == made.order
    assert (made.order == list(range(9))) == (order == "raster")


@torch.no_grad()
def test_nade_sees_pixels_as_0_and_1():
    made = model("nade", {"H": 6})
    assert made.seen(torch.tensor([[0, 1] * 4 + [0]])).flatten().tolist() == [0, 1] * 4 + [0]


@torch.no_grad()
def test_the_masks_of_made_are_those_of_the_degrees():
    made = model("made", {"width": 40, "depth": 2, "order": "spiral", "orders": 2})
    for which in (0, 1):
        rank, (m1, m2) = made.ranks[which], made.m[which]
        first, second, last = made.masks(which)
        for k in range(40):
            assert first[k].tolist() == [m1[k] >= rank[d] for d in range(9)]
            assert second[k].tolist() == [m2[k] >= m1[j] for j in range(40)]
        for d in range(9):
            assert last[d].tolist() == [rank[d] > m2[k] for k in range(40)]
    assert torch.equal(made.rank, made.ranks[0])
    assert not torch.equal(made.ranks[0], made.ranks[1])
    assert made.m.min() == 0
    assert made.m.max() == 7, "a unit that saw the last pixel would be of no use"


@torch.no_grad()
def test_made_is_a_masked_net_of_rectifiers():
    made = model("made", {"width": 8, "depth": 2}, COLOURED)
    k = codes(made)
    masks = made.masks()
    h = made.seen(k).flatten(1)
    for layer, mask in zip(made.hidden, [masks[0].repeat(1, 3), masks[1]], strict=True):
        h = (h @ (layer.weight * mask).T + layer.bias).clamp(min=0)
    free = (h @ (made.out.weight * masks[2].repeat_interleave(2, 0)).T + made.out.bias).view(4, 9, 2)
    torch.testing.assert_close(made.logits(made.seen(k)), torch.cat([torch.zeros(4, 9, 1), free], 2))


@torch.no_grad()
def test_the_density_of_several_orders_is_the_mean_of_theirs():
    made = model("made", {"width": 30, "orders": 3})
    x = GREY.decoded(torch.randint(2, (5, 3, 3)), 2)
    k = made.coded(x)
    each = torch.stack([made.log_probs(k, None, which).sum(1).exp() for which in range(3)])
    assert (each[0] - each[1]).abs().max() > 1e-4
    torch.testing.assert_close(made.log_prob(x).exp(), each.mean(0))


def test_the_orders_of_made_take_turns():
    made = model("made", {"width": 30, "orders": 2})
    x = GREY.decoded(torch.randint(2, (5, 3, 3)), 2)
    k = made.coded(x)
    from engine.family import Batch

    for round in range(4):
        ((_, terms),) = made.turns(Batch(round, x, None, lambda: None))
        torch.testing.assert_close(sum(terms.values()), -made.log_probs(k, None, round % 2).sum(1).mean())


# --- masked convolutions ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 5, 7])
def test_masks_a_and_b(size):
    half = size // 2
    for itself in (False, True):
        mask = causal(size, itself)
        for r in range(half + 1):
            for c in range(size):
                before = (r, c) < (half, half) or (itself and (r, c) == (half, half))
                assert mask[r, c] == before


@torch.no_grad()
def test_a_masked_convolution_is_the_whole_kernel_with_zeros():
    conv = MaskedConv2d(2, 3, causal(5, True))
    x = torch.randn(2, 2, 6, 7)
    whole = torch.zeros(3, 2, 5, 5)
    whole[:, :, :3] = conv.weight * conv.mask
    expected = conv2d(x, whole, conv.bias, padding=2)
    torch.testing.assert_close(conv(x), expected)
    margin = conv.margin(2, 6, 7)
    for r in range(6):
        for c in range(7):
            conv.put(margin, x[:, :, r, c], r, c)
            torch.testing.assert_close(conv.at(margin, r, c), expected[:, :, r, c])
    rows = MaskedConv2d(2, 3, torch.ones(3, 5))
    margin = rows.margin(2, 6, 7)
    for r in range(6):
        row = rows.row(margin, x[:, :, r : r + 1], r)
        torch.testing.assert_close(row, rows(x)[:, :, r : r + 1])


@torch.no_grad()
def test_pixelcnn_is_a_stack_of_masked_kernels():
    made = model("pixelcnn", {"channels": 4, "layers": 2, "first": "5"}, COLOURED)
    k = codes(made)
    x = made.seen(k).view(4, 3, 3, 3)

    def masked(conv, size, itself):
        whole = torch.zeros(*conv.weight.shape[:2], size, size)
        whole[:, :, : size // 2 + 1] = conv.weight
        after = torch.arange(size * size).view(size, size) >= size * (size // 2) + size // 2 + itself
        return whole.masked_fill(after, 0)

    h = conv2d(x, masked(made.first, 5, False), made.first.bias, padding=2)
    for conv in made.stack:
        h = h + conv2d(h.clamp(min=0), masked(conv, 3, True), conv.bias, padding=1)
    h = h.flatten(2).transpose(1, 2).clamp(min=0)
    head = made.head
    h = (h @ head.hidden.weight.T + head.hidden.bias).clamp(min=0)
    free = h @ head.out.weight.T + head.out.bias
    torch.testing.assert_close(made.logits(made.seen(k)), torch.cat([torch.zeros(4, 9, 1), free], 2))


# --- what a pixel can see ----------------------------------------------------------------------------


def field(name, knobs, i, side=11):
    made = model(name, knobs, Picture((1, side, side)))
    return reach(made, i, draws=4)


def test_the_blind_spot_of_the_plain_stack_is_10_of_93_and_that_of_the_gated_one_is_0():
    i = 8 * 11 + 5
    plain = field("pixelcnn", {"channels": 6, "layers": 10, "first": "3"}, i)
    assert int(plain.sum()) == 93 - 10
    assert not plain[i:].any()
    blind = [divmod(int(j), 11) for j in (~plain[:i]).nonzero()]
    assert all(c - 5 > 8 - r for r, c in blind), "all are to the right of the diagonal"
    gated = field("gated-pixelcnn", {"channels": 6, "layers": 10}, i)
    assert int(gated.sum()) == 93


def test_one_layer_of_pixelcnn_sees_its_window():
    seen = field("pixelcnn", {"channels": 6, "layers": 1, "first": "3"}, 60).view(11, 11)
    places = {(int(r) - 5, int(c) - 5) for r, c in seen.nonzero()}
    one = {(-1, -1), (-1, 0), (-1, 1), (0, -1)}  # mask A, and then from each of these mask A again
    b = {(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 0)}
    assert places == {(r + s, c + d) for r, c in b for s, d in one}


def test_a_row_lstm_sees_a_triangle_and_a_diagonal_bilstm_nearly_all():
    i, side = 7 * 11 + 5, 11
    row = field("pixelrnn", {"layer": "Row LSTM", "first": "3", "h": 6}, i).view(side, side)
    for r in range(7):
        widest = [int(c) for c in row[r].nonzero().flatten()]
        assert widest[0] == max(0, 5 - (7 - r) - 2)  # two more by the convolutions of its layer
        assert widest[-1] == min(10, 5 + (7 - r))
    both = field("pixelrnn", {"first": "3", "h": 6}, i)
    assert int(both.sum()) >= i - 1
    assert not both[i:].any()
    leaky = field("pixelrnn", {"first": "3", "h": 6, "shift": False}, i)
    assert leaky[i + 1 : 8 * 11].any(), "to its right"
    assert not leaky[8 * 11 :].any(), "not below"


# --- recurrent layers ---------------------------------------------------------------------------------


def test_skewing_moves_row_r_by_r_and_unskewing_undoes_it():
    x = torch.arange(24.0).view(1, 2, 3, 4)
    s = skewed(x)
    assert s.shape == (1, 2, 3, 6)
    for r in range(3):
        assert torch.equal(s[:, :, r, r : r + 4], x[:, :, r])
        assert s[:, :, r, :r].abs().sum() == s[:, :, r, r + 4 :].abs().sum() == 0
    assert torch.equal(unskewed(s, 4), x)


def lstm_by_hand(gates, c):
    i, f, o, g = gates.chunk(4, 0)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def random_weights(layer):
    for weight in layer.parameters():
        nn.init.normal_(weight, std=0.5)
    return layer


@torch.no_grad()
def test_a_row_lstm_is_the_loop_of_the_paper():
    layer = random_weights(RowLSTM(2, 3))
    x = torch.randn(1, 2, 4, 5)
    w = (layer.input.weight * layer.input.mask)[:, :, 0]  # (12, 2, 3)
    h, c = torch.zeros(4, 5, 3), torch.zeros(4, 5, 3)
    for r in range(4):
        for col in range(5):
            z = layer.input.bias.clone()
            for d in (-1, 0):  # mask B of one row: to the left, and itself
                if col + d >= 0:
                    z += w[:, :, d + 1] @ x[0, :, r, col + d]
            for d in (-1, 0, 1):
                if r and 0 <= col + d < 5:
                    z += layer.state.weight[:, :, d + 1] @ h[r - 1, col + d]
            before = c[r - 1, col] if r else torch.zeros(3)
            h[r, col], c[r, col] = lstm_by_hand(z, before)
    torch.testing.assert_close(layer(x)[0], h.permute(2, 0, 1))


@torch.no_grad()
def test_a_diagonal_lstm_is_the_loop_of_the_paper():
    layer = random_weights(Diagonal(2, 3))
    x = torch.randn(1, 2, 4, 5)
    h, c = torch.zeros(4, 5, 3), torch.zeros(4, 5, 3)
    nothing = torch.zeros(3)
    for r in range(4):
        for col in range(5):
            z = layer.input.weight[:, :, 0, 0] @ x[0, :, r, col] + layer.input.bias
            z += layer.state.weight[:, :, 0] @ (h[r - 1, col] if r else nothing)
            z += layer.state.weight[:, :, 1] @ (h[r, col - 1] if col else nothing)
            h[r, col], c[r, col] = lstm_by_hand(z, c[r, col - 1] if col else nothing)
    torch.testing.assert_close(layer(x)[0], h.permute(2, 0, 1))


@torch.no_grad()
def test_both_directions_are_added_and_the_right_one_comes_a_row_later():
    layer = random_weights(DiagonalBiLSTM(2, 3))
    x = torch.randn(2, 2, 4, 5)
    left, right = layer.left(x), layer.right(x.flip(3)).flip(3)
    torch.testing.assert_close(layer(x), left + pad(right, (0, 0, 1, 0))[:, :, :-1])
    layer.shift = False
    torch.testing.assert_close(layer(x), left + right)


@pytest.mark.parametrize("knobs", [{"layer": "Row LSTM"}, {}], ids=["row", "diagonal"])
@torch.no_grad()
def test_layers_of_pixelrnn_are_added_to_what_they_are_given(knobs):
    made = model("pixelrnn", {"h": 4, "layers": 2} | knobs)
    k = codes(made)
    x = made.first(made.seen(k).view(4, 1, 3, 3))
    x = x + made.layers[0](x)
    x = x + made.layers[1](x)
    torch.testing.assert_close(made.logits(made.seen(k)), made.head(x.flatten(2).transpose(1, 2)))


@torch.no_grad()
def test_gates_of_the_gated_pixelcnn_and_what_the_label_adds():
    made = model("gated-pixelcnn", {"channels": 4, "layers": 2, "conditional": True})
    k, y = codes(made, 3), torch.tensor([0, 2, 1])
    above = before = made.seen(k).view(3, 1, 3, 3)
    for i, layer in enumerate(made.layers):
        v, b = layer.vertical(above), layer.horizontal(before)
        opened = layer.V.weight[:, y].T  # (n, 4 c)
        link = torch.einsum("ab,nbrc->narc", layer.link.weight, v) + layer.link.bias[:, None, None]
        shifted = torch.zeros_like(link)
        shifted[:, :, 1:] = link[:, :, :-1]
        f, g = (v + opened[:, :8, None, None]).split(4, 1)
        above = f.tanh() * g.sigmoid()
        f, g = (b + shifted + opened[:, 8:, None, None]).split(4, 1)
        new = torch.einsum("ab,nbrc->narc", layer.out.weight, f.tanh() * g.sigmoid())
        new = new + layer.out.bias[:, None, None]
        before = before + new if i else new
    torch.testing.assert_close(made.logits(made.seen(k), y), made.head(before.flatten(2).transpose(1, 2)))
