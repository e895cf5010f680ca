"""Questions to a model of letters: what comes next, names that it makes up, and where a name may lie."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from engine.autoregressive.bars import ngram
from engine.autoregressive.bayes import posterior
from engine.autoregressive.letter_measures import known
from engine.autoregressive.letters import Letters
from engine.config import Refused
from engine.data import Dataset, chief_towns
from engine.device import seed as set_seed
from engine.space import Text
from lab.autoregressive.asked import labels_of, temperature_of
from lab.probes import Answer, seed_of, whole

__all__ = ["made_up", "next_letters", "where_from"]

BARS = 12  # letters that are shown
GRAM = 5


def next_letters(
    model: Letters, data: Dataset, start: str = "", label: int | None = None, temperature: float = 1.0
) -> Answer:
    """What follows the first letters of a name: of the likeliest, `letter`, and `p` of the net, its logits
    divided by the temperature, and `gram` of the 5-gram; "∎" is the end. `log2_p` is that of the letters so
    far, at the temperature 1."""
    temperature = temperature_of(temperature)
    k = spelled(model, start)
    y = labels_of(model, label, 1)
    log_p = model.logits(model.seen(k), y)[0].log_softmax(-1)
    p = cooled(log_p[len(start)], temperature).cpu().numpy()
    gram = ngram(data).next(k[0, : len(start)].tolist(), GRAM)
    likely = np.argsort(-np.maximum(p, gram))[:BARS]
    names = ["∎", *model.space.alphabet]
    so_far = log_p.gather(-1, k[0, :, None])[: len(start)].sum().item() / np.log(2)
    return {"letter": [names[i] for i in likely], "p": p[likely].tolist(), "gram": gram[likely].tolist(),
            "log2_p": so_far}  # fmt: skip


def cooled(log_p: torch.Tensor, temperature: float) -> torch.Tensor:
    """The distribution (K,) from which a letter is drawn at this temperature; at 0 it is the likeliest."""
    if temperature == 0:
        return (torch.arange(len(log_p), device=log_p.device) == log_p.argmax()).to(log_p)
    return (log_p / temperature).softmax(-1)


def made_up(
    model: Letters, data: Dataset, n: int = 20, seed: int = 0, label: int | None = None,
    temperature: float = 1.0, start: str = "",
) -> Answer:  # fmt: skip
    """n names that begin with these letters; `known`, which are in the register; and the `bits` of each per
    character."""
    n = whole(n, "n", 1, 100)
    temperature = temperature_of(temperature)
    set_seed(seed_of(seed))
    given = spelled(model, start)
    given[:, len(start) :] = -1
    y = labels_of(model, label, n)
    *_, last = model.written(n, y, given.expand(n, -1), temperature)
    names = model.space.words(last.k)
    bits = -model.log_probs(last.k, y).sum(1) / np.log(2) / model.counted(last.k).sum(1)
    there = register(data)
    return {"names": names, "known": [name in there for name in names], "bits": bits.tolist()}


@lru_cache(maxsize=2)
def register(data: Dataset) -> frozenset[str]:
    """All names, those of the test data too."""
    assert isinstance(data.space, Text)
    return known(data) | {*data.space.words(data.test_x)}


def where_from(model: Letters, data: Dataset, text: str) -> Answer:
    """p(region | name) by the rule of Bayes, before the first letter, after each, and after the end: `p`
    (letters + 2, regions); `towns` (regions, 2) are longitude and latitude of their chief towns. Raises
    `Refused` for a model that is told no regions."""
    if not model.conditional or data.y is None:
        raise Refused("This model is told no regions; choose the villages by region, and Conditional.")
    if not text:
        raise Refused("Write a name first.")
    prior = torch.bincount(data.y.cpu(), minlength=model.space.classes).double()
    p = posterior(model, spelled(model, text), prior.to(model.device))[0, : len(text) + 2]
    return {"p": p.cpu().numpy().astype(np.float32), "labels": list(data.labels),
            "towns": chief_towns().numpy()}  # fmt: skip


def spelled(model: Letters, text: Any) -> torch.Tensor:
    """The letters of a name (1, T). Raises `Refused` for letters that the model does not know; of the Latin
    ones it says so, because many look like Ukrainian ones."""
    if not isinstance(text, str):
        raise Refused("A name is text.")
    unknown = dict.fromkeys(letter for letter in text if letter not in model.space.alphabet)
    if latin := [letter for letter in unknown if "LATIN" in unicodedata.name(letter, "")]:
        raise Refused(f"{', '.join(latin[:9])} in {text[:40]!r}: Latin letters. Write the Ukrainian ones.")
    return model.space.coded([text]).to(model.device)
