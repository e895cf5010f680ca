r"""Formulas whose symbols have the colours of what they name on the stage, as a subject's `colours` say."""

from __future__ import annotations

import re
from collections.abc import Mapping

import streamlit as st

from engine.family import Family
from lab.kit.palette import letter
from lab.kit.subject import words_of

_MATH = re.compile(r"(\$\$.+?\$\$|\$[^$]+?\$)", re.DOTALL)
_DISPLAY = re.compile(r"\$\$.+?\$\$", re.DOTALL)
# not what ends a line or a display, nor what stands within an environment
_BESIDE = re.compile(r"\\qquad(?! *\\\\| *\n*\$)(?!(?:(?!\\begin).)*\\end)", re.DOTALL)
# what is no symbol: words in a formula, and names of environments
_WORDS = r"\\(?:text|mathrm|operatorname|begin|end|mathcal)\s*(?:\{[^{}]*\}|[A-Za-z])"


def formula(family: type[Family], text: str) -> None:
    """Markdown with formulas, coloured as the stage of this family is."""
    st.markdown(
        coloured(stacked(text), {sign: letter(role) for sign, role in words_of(family).colours.items()})
    )


def stacked(text: str) -> str:
    """The text with one formula a line, where a display has several side by side: a tab is narrow."""
    return _DISPLAY.sub(lambda display: "\n$$\n\n$$\n".join(_BESIDE.split(display[0])), text)


def coloured(text: str, colours: Mapping[str, str]) -> str:
    """The text with each of these signs (LaTeX) in its colour (a hex number) wherever it is a symbol of its
    own in a formula. A longer sign wins over those that it begins with."""
    if not colours:
        return text
    signs = "|".join(map(re.escape, sorted(colours, key=len, reverse=True)))
    symbol = re.compile(rf"{_WORDS}|(?<![A-Za-z\\])({signs})(?![A-Za-z])")

    def paint(found: re.Match[str]) -> str:
        sign = found[1]
        return rf"{{\textcolor{{{colours[sign]}}}{{{sign}}}}}" if sign else found[0]

    return _MATH.sub(lambda math: symbol.sub(paint, math[0]), text)
