r"""Recurrent nets that write letter by letter (Graves, 2013, https://arxiv.org/abs/1308.0850).

The state h of a recurrent net is all that it keeps of the letters so far:

    h_t = cell(x_{t-1}, h_{t-1}),   p(x_t | x_{<t}) = softmax(W h_t + b)                      eq. (1)-(3), (5)

The cell is an LSTM (Hochreiter and Schmidhuber, 1997) or a GRU (Cho et al., 2014). The end of a word is a
letter, too, so that p is a distribution over words of all lengths; after the end there is only the end.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, one_hot, pad

from engine.autoregressive.base import Ordered, OrderedConfig, with_first
from engine.config import Where, knob
from engine.family import Batch, Terms
from engine.metrics.measure import term
from engine.space import Space, Text

BITS = term("bits per character", "model", chart="bits per character", label="training")
"""The loss. The end of a word counts as a letter."""
EMBEDDED = 24
"""Numbers that stand for a letter."""


class LettersConfig(OrderedConfig):
    """Knobs of recurrent nets for letters."""

    cell: Literal["LSTM", "GRU"] = knob("LSTM", label="Cell", says="how the state is carried on")
    h: int = knob(192, 4, 512, label="Hidden units", symbol="h", log=True, says="numbers in the state")
    layers: int = knob(1, 1, 3, label="Layers", symbol="L", advanced=True, says="cells, one upon another")
    dropout: float = knob(
        0.4, 0.0, 0.8, label="Dropout", live=True,
        says="share of the state that is hidden from the output in training, so that less is learnt by heart",
    )  # fmt: skip
    conditional: bool = knob(
        True, label="Conditional", symbol="y", says="whether the label is given beside each letter",
        where=Where("only with labels", lambda _, space: space.classes > 0),
    )  # fmt: skip
    lr: float = knob(
        5e-3, 1e-5, 0.05, label="Learning rate", symbol=r"\eta", log=True, live=True,
        says="learning rate of Adam",
    )  # fmt: skip
    batch: int = knob(
        64, 2, 512, label="Batch", symbol="m", live=True, advanced=True, says="words in a minibatch"
    )


class Letters(Ordered):
    """An LSTM or a GRU over letters."""

    name = "letters"
    title = "Recurrent net for letters"
    source = "Graves, 2013, https://arxiv.org/abs/1308.0850"
    Config = LettersConfig
    kinds = (Text,)
    space: Text

    def __init__(self, config: LettersConfig, space: Space) -> None:
        super().__init__(config, space)
        assert isinstance(space, Text)
        self.K = 1 + len(space.alphabet)
        self.register_buffer("rank", torch.arange(space.size))
        self.embed = nn.Linear(self.K, EMBEDDED, bias=False)
        self.of_label = nn.Linear(space.classes, EMBEDDED, bias=False) if self.conditional else None
        kind = {"LSTM": nn.LSTM, "GRU": nn.GRU}[config.cell]
        self.cell: Any = kind(EMBEDDED, config.h, config.layers, batch_first=True)
        self.out = nn.Linear(config.h, self.K - 1)

    def coded(self, x: Tensor) -> Tensor:
        """Words (n, T) as data have them, which are floats, as whole numbers (n, T)."""
        return x.round().long()

    def shown(self, k: Tensor) -> Tensor:
        """The data (n, T) that whole numbers (n, T) stand for."""
        return k.to(**self.like)

    def seen(self, k: Tensor) -> Tensor:
        """The letters as one-hot vectors (n, K, T)."""
        return one_hot(k, self.K).mT.to(**self.like)

    def logits(self, v: Tensor, y: Tensor | None = None, hidden: float = 0.0) -> Tensor:
        """From one-hot vectors v (n, K, T), and labels y (n,) if it is told any, to logits (n, T, K). That
        share of the state is hidden from the output."""
        before = pad(v, (1, 0))[:, :, :-1].mT  # the first letter is predicted from none
        h, _ = self.cell(self.given(before, y))  #: net
        return self.after(h, before, hidden)  #: p

    def given(self, v: Tensor, y: Tensor | None) -> Tensor:
        """What the cell is given: the letters v (n, t, K) embedded, and beside each the label."""
        label = 0 if y is None or self.of_label is None else self.of_label(self.hot(y))[:, None]
        return self.embed(v) + label

    def after(self, h: Tensor, before: Tensor, hidden: float = 0.0) -> Tensor:
        """Logits (n, t, K) from states h (n, t, h) after the letters `before` (n, t, K). After the end only
        the end is possible."""
        logits = with_first(self.out(dropout(h, hidden)))
        others = torch.arange(self.K, device=h.device) > 0
        return logits.masked_fill((before[..., :1] > 0) & others, -math.inf)

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Maximum likelihood on a minibatch, with dropout."""
        k = self.coded(batch.x)  #: x
        yield self, self.loss(self.log_probs(k, self.told(batch.y), self.config.dropout), batch.x)

    def loss(self, log_probs: Tensor, x: Tensor) -> Terms:
        """The mean of -log2 p over the letters and ends of words."""
        return {BITS: -log_probs.sum() / math.log(2) / self.counted(self.coded(x)).sum()}  #: loss

    def counted(self, k: Tensor) -> Tensor:
        """Where there is a letter of a word, or its end, and not what follows it, (n, T) of bool."""
        return pad(k[:, :-1] == 0, (1, 0)).cumsum(1) == 0

    def one_by_one(self, n: int, y: Tensor | None = None) -> Generator[tuple[int, Tensor], Tensor]:
        """One letter at a time: the state is carried on."""
        before, state = torch.zeros(n, 1, self.K, **self.like), None
        for i in range(self.D):
            h, state = self.cell(self.given(before, y), state)
            k = yield i, self.after(h, before)[:, 0]
            before = self.seen(k[:, None]).mT
