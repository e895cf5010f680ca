"""Symbols of formulas have the colours of what they name on the stage, readable in both themes."""

import re

import pytest

from engine.families import families
from lab.kit.formula import coloured, stacked
from lab.kit.palette import INKS, TEXTS
from lab.kit.subject import words_of
from lab.stage.files import SCRIPTS

RED, BLUE = {"x": "#f00"}, {"x": "#f00", r"\hat x": "#00f", "x_0": "#0f0"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x and $x$", r"x and ${\textcolor{#f00}{x}}$"),
        (r"$\exp(x) + \xi + \max$", r"$\exp({\textcolor{#f00}{x}}) + \xi + \max$"),
        (r"$p_x(\text{x of x})$", r"$p_{\textcolor{#f00}{x}}(\text{x of x})$"),
        ("$$\nx_{1:d} = x\n$$", "$$\n{\\textcolor{#f00}{x}}_{1:d} = {\\textcolor{#f00}{x}}\n$$"),
        (r"`x` **x**", r"`x` **x**"),
    ],
)
def test_only_symbols_of_formulas_are_coloured(text, shown):
    assert coloured(text, RED) == shown


def test_the_longest_sign_wins_and_without_colours_nothing_changes():
    assert coloured(r"$\hat x = x_0$", BLUE) == r"${\textcolor{#00f}{\hat x}} = {\textcolor{#0f0}{x_0}}$"
    assert coloured(r"$\hat x = x_0$", {}) == r"$\hat x = x_0$"


def test_several_formulas_of_a_display_stand_below_each_other():
    assert stacked(r"$a \qquad b$ $$a \qquad b$$") == "$a \\qquad b$ $$a \n$$\n\n$$\n b$$"
    cases = r"$$\begin{cases} a \qquad b \end{cases}$$"
    assert stacked(cases) == cases
    matrix = r"\begin{pmatrix} a & b \end{pmatrix}"
    assert stacked(rf"$${matrix} \qquad {matrix}$$") == f"$${matrix} \n$$\n\n$$\n {matrix}$$"


def brightness(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("role", TEXTS)
def test_letters_can_be_read_on_both_pages_and_are_the_stages(role):
    for colour, page in zip(TEXTS[role], ("#ffffff", "#0e1117"), strict=True):
        low, high = sorted((brightness(colour), brightness(page)))
        assert (high + 0.05) / (low + 0.05) >= 4.5
    script = (SCRIPTS / "core" / "palette.js").read_text()
    stage = re.findall(rf'\b{role}: \{{ ink: "(#\w+)", text: "(#\w+)" \}}', script)
    assert stage == [*zip(INKS[role], TEXTS[role], strict=True)]


@pytest.mark.parametrize("family", families().values(), ids=lambda family: family.name)
def test_every_room_says_what_its_symbols_name(family):
    colours = words_of(family).colours
    assert colours
    assert set(colours.values()) <= set(TEXTS)
