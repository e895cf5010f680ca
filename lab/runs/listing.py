"""The code that runs, as it is listed: its text, and which of its lines computes what.

A line of the engine that ends in `#: z` computes what the graph of its subject calls z. The mark ties the
line to a box of the graph, whatever its variables are called; in a listing it is left out.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

_MARK = re.compile(r"[ \t]+#: ([\w ]+)$", re.MULTILINE)


class Listed(NamedTuple):
    """A function as a reader sees it."""

    name: str
    first: int  # the number of its first line in its file
    text: str
    marks: dict[int, list[str]]  # what its lines compute, by their numbers in the file


def listed(function: Callable[..., Any]) -> Listed:
    """The source of a function or class, without marks."""
    lines, first = inspect.getsourcelines(inspect.unwrap(function))
    marks = {
        first + i: m[1].split() for i, line in enumerate(lines) if (m := _MARK.search(line.rstrip("\n")))
    }
    return Listed(function.__name__, first, unmarked(textwrap.dedent("".join(lines)).rstrip()), marks)


def unmarked(text: str) -> str:
    """Code without marks."""
    return _MARK.sub("", text)
