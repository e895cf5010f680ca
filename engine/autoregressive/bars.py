"""Bars that models of sequences must pass: entropies of a sample of sound, and n-grams of letters."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from engine.data import Dataset, floats
from engine.space import Text, Wave, level

# --- sounds ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def entropies(data: Dataset, levels: int) -> tuple[float, float]:
    """The entropy of a sample of the training sounds, and that given the sample before it, in bits, at so
    many levels. Samples after the end of a sound do not count. The shares are counted in the same sounds on
    which they are judged: a flattering bar, the second above all."""
    space, x = data.space, floats(data.x).cpu()
    assert isinstance(space, Wave)
    k, sounds = level(x, levels), space.sounding(x)
    both = sounds[:, 1:]
    before, pair = k[:, :-1][both], (k[:, :-1] * levels + k[:, 1:])[both]
    return entropy(k[sounds].bincount()), entropy(pair.bincount()) - entropy(before.bincount())


def entropy(counts: Tensor) -> float:
    """The entropy of the shares of counts, in bits."""
    p = counts[counts > 0] / counts.sum(dtype=torch.float64)
    return -(p * p.log2()).sum().item()


# --- letters ---------------------------------------------------------------------------------------------

ORDERS = 6
"""Letters of the longest n-grams, the predicted one included."""


class NGram:
    """Interpolated n-grams with the weights of Witten and Bell (1991, method C).

    After the last n - 1 letters, the context c, N letters followed in training, of which T were different:

        p_n(x | c) = (count(c x) + T p_{n-1}(x | c')) / (N + T),   c' = c without its first letter,

    and p_0 is the same for all K letters. The end of a word is a letter, and stands before its start, too.
    """

    def __init__(self, words: list[list[int]], K: int) -> None:
        """`words` are letters 1 ... K - 1, without the end, which is 0."""
        self.K = K
        self.counts: dict[tuple[int, ...], dict[int, int]] = {}
        for word in words:
            for context, letter in predicted(word):
                for j in range(ORDERS):
                    after = self.counts.setdefault(context[ORDERS - 1 - j :], {})
                    after[letter] = after.get(letter, 0) + 1
        self.totals = {context: sum(after.values()) for context, after in self.counts.items()}

    def p(self, letter: int, context: tuple[int, ...], n: int) -> float:
        """The probability of a letter after ORDERS - 1 others, of which the last n - 1 count."""
        p = 1 / self.K
        for j in range(n):
            c = context[ORDERS - 1 - j :]
            if (after := self.counts.get(c)) is None:
                break
            p = (after.get(letter, 0) + len(after) * p) / (self.totals[c] + len(after))
        return p

    def next(self, word: Sequence[int], n: int) -> np.ndarray:
        """The probabilities (K,) of what follows the first letters of a word."""
        context = padded(word)
        return np.array([self.p(letter, context, n) for letter in range(self.K)])

    def bits(self, words: list[list[int]], n: int) -> float:
        """-log2 p per letter of words, whose ends count as letters."""
        p = [self.p(letter, context, n) for word in words for context, letter in predicted(word)]
        return -sum(map(math.log2, p)) / len(p)

    def written(self, n: int, longest: int, rng: np.random.Generator) -> list[int]:
        """A word of the n-grams, cut off at the longest length."""
        word: list[int] = []
        while len(word) < longest and (letter := int(rng.choice(self.K, p=self.next(word, n)))):
            word.append(letter)
        return word


def padded(word: Sequence[int]) -> tuple[int, ...]:
    """The last ORDERS - 1 letters; before the first there are ends."""
    return (0,) * max(0, ORDERS - 1 - len(word)) + tuple(word[-(ORDERS - 1) :])


def predicted(word: list[int]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Each letter of a word, and at last its end, with the context before it."""
    for i, letter in enumerate([*word, 0]):
        yield padded(word[:i]), letter


def letters(k: Tensor) -> list[list[int]]:
    """Whole numbers (n, T) as words without ends."""
    return [row[: row.index(0)] if 0 in row else row for row in k.long().tolist()]


@lru_cache(maxsize=4)
def ngram(data: Dataset) -> NGram:
    """The n-grams of the training words, which take a second to count."""
    assert isinstance(data.space, Text)
    return NGram(letters(data.x), 1 + len(data.space.alphabet))


@lru_cache(maxsize=32)
def ngram_bits(data: Dataset, n: int) -> float:
    """Bits per character of the test words, by n-grams of the training words."""
    return ngram(data).bits(letters(data.test_x), n)
