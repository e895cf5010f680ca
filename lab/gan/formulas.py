"""A term's name is its formula: the tables and sentences of a page render it, and the engine computes it."""

from __future__ import annotations

import re
from collections.abc import Sequence

SIGNS = {
    "E[": r"\mathbb{E}[", "log": r"\log", "max(": r"\max(", "²": "^2", "λ": r"\lambda\,",
    "|∇D(x)|": r"\lVert\nabla D(x)\rVert", "|∇D|": r"\lVert\nabla D(\hat x)\rVert",
}  # fmt: skip
"""How plain signs are written in LaTeX."""


def latex(term: str) -> str:
    """The formula of a term, in LaTeX."""
    for plain, written in SIGNS.items():
        term = term.replace(plain, written)
    return term


def summed(terms: Sequence[str]) -> str:
    """The formula of the sum of some terms, in LaTeX."""
    return re.sub(r"\+ -", "- ", " + ".join(map(latex, terms)))
