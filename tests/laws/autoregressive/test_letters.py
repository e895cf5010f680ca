"""Recurrent nets for letters against enumeration, autograd, and loops written from the equations."""

import math
from itertools import pairwise, product

import pytest
import torch
from scipy import stats
from torch.nn.functional import dropout

from engine.autoregressive.bayes import posterior
from engine.autoregressive.influence import influence, leaks, spaced
from engine.autoregressive.letters import BITS
from engine.checks import slope_gap
from engine.config import Refused
from engine.family import Batch
from engine.space import Text
from tests.laws.autoregressive.writing import all_codes, label, model, one_pass

ALPHABET = "abc"
TINY = {"h": 4, "dropout": 0.0}
MODELS = [
    TINY,
    TINY | {"cell": "GRU"},
    TINY | {"layers": 2},
    TINY | {"cell": "GRU", "layers": 3},
    TINY | {"conditional": False},
    TINY | {"cell": "GRU", "conditional": False},
]


def named(knobs):
    return " ".join(map(str, knobs.values()))


ALL = pytest.mark.parametrize("knobs", MODELS, ids=named)


pytestmark = pytest.mark.usefixtures("float64")


def text(T=4, alphabet=ALPHABET):
    return Text((T,), 3, alphabet=alphabet)


def net(knobs, T=4, alphabet=ALPHABET, **how):
    return model("letters", knobs, text(T, alphabet), **how)


def some_labels(made, n):
    return torch.arange(n) % 3 if made.conditional else None


def words(longest, letters=ALPHABET):
    return ["".join(word) for size in range(longest + 1) for word in product(letters, repeat=size)]


# --- the distribution ------------------------------------------------------------------------------------


@ALL
@torch.no_grad()
def test_the_probabilities_of_all_strings_sum_to_1(knobs):
    made = net(knobs)
    k = all_codes(4, 4)
    proper = torch.tensor([all(b == 0 for a, b in pairwise(row) if a == 0) for row in k.tolist()])
    for y in range(3 if made.conditional else 1):
        p = one_pass(made, k, label(made, len(k), y)).exp()
        assert p.sum().item() == pytest.approx(1, abs=1e-12)
        assert p.max() < 0.9
        assert torch.equal(p > 0, proper), "after the end there is only the end"
    assert int(proper.sum()) == sum(3**size for size in range(5))


@ALL
@torch.no_grad()
def test_words_are_a_distribution_but_for_those_that_are_too_long(knobs):
    made = net(knobs)
    k = made.space.coded(words(3))
    y = label(made, len(k))
    p = made.log_prob(k.double(), y).exp()
    longer = all_codes(4, 4)
    longer = longer[(longer > 0).all(1)]
    rest = one_pass(made, longer, label(made, len(longer))).exp().sum()
    assert p.sum().item() == pytest.approx(1 - rest.item())


@ALL
def test_the_jacobian_is_strictly_causal(knobs):
    made = net(knobs, 6)
    k = torch.tensor([2, 1, 3, 3, 1, 2])
    y = torch.tensor(1) if made.conditional else None
    for i in range(6):
        heat = influence(made, k, i, y).heat
        assert heat[i:].abs().max() == 0
        assert (heat[:i] > 0).all(), "a recurrent net remembers all"
    assert leaks(made, k, spaced(made, 12), y) == (0, 0)


def by_hand(made, letters, y):
    """Logits (T, K) of the equations, in the order of gates that torch has, without what follows the end."""
    cell, size = made.cell, made.config.h
    h = [torch.zeros(size) for _ in range(made.config.layers)]
    c = [torch.zeros(size) for _ in range(made.config.layers)]
    rows, before = [], torch.zeros(made.K)
    for k in letters:
        x = made.embed.weight @ before
        if y is not None:
            x = x + made.of_label.weight[:, y]
        for i in range(made.config.layers):
            W, U = getattr(cell, f"weight_ih_l{i}"), getattr(cell, f"weight_hh_l{i}")
            a, b = getattr(cell, f"bias_ih_l{i}"), getattr(cell, f"bias_hh_l{i}")
            if made.config.cell == "LSTM":
                into, forget, new, out = (W @ x + a + U @ h[i] + b).chunk(4)
                c[i] = forget.sigmoid() * c[i] + into.sigmoid() * new.tanh()
                h[i] = out.sigmoid() * c[i].tanh()
            else:
                (r, z, new), (hr, hz, hn) = (W @ x + a).chunk(3), (U @ h[i] + b).chunk(3)
                z = (z + hz).sigmoid()
                h[i] = (1 - z) * (new + (r + hr).sigmoid() * hn).tanh() + z * h[i]
            x = h[i]
        rows.append(torch.cat([torch.zeros(1), made.out.weight @ x + made.out.bias]))
        before = torch.eye(made.K)[k]
    return torch.stack(rows)


@ALL
@torch.no_grad()
def test_the_net_is_that_of_the_equations(knobs):
    made = net(knobs, 6)
    k = torch.tensor([[2, 1, 3, 3, 1, 2], [1, 1, 2, 3, 2, 1]])
    y = some_labels(made, 2)
    logits = made.logits(made.seen(k), y)
    for n in range(2):
        torch.testing.assert_close(logits[n], by_hand(made, k[n].tolist(), None if y is None else y[n]))


@ALL
@torch.no_grad()
def test_what_is_written_has_the_probability_that_one_pass_gives_it(knobs):
    made = net(knobs, 7)
    y = some_labels(made, 60)
    steps = [(now.i, now.logits.clone(), now.k.clone()) for now in made.written(60, y)]
    assert [i for i, _, _ in steps] == list(range(7))
    k = steps[-1][2]
    whole, log_p = made.logits(made.seen(k), y), torch.zeros(60)
    for i, logits, _ in steps:
        torch.testing.assert_close(logits, whole[:, i], rtol=0, atol=1e-10)
        log_p += logits.log_softmax(1)[torch.arange(60), k[:, i]]
    torch.testing.assert_close(made.log_prob(made.shown(k), y), log_p)
    ended = (k == 0).long().cumsum(1) > 0
    assert ended[:, :-1].any()
    assert not k[ended].any(), "after the end there are only ends"


@ALL
@torch.no_grad()
def test_samples_follow_the_table_of_all_strings(knobs):
    made = net(knobs, 3, size=0.9)
    k = all_codes(4, 3)
    y = label(made, 5000, 2)
    p = one_pass(made, k, None if y is None else y[: len(k)]).exp()
    torch.manual_seed(1)
    x = made.sample(5000, y)
    counts = torch.bincount((x.long() * torch.tensor([16, 4, 1])).sum(1), minlength=64).double()
    assert not counts[p == 0].any()
    often = 5000 * p > 5
    observed = torch.cat([counts[often], counts[~often].sum()[None]])
    wanted = torch.cat([5000 * p[often], 5000 * p[~often].sum()[None] + 1e-9])
    assert stats.chisquare(observed.numpy(), wanted.numpy()).pvalue > 1e-3


@torch.no_grad()
def test_after_given_letters_the_temperature_sharpens_what_follows():
    made = net(TINY, 5, size=0.9)
    given = torch.full((20_000, 5), -1)
    given[:, :2] = torch.tensor([3, 1])
    y = label(made, 20_000)
    p = made.logits(made.seen(torch.tensor([[3, 1, 0, 0, 0]])), y[:1])[0, 2].softmax(0)
    for t in (0.5, 2.0):
        torch.manual_seed(0)
        *_, last = made.written(20_000, y, given, t)
        assert (last.k[:, :2] == given[0, :2]).all()
        share = torch.bincount(last.k[:, 2], minlength=4) / 20_000
        torch.testing.assert_close(share, p ** (1 / t) / (p ** (1 / t)).sum(), atol=0.015, rtol=0)
    *_, last = made.written(3, y[:3], given[:3], 0.0)
    for i in range(2, 5):
        assert torch.equal(made.logits(made.seen(last.k), y[:3])[:, i].argmax(1), last.k[:, i])


# --- labels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
@torch.no_grad()
def test_each_label_has_a_distribution_of_its_own(cell):
    made = net(TINY | {"cell": cell}, size=0.5)
    x = made.space.coded(["abc"]).double()
    apart = torch.cat([made.log_prob(x, torch.tensor([y])) for y in range(3)])
    assert (apart[:, None] - apart[None])[~torch.eye(3).bool()].abs().min() > 1e-3
    torch.testing.assert_close(made.log_prob(x.expand(3, -1), torch.arange(3)), apart)


def test_a_model_without_labels_ignores_them():
    made = net(TINY | {"conditional": False})
    x = made.space.coded(["ab", "", "c"]).double()
    assert torch.equal(made.log_prob(x, torch.arange(3)), made.log_prob(x))
    plain = Text((4,), alphabet=ALPHABET)
    assert not model("letters", TINY, plain).conditional
    assert "conditional" in type(made).configure(plain, {}).without_effect(plain)


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
@torch.no_grad()
def test_the_rule_of_bayes_by_hand_at_each_letter(cell):
    """p(y | first letters) sums over all ways to go on."""
    made = net(TINY | {"cell": cell}, size=0.8)
    k, counts = all_codes(4, 4), torch.tensor([5, 2, 3])
    joint = torch.stack([one_pass(made, k, label(made, len(k), y)).exp() for y in range(3)], 1) * counts / 10
    word = torch.tensor([3, 1, 0, 0])
    row = posterior(made, word[None], counts)[0]
    assert row.shape == (5, 3)
    for j in range(5):
        same = (k[:, :j] == word[:j]).all(1)
        torch.testing.assert_close(row[j], joint[same].sum(0) / joint[same].sum())
    assert (row[0] - row[-1]).abs().max() > 1e-2
    torch.testing.assert_close(posterior(made, word[None], counts / 10)[0], row)
    two = posterior(made, torch.stack([torch.tensor([1, 0, 0, 0]), word]), counts)
    torch.testing.assert_close(two[1], row)
    never = posterior(made, word[None], torch.tensor([5, 0, 3]))[0]
    assert not never[:, 1].any()
    assert never.isfinite().all()


# --- the loss --------------------------------------------------------------------------------------------


@ALL
def test_the_loss_is_bits_per_character_with_the_ends_and_without_what_follows(knobs):
    made = net(knobs)
    some = ["", "a", "bc", "ccc", "ab"]
    k = made.space.coded(some)
    y = some_labels(made, len(k))
    batch = Batch(0, k.double(), y, lambda: batch)
    ((player, terms),) = made.turns(batch)
    assert player is made
    bits, characters = 0.0, 0
    for n, word in enumerate(some):
        letters = [ALPHABET.index(letter) + 1 for letter in word] + [0]
        p = by_hand(made, letters, None if y is None else y[n]).softmax(1)
        for i, letter in enumerate(letters):
            bits -= math.log2(p[i, letter].item())
            characters += 1
    assert characters == 5 + 8
    assert terms[BITS].item() == pytest.approx(bits / characters)
    assert made.log_prob(batch.x, y).sum().item() == pytest.approx(-bits * math.log(2))


def test_strings_that_do_not_end_count_all_their_letters():
    made = net(TINY)
    k = torch.tensor([[1, 2, 3, 1], [2, 0, 0, 0], [0, 0, 0, 0]])
    assert made.counted(k).tolist() == [[True] * 4, [True, True, False, False], [True, False, False, False]]


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_dropout_hides_a_share_of_the_state_from_the_output_in_training_only(share):
    made = net(TINY | {"dropout": share, "h": 200}, size=0.1)
    k = made.space.coded(["abc", "ccc"])
    y = torch.tensor([0, 1])
    batch = Batch(0, k.double(), y, lambda: batch)
    torch.manual_seed(3)
    ((_, terms),) = made.turns(batch)
    torch.manual_seed(3)
    v = made.seen(k)
    before = torch.cat([torch.zeros(2, 4, 1), v[:, :, :-1]], 2).mT
    h, _ = made.cell(made.embed(before) + made.of_label.weight[:, y].T[:, None])
    free = dropout(h, share) @ made.out.weight.T + made.out.bias
    log_p = torch.cat([torch.zeros(2, 4, 1), free], 2).log_softmax(2).gather(2, k[..., None])
    assert terms[BITS].item() == pytest.approx(-log_p.sum().item() / math.log(2) / 8)
    ((_, other),) = made.turns(batch)
    assert terms[BITS] != other[BITS], "another noise each time"
    assert torch.equal(made.log_prob(batch.x, y), made.log_prob(batch.x, y))
    free = h @ made.out.weight.T + made.out.bias
    torch.testing.assert_close(made.logits(v, y)[..., 1:], free)


@ALL
def test_gradients_are_those_of_finite_differences(knobs):
    made = net(knobs | {"dropout": 0.4}, size=0.5)
    x = made.space.coded(["", "a", "bc", "ccc"]).double()
    assert slope_gap(made, x, some_labels(made, 4)) < 1e-5


# --- words -----------------------------------------------------------------------------------------------


def test_words_are_coded_and_read_back():
    space = text(5)
    k = space.coded(["abc", "", "cccc"])
    assert k.tolist() == [[1, 2, 3, 0, 0], [0, 0, 0, 0, 0], [3, 3, 3, 3, 0]]
    assert space.words(k) == space.words(k.float()) == ["abc", "", "cccc"]
    assert space.words(torch.tensor([[1, 0, 2, 0, 3], [1, 2, 1, 2, 1]])) == ["a", "ababa"]
    assert space.coded([]).shape == (0, 5)
    made = net(TINY, 5)
    assert torch.equal(made.coded(k.float()), k)
    assert torch.equal(made.shown(k), k.double())
    assert torch.equal(made.seen(k), torch.eye(4)[k].mT)


def test_a_model_is_not_given_letters_that_it_does_not_know():
    space = text(5)
    with pytest.raises(Refused, match="'aяb' has the letter 'я', which"):
        space.coded(["ab", "aяb"])
    with pytest.raises(Refused, match="has the letters 'яю', which"):
        space.coded(["яaюя"])
    with pytest.raises(Refused, match="has 5 letters; write at most 4"):
        space.coded(["aaaaa"])
