"""What every model of pixels promises: a distribution, in an order, that is the same however it is asked."""

import math
from itertools import pairwise

import pytest
import torch
from scipy import stats
from torch.distributions import Categorical

from engine.autoregressive.base import drawn, with_first
from engine.autoregressive.influence import influence, leaks, reach, spaced
from engine.autoregressive.pixels import NATS, ranks
from engine.checks import slope_gap
from engine.config import Refused
from engine.families import find
from engine.family import Batch
from engine.space import Picture
from tests.laws.autoregressive.writing import (
    COLOURED,
    GREY,
    LEAKY,
    MODELS,
    NAMES,
    all_codes,
    label,
    model,
    one_pass,
)

BOTH = pytest.mark.parametrize("space", [GREY, COLOURED], ids=["grey", "coloured"])
ALL = pytest.mark.parametrize(("name", "knobs"), MODELS, ids=NAMES)


pytestmark = pytest.mark.usefixtures("float64")


@ALL
@torch.no_grad()
def test_the_probabilities_of_all_pictures_sum_to_1(name, knobs):
    made = model(name, knobs, size=0.5)
    k = all_codes(2, 9)  # 2^9 pictures of 3 x 3
    for y in range(3 if made.conditional else 1):
        log_p = one_pass(made, k, label(made, len(k), y))
        assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-10)
        assert log_p.exp().max() < 0.99, "no picture has it all, or the law would say little"


@ALL
@torch.no_grad()
def test_the_probabilities_of_small_pictures_in_colour_sum_to_1(name, knobs):
    made = model(name, knobs, Picture((3, 2, 3), 3, palette=COLOURED.palette))
    k = all_codes(3, 6)
    assert one_pass(made, k, label(made, len(k))).exp().sum().item() == pytest.approx(1, abs=1e-10)


@ALL
@BOTH
def test_the_jacobian_is_strictly_causal_in_the_order(name, knobs, space):
    made = model(name, knobs, Picture((space.shape[0], 4, 5), 3, palette=space.palette))
    k = torch.randint(made.K, (made.D,))
    for i in range(made.D):
        heat = influence(made, k, i, label(made, 1)[0] if made.conditional else None).heat
        assert heat[made.rank >= made.rank[i]].abs().max() == 0


WIDE = {"nade": {}, "made": {"width": 300}, "gated-pixelcnn": {"channels": 8, "layers": 6}}


@pytest.mark.parametrize("order", ["raster", "spiral", "random"])
@pytest.mark.parametrize("name", WIDE)
def test_an_output_sees_all_that_comes_before_it(name, order):
    knobs = WIDE[name] | ({"order": order} if name != "gated-pixelcnn" else {})
    made = model(name, knobs, Picture((1, 4, 3)))
    for i in range(made.D):
        assert torch.equal(reach(made, i, draws=6), made.rank < made.rank[i])


@ALL
@BOTH
@torch.no_grad()
def test_what_is_written_has_the_probability_that_one_pass_gives_it(name, knobs, space):
    made = model(name, knobs, Picture((space.shape[0], 4, 3), 3, palette=space.palette))
    y = torch.tensor([0, 1, 2, 1]) if made.conditional else None
    steps = [(now.i, now.logits.clone(), now.k.clone()) for now in made.written(4, y)]
    assert [i for i, _, _ in steps] == made.order
    k = steps[-1][2]
    whole = made.logits(made.seen(k), y)
    for i, logits, _ in steps:
        torch.testing.assert_close(logits, whole[:, i], rtol=0, atol=1e-9)
    for (i, _, before), (_, _, after) in pairwise(steps):
        others = [j for j in range(made.D) if j != i and made.rank[j] < made.rank[i]]
        assert torch.equal(before[:, others], after[:, others]), "what is written stays"


@ALL
@torch.no_grad()
def test_samples_follow_the_table_of_all_pictures(name, knobs):
    made = model(name, knobs, Picture((1, 2, 2), 3), size=0.9)
    k = all_codes(2, 4)
    y = label(made, 4000, 2)
    p = one_pass(made, k, None if y is None else y[: len(k)]).exp()
    torch.manual_seed(1)
    x = made.sample(4000, y)
    places = ((x.flatten(1) > 0).long() * torch.tensor([8, 4, 2, 1])).sum(1)
    counts = torch.bincount(places, minlength=16)
    assert stats.chisquare(counts.numpy(), (4000 * p).numpy()).pvalue > 1e-3


def test_labels_matter_and_each_has_its_own_distribution():
    made = model("gated-pixelcnn", {"channels": 4, "layers": 2, "conditional": True}, size=0.5)
    k = all_codes(2, 9)
    by_label = [one_pass(made, k, label(made, len(k), y)).exp() for y in range(3)]
    assert min((by_label[a] - by_label[b]).abs().sum() for a, b in ((0, 1), (0, 2), (1, 2))) > 0.03
    x = made.space.decoded(torch.randint(2, (3, 3, 3)), 2)
    apart = torch.cat([made.log_prob(x[i : i + 1].round(), torch.tensor([i])) for i in range(3)])
    torch.testing.assert_close(made.log_prob(x.round(), torch.arange(3)), apart)


def test_a_model_without_labels_ignores_them():
    made = model("gated-pixelcnn", {"channels": 4, "layers": 2})
    x = GREY.decoded(torch.randint(2, (3, 3, 3)), 2)
    assert torch.equal(made.log_prob(x, torch.arange(3)), made.log_prob(x))


def test_all_labels_come_in_turn_where_none_is_asked_for():
    made = model("gated-pixelcnn", {"channels": 4, "layers": 1, "conditional": True})
    assert made.asked(5, None).tolist() == [0, 1, 2, 0, 1]
    assert made.asked(2, torch.tensor([2, 2])).tolist() == [2, 2]
    torch.manual_seed(0)
    one = made.sample(6, torch.tensor([0, 1, 2, 0, 1, 2]))
    torch.manual_seed(0)
    assert torch.equal(one, made.sample(6))


# --- what is drawn --------------------------------------------------------------------------------


def test_two_levels_are_drawn_with_the_probability_of_their_brightness():
    made = model("nade", {"H": 5})
    x = torch.tensor([-1.0, -0.5, 0.0, 0.9, 1.0]).repeat(9)[:9].view(1, 1, 3, 3).expand(20_000, -1, -1, -1)
    torch.manual_seed(0)
    share = made.coded(x).double().mean(0)
    torch.testing.assert_close(share, (x[0].flatten() + 1) / 2, atol=0.02, rtol=0)
    again = [made.coded(x[:9], torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*again)
    assert not torch.equal(made.coded(x[:9]), made.coded(x[:9])), "each round has a noise of its own"


@pytest.mark.parametrize(("levels", "values"), [("4", 4), ("16", 16)])
def test_more_levels_are_the_nearest_ones(levels, values):
    made = find("pixelcnn")(find("pixelcnn").configure(GREY, {"levels": levels}), GREY)
    steps = torch.linspace(-1, 1, values)
    x = steps[torch.arange(9) % values].view(1, 1, 3, 3)
    assert values == made.K
    assert made.coded(x)[0].tolist() == [i % values for i in range(9)]
    assert made.coded(x + 0.45 * (steps[1] - steps[0]))[0, 0] == 0
    assert made.coded(x + 0.55 * (steps[1] - steps[0]))[0, 0] == 1
    torch.testing.assert_close(made.shown(made.coded(x)), x)


def test_a_palette_is_read_and_shown():
    made = model("pixelcnn", {"channels": 4}, COLOURED)
    k = torch.tensor([[0, 1, 2, 2, 1, 0, 0, 2, 1]])
    x = made.shown(k)
    colours = torch.tensor(COLOURED.palette)[k[0]].T.view(1, 3, 3, 3) / 127.5 - 1
    torch.testing.assert_close(x, colours)
    assert torch.equal(made.coded(x), k)
    assert torch.equal(made.coded(x + 0.1 * torch.rand_like(x)), k)


def test_the_levels_knob_says_nothing_of_a_palette():
    family = find("pixelcnn")
    assert "levels" in family.configure(COLOURED, {}).without_effect(COLOURED)
    assert "levels" not in family.configure(GREY, {}).without_effect(GREY)
    assert model("pixelcnn", {"levels": "16"}, COLOURED).K == 3


def test_colours_without_a_palette_are_refused():
    space = Picture((3, 3, 3))
    with pytest.raises(Refused, match="grey pictures"):
        find("pixelcnn")(find("pixelcnn").configure(space, {}), space)
    with pytest.raises(Refused, match="too many colours"):
        space.coded(torch.zeros(1, 3, 3, 3), 4)


def test_the_loss_is_the_mean_over_pictures_of_the_sum_over_pixels():
    made = model("pixelcnn", {"channels": 4, "levels": "4"})
    x = torch.rand(5, 1, 3, 3) * 2 - 1
    batch = Batch(0, x, None, lambda: batch)
    ((player, terms),) = made.turns(batch)
    assert player is made
    by_hand = 0.0
    k = made.coded(x)
    logits = made.logits(made.seen(k))
    for n in range(5):
        for i in range(9):
            by_hand -= Categorical(logits=logits[n, i]).log_prob(k[n, i]).item() / 5
    assert terms[NATS].item() == pytest.approx(by_hand)
    assert made.log_prob(x).mean().item() == pytest.approx(-by_hand)
    assert made.bits(by_hand) == pytest.approx(by_hand / 9 / math.log(2))


@ALL
def test_gradients_are_those_of_finite_differences(name, knobs):
    made = model(name, knobs, size=0.4)
    x = GREY.decoded(torch.randint(2, (4, 3, 3)), 2)
    assert slope_gap(made, x, label(made, 4)) < 1e-5


# --- given values, temperature -----------------------------------------------------------------------


@torch.no_grad()
def test_what_is_given_stands_and_the_rest_follows_from_it():
    made = model("pixelcnn", {"channels": 4, "layers": 2}, size=0.9)
    given = torch.full((600, 9), -1)
    given[:, :5] = torch.tensor([1, 0, 0, 1, 1])
    *_, last = made.written(600, given=given)
    assert (last.k[:, :5] == given[0, :5]).all()
    k = all_codes(2, 4)
    whole = torch.cat([given[:1, :5].expand(16, -1), k], 1)
    p = one_pass(made, whole).softmax(0)
    counts = torch.bincount((last.k[:, 5:] * torch.tensor([8, 4, 2, 1])).sum(1), minlength=16)
    keep = p > 0.004
    observed = torch.cat([counts[keep], counts[~keep].sum()[None]]).double()
    wanted = torch.cat([p[keep], p[~keep].sum()[None]]) * 600
    assert stats.chisquare(observed.numpy(), wanted.numpy()).pvalue > 1e-3


def test_the_temperature_divides_the_logits():
    logits = torch.tensor([0.0, 1.0, 3.0]).expand(60_000, -1)
    torch.manual_seed(0)
    for t in (0.5, 1.0, 2.0):
        share = torch.bincount(drawn(logits, t), minlength=3) / len(logits)
        torch.testing.assert_close(share, (logits[0] / t).softmax(0), atol=0.01, rtol=0)
    assert (drawn(logits[:9], 0) == 2).all()


def test_the_first_logit_is_0():
    free = torch.tensor([[0.3], [-2.0]])
    torch.testing.assert_close(with_first(free).softmax(-1)[:, 1], free[:, 0].sigmoid())


# --- orders -----------------------------------------------------------------------------------------


def test_orders_are_permutations_and_the_spiral_walks_to_neighbours():
    for H, W in ((3, 3), (4, 5), (5, 2)):
        assert ranks("raster", H, W).tolist() == list(range(H * W))
        for order in ("spiral", "random"):
            assert sorted(ranks(order, H, W).tolist()) == list(range(H * W))
    assert ranks("spiral", 3, 3).view(3, 3).tolist() == [[6, 7, 8], [5, 0, 1], [4, 3, 2]]
    places = ranks("spiral", 5, 5).argsort()
    steps = (places // 5).diff().abs() + (places % 5).diff().abs()
    assert (steps == 1).all()
    assert not torch.equal(ranks("random", 4, 4, 0), ranks("random", 4, 4, 1))


# --- influence, and leaks -----------------------------------------------------------------------------


@torch.no_grad()
def test_the_influence_is_the_slope_of_the_probabilities():
    made = model("nade", {"H": 5, "order": "spiral"})
    k, i, h = torch.randint(2, (9,)), 5, 1e-6
    p, heat = influence(made, k, i)
    assert p.sum().item() == pytest.approx(1)
    for j in range(9):
        v = made.seen(k[None]).repeat(2, 1, 1)
        v[0, 0, j] += h
        v[1, 0, j] -= h
        up, down = made.logits(v)[:, i].softmax(-1)
        assert heat[j].item() == pytest.approx(((up - down) / (2 * h)).abs().sum().item(), abs=1e-8)


@pytest.mark.parametrize(("name", "knobs"), LEAKY, ids=[name for name, _ in LEAKY])
def test_a_leak_is_seen_by_slopes_by_changes_and_by_structure(name, knobs):
    made = model(name, knobs, Picture((1, 4, 4)), size=0.5)
    k = torch.randint(2, (16,))
    places = spaced(made, 12)
    itself, later = leaks(made, k, places)
    can = torch.stack([reach(made, i) for i in range(16)])
    assert torch.tensor([can[i, i] for i in range(16)]).sum() >= 10
    assert itself >= 6
    ahead = torch.ones(16, 16).triu(1).bool()
    if name == "pixelrnn":  # it sees what is to its right
        assert later >= 3
        assert (can & ahead).any()
    else:
        assert later == 0
        assert not (can & ahead).any()


@ALL
def test_no_leak_is_seen_where_there_is_none(name, knobs):
    made = model(name, knobs)
    y = label(made, 1)
    assert leaks(made, torch.randint(2, (9,)), spaced(made, 12), None if y is None else y[0]) == (0, 0)


def test_places_are_spaced_evenly_in_the_order():
    made = model("nade", {"H": 5, "order": "random"})
    assert [int(made.rank[i]) for i in spaced(made, 4)] == [1, 3, 5, 7]
    assert [int(made.rank[i]) for i in spaced(made, 99)] == list(range(1, 9))
