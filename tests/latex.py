r"""Formulas as they are shown, in LaTeX on a page or plain in a docstring, computed from what is shown.

    shown(r"\sqrt{1 - \bar\alpha_t}\; \varepsilon", {r"\bar\alpha_t": 0.36, r"\varepsilon": 2.0})  # 1.6

The symbols are those that are given, the longest that fits first; one that is given as a function takes what
stands in the brackets after it. What is not understood raises ValueError: nothing is passed over.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SPACE = re.compile(r"(?:\s|\\[,;!: ]|\\quad\b|\\qquad\b|\\left(?![a-z])|\\right(?![a-z])|~)*")
ALIGNED = re.compile(r"\\begin\{aligned\}(.*?)\\end\{aligned\}", re.DOTALL)
NUMBER = re.compile(r"\d+(?:\.\d+)?")
ENDS = ("}", ")", "]", ",", r"\rVert", r"\mid", "=")


def shown(formula: str, symbols: dict[str, Any]) -> Any:
    """The value of a whole formula."""
    reader = Reader(formula, symbols)
    value = reader.sum()
    if reader.rest():
        raise ValueError(f"not understood: {reader.rest()[:60]!r}")
    return value


def unbroken(text: str) -> str:
    """The text with aligned formulas as they are read: a line that begins with & continues the one above."""
    return ALIGNED.sub(lambda lines: re.sub(r"\\\\\s*&\s*(?:\\quad)?", "", lines[1]).replace("&", ""), text)


def prose(path: str) -> str:
    """All texts of a Python file, docstrings too, one after the other; `{}` stands for what they compute.
    A formula that is broken over lines is one."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    texts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            texts.append("".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            texts.append(node.value)
    return unbroken("\n\n".join(texts))


def formulas(text: str) -> Iterator[str]:
    """What stands between dollars, with single spaces; of a display of several, each by itself."""
    for part in text.split("\n\n\n"):
        for double, single in re.findall(r"\$\$(.+?)\$\$|\$([^$]+?)\$", part, re.DOTALL):
            for one in re.split(r"\\qquad(?:\\Rightarrow\\qquad)?|\\Rightarrow", double or single):
                if one := " ".join(one.split()).strip(" ,"):
                    yield one


class Reader:
    """Reads a sum of products of powers, and computes it on the way."""

    def __init__(self, text: str, symbols: dict[str, Any]) -> None:
        self.text, self.at = text, 0
        self.symbols = sorted(symbols.items(), key=lambda pair: -len(pair[0]))

    def rest(self) -> str:
        """What has not been read."""
        self.at = SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
        return self.text[self.at :]

    def take(self, *words: str) -> str:
        """The word that comes next, if it is one of these; it is read."""
        rest = self.rest()
        word = next((word for word in words if rest.startswith(word)), "")
        self.at += len(word)
        return word

    def need(self, word: str) -> None:
        if not self.take(word):
            raise ValueError(f"{word!r} was expected at {self.rest()[:60]!r}")

    def sum(self) -> Any:
        sign = self.take("-", "+")
        value = self.product()
        value = -value if sign == "-" else value
        while sign := self.take("+", "-"):
            other = self.product()
            value = value + other if sign == "+" else value - other
        return value

    def product(self) -> Any:
        value = self.power()
        while (rest := self.rest()) and not rest.startswith((*ENDS, "+", "-")):
            value = value / self.power() if self.take("/") else value * self.power()
        return value

    def power(self) -> Any:
        value = self.one()
        return value ** self.argument() if self.take("^") else value

    def argument(self) -> Any:
        """What stands in braces, or one symbol."""
        if not self.take("{"):
            return self.one()
        value = self.sum()
        self.need("}")
        return value

    def bracket(self, close: str) -> list[Any]:
        values = [self.sum()]
        while self.take(","):
            values.append(self.sum())
        self.need(close)
        return values

    def one(self) -> Any:
        if self.take(r"\frac", r"\tfrac"):
            above = self.argument()
            return above / self.argument()
        if self.take(r"\sqrt"):
            return self.argument() ** 0.5
        if self.take("sqrt("):
            return self.bracket(")")[0] ** 0.5
        if self.take("||", r"\lVert", "‖"):
            value = self.sum()
            if not self.take("||", r"\rVert", "‖"):
                raise ValueError("a norm has no end")
            return (value * value).sum() ** 0.5
        rest = self.rest()
        for name, value in self.symbols:
            if rest.startswith(name):
                self.at += len(name)
                return value(*self.bracket(")")) if callable(value) and self.take("(") else value
        if number := NUMBER.match(rest):
            self.at += number.end()
            return float(number[0])
        if self.take("(", "{"):
            return self.bracket(")" if self.text[self.at - 1] == "(" else "}")[0]
        raise ValueError(f"not understood: {rest[:60]!r}")
