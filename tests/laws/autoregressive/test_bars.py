"""The bars of sequences by hand: counts, Witten and Bell's weights, entropies."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.autoregressive.bars import NGram, entropies, entropy, ngram, ngram_bits
from engine.data import Dataset, load
from engine.space import Wave

WORDS = [[1, 2], [1], [2, 1, 2], [], [1, 2, 1, 1, 2, 1, 2, 2]]
K = 4  # the end, two letters that occur, and one that does not


def coded(words, T=None):
    """With an end after each word, and more up to T letters."""
    T = T or 1 + max(map(len, words))
    return torch.tensor([word + [0] * (T - len(word)) for word in words])


@pytest.fixture(scope="module")
def grams():
    return NGram(coded(WORDS), K)


def by_hand(letter, word, n):
    """p_n by the formula, with counts taken anew from the words, each after n - 1 signs of a start."""
    if n == 0:
        return 1 / K
    context = (["start"] * n + word)[len(word) + 1 :]
    follow = Counter()
    for one in WORDS:
        row = ["start"] * (n - 1) + one + [0]
        for i in range(n - 1, len(row)):
            if row[i - n + 1 : i] == context:
                follow[row[i]] += 1
    lower = by_hand(letter, word, n - 1)
    if not follow:
        return lower
    N, T = sum(follow.values()), len(follow)
    return (follow[letter] + T * lower) / (N + T)


PREFIXES = [[], [1], [2, 1], [1, 2, 1, 1, 2, 1], [2, 2, 2], [3], [3, 1, 2]]


@pytest.mark.parametrize("n", range(1, 7))
def test_probabilities_are_those_of_the_formula_and_sum_to_1(grams, n):
    for word in PREFIXES:
        p = grams.next(word, n)
        assert p.sum() == pytest.approx(1, abs=1e-12)
        assert (p > 0).all(), "no letter is impossible"
        assert p.tolist() == pytest.approx([by_hand(letter, word, n) for letter in range(K)])


def test_with_n_1_it_is_counting():
    grams = NGram(coded([[1, 2, 1], [2, 2]]), 3)
    counts, uniform = np.array([2, 2, 3]), np.full(3, 1 / 3)
    for word in ([], [1], [2, 2]):
        assert grams.next(word, 1).tolist() == pytest.approx(((counts + 3 * uniform) / 10).tolist())


def test_bits_count_the_end_as_a_letter(grams):
    words = [[1, 2, 2], [], [3]]
    for n in (1, 3, 6):
        bits, characters = 0.0, 0
        for word in words:
            for i, letter in enumerate([*word, 0]):
                bits -= math.log2(grams.next(word[:i], n)[letter])
                characters += 1
        assert characters == 7
        for T in (3, 4, 9):  # a word may fill its row, without an end
            assert grams.bits(coded(words, T), n) == pytest.approx(bits / 7)


def test_the_bars_of_the_villages():
    """Those of an independent reader of the same split (shared/data/README.md)."""
    data = load("villages")
    bits = [round(ngram_bits(data, n), 3) for n in range(1, 7)]
    assert bits == pytest.approx([4.934, 3.379, 2.814, 2.577, 2.542, 2.616], abs=0.0011)
    assert ngram(data) is ngram(data)
    p = ngram(data).next(data.space.coded(["Нова"])[0, :4].tolist(), 5)
    assert p.sum() == pytest.approx(1)
    assert data.space.alphabet[int(p.argmax()) - 1] == " "


# --- sounds ----------------------------------------------------------------------------------------------


def sound(rows):
    x = torch.tensor(rows, dtype=torch.uint8)
    return Dataset(name="few", title="Few", x=x, test_x=x, space=Wave((x.shape[1],), 0, "few"))


def test_the_entropy_of_shares():
    assert entropy(torch.tensor([3, 0, 1])) == pytest.approx(-0.75 * math.log2(0.75) - 0.25 * math.log2(0.25))
    assert entropy(torch.tensor([5, 0])) == 0


def test_entropies_count_pairs_within_a_sound_and_no_silence_after_it():
    a, b = 0, 255
    data = sound([[a, b, a, a, 128, 127], [b, b, a, b, a, b], [a, 128, 127, 128, 128, 128]])
    one, given = entropies(data, 256)
    samples = [a, b, a, a, b, b, a, b, a, b, a]
    pairs = Counter([(a, b), (b, a), (a, a), (b, b), (b, a), (a, b), (b, a), (a, b)])
    before = Counter(first for first, _ in pairs.elements())
    shares = [samples.count(v) / 11 for v in (a, b)]
    assert one == pytest.approx(-sum(p * math.log2(p) for p in shares))
    by_hand = -sum(c / 8 * math.log2(c / before[pair[0]]) for pair, c in pairs.items())
    assert given == pytest.approx(by_hand)


def test_fewer_levels_are_counted_as_fewer():
    data = sound([[0, 1, 0, 1, 0, 255]])
    assert entropies(data, 256)[0] > entropies(data, 16)[0] == pytest.approx(entropy(torch.tensor([5, 1])))


@pytest.mark.parametrize(
    ("name", "levels", "one", "given"),
    [("voices", 64, 5.887, 4.571), ("voices", 256, 7.886, 5.383), ("drums", 64, 5.885, 3.932)],
)
def test_the_bars_of_the_sounds(name, levels, one, given):
    """shared/data/README.md has 4.99 and 4.40 for the first: those come of 2 * code in bytes, which overflows
    and takes two values for one. The numbers here were counted again by other means."""
    assert entropies(load(name), levels) == pytest.approx((one, given), abs=6e-4)
    codes, pairs, before = [], [], []
    data = load(name)
    for clip in data.x.tolist():
        while clip[-1] in (127, 128):
            clip.pop()
        levelled = [math.floor(code * (levels - 1) / 255 + 0.5) for code in clip]
        codes += levelled
        pairs += pairwise(levelled)
        before += levelled[:-1]

    def bits(counts):
        n = sum(counts.values())
        return -sum(c / n * math.log2(c / n) for c in counts.values())

    assert bits(Counter(codes)) == pytest.approx(one, abs=6e-4)
    assert bits(Counter(pairs)) - bits(Counter(before)) == pytest.approx(given, abs=6e-4)
