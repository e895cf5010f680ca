"""Bars that models of sequences must pass: entropies of a sample of sound, and n-grams of letters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

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


class Counted(NamedTuple):
    """How often each n-gram was met, for one n. It is a number, whose digits in base K are its letters."""

    gram: np.ndarray  # those that were met, sorted
    times: np.ndarray  # how often
    context: np.ndarray  # the n-grams without their last letter, sorted
    N: np.ndarray  # letters that followed each context
    T: np.ndarray  # of these, how many were different

    @staticmethod
    def of(grams: np.ndarray, K: int) -> Counted:
        """Of n-grams as numbers (m,)."""
        gram, count = np.unique(grams, return_counts=True)
        context, first, T = np.unique(gram // K, return_index=True, return_counts=True)
        return Counted(gram, count, context, np.add.reduceat(count, first), T)


class NGram:
    """Interpolated n-grams with the weights of Witten and Bell (1991, method C).

    After the last n - 1 letters, the context c, N letters followed in training, of which T were different:

        p_n(x | c) = (count(c x) + T p_{n-1}(x | c')) / (N + T),   c' = c without its first letter,

    and p_0 is the same for all K letters. The end of a word is a letter, and stands before its start, too.
    """

    def __init__(self, k: Tensor, K: int) -> None:
        """Of words (n, T), letters 1 ... K - 1, and 0 after the end."""
        self.K = K
        rows = predicted(k)
        self.counted = [Counted.of(self.grams(rows, n), K) for n in range(1, ORDERS + 1)]

    def grams(self, rows: np.ndarray, n: int) -> np.ndarray:
        """The last n letters of rows (m, ORDERS) as numbers (m,)."""
        return rows[:, ORDERS - n :] @ self.K ** np.arange(n - 1, -1, -1)

    def p(self, rows: np.ndarray, n: int) -> np.ndarray:
        """The probabilities (m,) of the last letters of rows (m, ORDERS) after the others, of which the last
        n - 1 count."""
        p = np.full(len(rows), 1 / self.K)
        for j in range(1, n + 1):
            gram, count, context, N, T = self.counted[j - 1]
            grams = self.grams(rows, j)
            i, met = place(context, grams // self.K)
            g, known = place(gram, grams)
            p = np.where(met, (count[g] * known + T[i] * p) / (N[i] + T[i]), p)
        return p

    def next(self, word: Sequence[int], n: int) -> np.ndarray:
        """The probabilities (K,) of what follows the first letters of a word."""
        context = ([0] * (ORDERS - 1) + list(word))[-(ORDERS - 1) :]
        return self.p(np.array([[*context, letter] for letter in range(self.K)]), n)

    def bits(self, k: Tensor, n: int) -> float:
        """-log2 p per letter of words (m, T), whose ends count as letters."""
        return -float(np.log2(self.p(predicted(k), n)).mean())


def place(known: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each number stands among sorted ones, and whether it is there."""
    i = np.searchsorted(known, asked).clip(max=len(known) - 1)
    return i, known[i] == asked


def predicted(k: Tensor) -> np.ndarray:
    """Each letter of words (n, T), and at last the end of each, behind the ORDERS - 1 letters before it; the
    rows (m, ORDERS)."""
    k = pad(k.cpu().long(), (0, 1))
    rows = pad(k, (ORDERS - 1, 0)).unfold(1, ORDERS, 1)
    return rows[pad(k[:, :-1] == 0, (1, 0)).cumsum(1) == 0].numpy()


@lru_cache(maxsize=4)
def ngram(data: Dataset) -> NGram:
    """The n-grams of the training words."""
    assert isinstance(data.space, Text)
    return NGram(data.x, 1 + len(data.space.alphabet))


@lru_cache(maxsize=32)
def ngram_bits(data: Dataset, n: int) -> float:
    """Bits per character of the test words, by n-grams of the training words."""
    return ngram(data).bits(data.test_x, n)
