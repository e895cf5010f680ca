"""How pages write numbers, with a real minus sign and no more digits than are needed; and lists of words."""

from __future__ import annotations

import math

_ABOVE = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def signed(value: float, digits: int = 2) -> str:
    """So many decimals, −0.50; a value that rounds to zero has no sign."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")


def short(value: float) -> str:
    """Three significant digits, 0.123; from 10,000 on a power of ten, 10⁵; below 0.001 both, 4.0 · 10⁻⁵."""
    size = abs(value)
    if size >= 1e4:
        return ("−" if value < 0 else "") + _power(round(math.log10(size)))
    if 0 < size < 1e-3:
        factor, _, power = f"{value:.1e}".partition("e")
        return f"{factor} · {_power(int(power))}".replace("-", "−")
    return (f"{value:.0f}" if size >= 100 else f"{value:.3g}").replace("-", "−")


def subscript(number: int) -> str:
    """A whole number as an index: 12 as ₁₂."""
    return str(number).translate(_BELOW)


def _power(exponent: int) -> str:
    return "10" + str(exponent).translate(_ABOVE)


def in_a_row(words: list[str]) -> str:
    """Words as a list in a sentence: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
