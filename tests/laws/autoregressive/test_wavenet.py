"""WaveNet against enumeration, autograd, and loops written from the paper."""

import math
from itertools import pairwise

import pytest
import torch
from scipy import stats
from torch.nn.functional import conv1d, pad

from engine.autoregressive.influence import influence, leaks, reach, spaced
from engine.autoregressive.wavenet import SILENCE, SOUND
from engine.checks import slope_gap
from engine.family import Batch
from engine.fit import fit
from engine.nets.dilated import Dilated, earlier, later
from engine.space import Wave, level, of_level
from tests.laws.autoregressive.writing import all_codes, label, model, one_pass

TINY = {"channels": 4, "dilations": 2, "levels": "16"}
MODELS = [
    TINY,
    TINY | {"conditional": False},
    TINY | {"dilations": 1},
    TINY | {"dilations": 4},
    TINY | {"stacks": 2},
    TINY | {"stacks": 3, "dilations": 1, "channels": 5},
    TINY | {"levels": "64"},
    TINY | {"levels": "256"},
]


def named(knobs):
    return " ".join(map(str, knobs.values()))


ALL = pytest.mark.parametrize("knobs", MODELS, ids=named)


pytestmark = pytest.mark.usefixtures("float64")


def waves(T=9):
    return Wave((T,), 3)


def net(knobs, T=9, **how):
    return model("wavenet", knobs, waves(T), **how)


def codes(made, n=4):
    return torch.randint(made.K, (n, made.D), generator=torch.Generator().manual_seed(0))


def some_labels(made, n):
    return torch.arange(n) % 3 if made.conditional else None


# --- the distribution ------------------------------------------------------------------------------------


@ALL
@torch.no_grad()
def test_the_probabilities_of_all_waves_sum_to_1(knobs):
    T = {"16": 3, "64": 2, "256": 1}[knobs["levels"]]
    made = net(knobs, T, size=0.4)
    k = all_codes(made.K, T)
    for y in range(3 if made.conditional else 1):
        log_p = torch.cat([one_pass(made, part, label(made, len(part), y)) for part in k.split(4096)])
        assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-10)
        assert log_p.exp().max() < 0.9


@ALL
def test_the_jacobian_is_strictly_causal(knobs):
    made = net(knobs, 5 if knobs["levels"] == "256" else 9)
    k, before = codes(made, 1)[0], []
    for i in range(made.D):
        heat = influence(made, k, i, torch.tensor(1) if made.conditional else None).heat
        assert heat[i:].abs().max() == 0
        before += [heat[i - 1].item()] if i else []
    assert max(before) > 0


def test_same_padding_leaks_and_causal_padding_does_not():
    causal, same = (net(TINY | {"padding": padding}, 16, size=0.5) for padding in ("causal", "same"))
    k, y = codes(causal, 1)[0], torch.tensor(2)
    assert leaks(causal, k, spaced(causal, 12), y) == (0, 0)
    itself, later_ones = leaks(same, k, spaced(same, 12), y)
    assert itself == 12, "every sample is predicted from itself"
    assert later_ones >= 10
    seen = reach(same, 8, draws=4)
    assert seen[8]
    assert seen[9:].any()
    assert int(seen.sum()) == same.field, "the same field, moved towards the future"


@pytest.mark.parametrize(("dilations", "stacks"), [(1, 1), (2, 1), (4, 1), (3, 2), (1, 4)])
def test_the_field_is_1_and_the_sum_of_the_dilations_as_the_jacobian_measures_it(dilations, stacks):
    knobs = TINY | {"dilations": dilations, "stacks": stacks}
    made = net(knobs, 64)
    assert made.config.steps == [1, *[2**i for i in range(dilations)] * stacks]
    assert made.field == 1 + 1 + stacks * (2**dilations - 1)
    seen = reach(made, 50, draws=6)
    assert seen.nonzero()[:, 0].tolist() == list(range(50 - made.field, 50))


@ALL
@pytest.mark.parametrize("T", [3, 40], ids=["shorter than the field", "longer"])
@torch.no_grad()
def test_queues_give_the_numbers_of_the_full_pass(knobs, T):
    made = net(knobs, T)
    y = some_labels(made, 4)
    steps = [(now.i, now.logits.clone(), now.k.clone()) for now in made.written(4, y)]
    assert [i for i, _, _ in steps] == list(range(T))
    whole = made.logits(made.seen(steps[-1][2]), y)
    for i, logits, _ in steps:
        torch.testing.assert_close(logits, whole[:, i], rtol=0, atol=1e-10)
    for (i, _, before), (_, _, after) in pairwise(steps):
        assert torch.equal(before[:, : i + 1], after[:, : i + 1]), "what is written stays"


@torch.no_grad()
def test_samples_to_come_are_silence():
    made = net(TINY, 5)
    for step in made.walk(3):
        assert (made.coded(step.x)[:, 5 - step.t :] == 8).all()
    given = torch.tensor([[3, -1, 15, -1, -1]])
    *_, last = made.written(1, torch.tensor([0]), given)
    assert last.k[0, [0, 2]].tolist() == [3, 15]


@torch.no_grad()
def test_where_the_future_would_leak_the_newest_stands_for_it():
    """Written sample by sample, each layer looks at the past and, in place of what is to come, at now."""
    made = net(TINY | {"padding": "same"}, 12)
    y = some_labels(made, 2)
    steps = [(now.logits.clone(), now.k.clone()) for now in made.written(2, y)]
    k = steps[-1][1]
    u = torch.cat([torch.full((2, 1), made.K // 2), k[:, :-1]], 1)
    by_hand = torch.stack([naive(made, u[n], y[n], ahead=True) for n in range(2)])
    torch.testing.assert_close(torch.stack([logits for logits, _ in steps], 1), by_hand)


def naive(made, u, y, ahead=False):
    """Logits (T, K) from the inputs u (T,) by loops, with a long silence before them."""
    start = 70
    u = torch.cat([torch.full((start,), made.K // 2), u])
    h = [[torch.eye(made.K)[k] for k in u]]
    z = []
    for i, (conv, d) in enumerate(zip(made.convs, made.config.steps, strict=True)):
        back = d // 2 if ahead else d
        out = []
        for t in range(len(u)):
            then = h[-1][max(0, t - back)]
            out.append(conv.weight @ torch.cat([then, h[-1][t]]) + conv.bias)
        if i == 0:
            h.append(out)
            continue
        c = made.config.channels
        opened = made.V[i - 1].weight[:, y] if made.conditional else torch.zeros(2 * c)
        gates = [o + opened for o in out]
        z.append([g[:c].tanh() * g[c:].sigmoid() for g in gates])
        if i <= len(made.residual):
            W, b = made.residual[i - 1].weight, made.residual[i - 1].bias
            h.append([before + W @ new + b for before, new in zip(h[-1], z[-1], strict=True)])
    c, logits = made.config.channels, []
    for t in range(start, len(u)):
        s = made.skip.bias.clone()
        for i, layer in enumerate(z):
            s += made.skip.weight[:, i * c : (i + 1) * c] @ layer[t]
        s = made.head.hidden.weight @ s.clamp(min=0) + made.head.hidden.bias
        free = made.head.out.weight @ s.clamp(min=0) + made.head.out.bias
        logits.append(torch.cat([torch.zeros(1), free]))
    return torch.stack(logits)


@pytest.mark.parametrize("knobs", MODELS[:6], ids=named)
@torch.no_grad()
def test_the_net_is_that_of_the_paper_after_a_long_silence(knobs):
    made = net(knobs, 12)
    k, y = codes(made, 2), some_labels(made, 2)
    logits = made.logits(made.seen(k), y)
    for n in range(2):
        u = torch.cat([torch.tensor([made.K // 2]), k[n, :-1]])
        torch.testing.assert_close(logits[n], naive(made, u, None if y is None else y[n]))


@ALL
@torch.no_grad()
def test_samples_follow_the_table_of_all_waves(knobs):
    T = {"16": 2, "64": 1, "256": 1}[knobs["levels"]]
    made = net(knobs, T, size=0.9)
    k = all_codes(made.K, T)
    y = label(made, 5000, 2)
    p = one_pass(made, k, None if y is None else y[: len(k)]).exp()
    torch.manual_seed(1)
    written = made.coded(made.sample(5000, y))
    places = (written * made.K ** torch.arange(T - 1, -1, -1)).sum(1)
    counts = torch.bincount(places, minlength=len(k)).double()
    often = 5000 * p > 5
    observed = torch.cat([counts[often], counts[~often].sum()[None]])
    wanted = torch.cat([5000 * p[often], 5000 * p[~often].sum()[None]])
    assert stats.chisquare(observed.numpy(), wanted.numpy()).pvalue > 1e-3


# --- labels ----------------------------------------------------------------------------------------------


@torch.no_grad()
def test_each_label_has_a_distribution_of_its_own():
    made = net(TINY, size=0.5)
    x = made.shown(codes(made, 1))
    apart = torch.cat([made.log_prob(x, torch.tensor([y])) for y in range(3)])
    assert (apart[:, None] - apart[None])[~torch.eye(3).bool()].abs().min() > 1e-3
    torch.testing.assert_close(made.log_prob(x.expand(3, -1), torch.arange(3)), apart)


def test_a_model_without_labels_ignores_them():
    made = net(TINY | {"conditional": False})
    x = made.shown(codes(made))
    assert torch.equal(made.log_prob(x, torch.arange(4) % 3), made.log_prob(x))
    assert not made.conditional
    assert not model("wavenet", TINY, Wave((9,))).conditional, "there are no labels"
    family = type(made)
    assert "conditional" in family.configure(Wave((9,)), {}).without_effect(Wave((9,)))


# --- the loss --------------------------------------------------------------------------------------------

LOUD, QUIET = 129, 127
CLIPS = {
    "silence at the end": [140, 128, 3, LOUD, 128, QUIET, 127, 128],
    "the least that is heard": [128, 128, 126, 128, 128, 128, 127, 127],
    "no silence": [128, 9, 200, 128, 127, 127, 128, LOUD],
    "nothing else": [128, 127, 127, 128, 128, 128, 127, 128],
    "one sample": [250, 127, 127, 128, 128, 128, 127, 128],
}


@pytest.mark.parametrize(
    "which", [["silence at the end"], ["nothing else"], ["no silence"], [*CLIPS]], ids=len
)
def test_the_two_terms_are_means_over_the_sound_and_over_the_silence_after_it(which):
    made = net(TINY, 8)
    bytes_ = torch.tensor([CLIPS[name] for name in which])
    x, y = bytes_ / 127.5 - 1, torch.arange(len(which)) % 3
    batch = Batch(0, x, y, lambda: batch)
    ((player, terms),) = made.turns(batch)
    assert player is made
    k = made.coded(x)
    p = made.logits(made.seen(k), y).softmax(-1)
    bits = {True: [], False: []}
    for n, clip in enumerate(bytes_.tolist()):
        last = max([t for t, code in enumerate(clip) if code not in (127, 128)], default=-1)
        for t in range(8):
            bits[t <= last].append(-math.log2(p[n, t, k[n, t]].item()))
    for name, now in ((SOUND, True), (SILENCE, False)):
        expected = sum(bits[now]) / len(bits[now]) if bits[now] else 0.0
        assert terms[name].item() == pytest.approx(expected)
    assert {*terms} == {SOUND, SILENCE}
    log_p = made.log_prob(x, y).sum().item() / -math.log(2)
    assert log_p == pytest.approx(sum(bits[True]) + sum(bits[False]))


def test_a_sound_of_silence_is_learnt_and_stays_finite():
    made = net(TINY, 30)
    x = torch.full((2, 30), 128) / 127.5 - 1
    batch = Batch(0, x, torch.tensor([0, 1]), lambda: batch)
    terms = [turn.terms for turn in fit(made, [batch] * 20)]
    assert all(one[SOUND] == 0 for one in terms)
    assert 0 < terms[-1][SILENCE] < terms[0][SILENCE]


@pytest.mark.parametrize(
    "knobs",
    [*MODELS[:6], TINY | {"padding": "same"}],
    ids=lambda knobs: " ".join(f"{v}" for v in knobs.values()),
)
def test_gradients_are_those_of_finite_differences(knobs):
    made = net(knobs, size=0.5)
    x = torch.cat([made.shown(codes(made, 3)), torch.full((3, 9), 128) / 127.5 - 1], 1)[:, :9]
    x[:, 6:] = 128 / 127.5 - 1
    assert slope_gap(made, x, some_labels(made, 3)) < 1e-5


# --- levels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("K", [16, 64, 256])
def test_bytes_become_the_nearest_of_the_levels_and_silence_the_one_above_the_middle(K):
    made = net(TINY | {"levels": str(K)}, 256)
    x = torch.arange(256)[None] / 127.5 - 1
    y = 2 * torch.arange(256) / 255 - 1
    expected = ((y + 1) / 2 * (K - 1) + 0.5).floor().long()
    assert K == made.K
    assert made.coded(x)[0].tolist() == expected.tolist()
    assert expected.min() == 0
    assert expected.max() == K - 1
    assert made.coded(x)[0, 128] == K // 2
    assert made.coded(x)[0, 127] == K // 2 - 1
    every = torch.arange(K)[None]
    assert torch.equal(level(of_level(every, K), K), every)
    nearest = (made.shown(every)[0][None] - x[0][:, None]).abs().argmin(1)
    assert torch.equal(nearest, expected)
    assert torch.equal(made.silence(2), torch.eye(K)[[K // 2, K // 2]])


def test_a_sound_ends_with_the_last_sample_that_is_not_silence():
    x = torch.tensor([CLIPS[name] for name in CLIPS]) / 127.5 - 1
    assert waves(8).sounding(x).sum(1).tolist() == [4, 3, 8, 0, 1]
    coarse = of_level(torch.tensor([[7, 8, 9, 8, 7]]), 16)
    assert Wave((5,)).sounding(coarse, 16).tolist() == [[True, True, True, False, False]]
    assert Wave((5,)).sounding(coarse).all()


# --- the layer -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("d", "ahead"), [(1, 0), (4, 0), (4, 2), (1, 1), (9, 0), (9, 5)])
@torch.no_grad()
def test_a_dilated_layer_is_the_convolution_of_torch(d, ahead):
    conv, h = Dilated(3, 5, d, ahead), torch.randn(2, 7, 3)
    kernel = torch.stack([conv.weight[:, :3], conv.weight[:, 3:]], 2)
    whole = conv1d(pad(h.mT, (d - ahead, ahead), mode="replicate"), kernel, conv.bias, dilation=d)
    torch.testing.assert_close(conv(h), whole.mT)
    if not ahead:
        now = conv.queue()
        torch.testing.assert_close(torch.stack([now(one) for one in h.unbind(1)], 1), conv(h))


def test_features_move_later_and_earlier():
    h = torch.arange(4.0)[None, :, None]
    assert later(h, 1).flatten().tolist() == [0, 0, 1, 2]
    assert later(h, 9).flatten().tolist() == [0, 0, 0, 0]
    assert earlier(h, 3).flatten().tolist() == [3, 3, 3, 3]
    assert earlier(h, 1).flatten().tolist() == [1, 2, 3, 3]
    assert later(h, 0) is earlier(h, 0) is h
