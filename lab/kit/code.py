"""The code that runs, as a page shows it."""

from __future__ import annotations

import ast
import inspect
from typing import Any

import streamlit as st
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from lab.runs.listing import listed, unmarked


def source(*pieces: Any) -> None:
    """Show the very code that runs. It is coloured here, because Streamlit's way loads 1.5 MB of script."""
    text = "\n\n".join(map(_text, pieces))
    code = highlight(text, PythonLexer(), HtmlFormatter(nowrap=True))
    lines = "".join(map(_hanging, text.splitlines(), code.splitlines()))
    st.html(f'{_CODE_STYLE}<div class="source"><pre>{lines}</pre></div>')


def _hanging(plain: str, line: str) -> str:
    """A line of code, as HTML; what is too long for its column goes on below, further to the right."""
    indent = len(plain) - len(plain.lstrip()) + 4
    return f'<span class="line" style="--in: {indent}ch">{line or " "}</span>'


def _text(piece: Any) -> str:
    """The source of a function or class, or of a module's variable, given as (module, name)."""
    if not isinstance(piece, tuple):
        return listed(piece).text
    module, name = piece
    whole = inspect.getsource(module)
    for node in ast.parse(whole).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return unmarked("\n".join(whole.splitlines()[node.lineno - 1 : node.end_lineno]))
    raise LookupError(f"{module.__name__} has no {name}")


_CODE_STYLE = """<style>
.source pre { font-family: "Source Code Pro", monospace; font-size: 0.8rem; line-height: 1.5; margin: 0;
  padding: 0.8rem; border-radius: 0.5rem; background: rgb(128 128 128 / 10%); white-space: pre-wrap;
  overflow-wrap: anywhere }
.source .line { display: block; padding-left: var(--in); text-indent: calc(-1 * var(--in)) }
.source .k, .source .kn, .source .ow { color: color-mix(in srgb, #2a7fb8 60%, currentColor) }
.source .nf, .source .nc { font-weight: 600 }
.source .s2, .source .sd, .source .s1 { color: color-mix(in srgb, #1d8a5f 60%, currentColor) }
.source .c1 { opacity: 0.7; font-style: italic }
</style>"""
