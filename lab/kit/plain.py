"""Text that others have written, as it is, and links that hold wherever a proxy shows the lab."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

_SIGNS = re.compile(
    r"[\\`*\[\]<>#$|~!]|(?<![^\W_])_|_(?![^\W_])|&(?=[\w#])|^[-+]|(?<=^\d)[.)]|(?<=^\d\d)[.)]"  # of markdown
    r"|:(?=\S)"  # of colours, icons and addresses
)
_LINKS = re.compile(r"(?<=:)(?=\S)|(?<=@)(?=\w)|(?<=www)(?=\.)", re.IGNORECASE)  # found without any sign


def plain(text: object) -> str:
    """Markdown that shows a text letter by letter: names of files and runs, what an address says, a refusal.
    It loads no picture, makes no link and has no format, whatever was written."""
    told = " ".join(str(text).split())
    return _LINKS.sub("\u2060", _SIGNS.sub(r"\\\g<0>", told))  # a sign of no width keeps words apart


def complain(what: object, place: Any = st) -> None:
    """Say what is wrong: a refusal speaks of what somebody gave."""
    place.error(plain(what))


def link(address: str) -> str:
    """An address of the lab, "/gan?k=2", as the link of a page. Pages lie side by side: if the lab lies
    behind a path, a link that starts at the root would miss it."""
    return f".{address}" if address.startswith("/") else address
