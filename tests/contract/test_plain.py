"""What others have written reaches no markdown as markdown, and links hold behind a path of a proxy."""

import ast
import html
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from engine.config import Refused
from lab.kit.plain import complain, link, plain

ROOT = Path(__file__).parents[2]
SEEN = [
    *(ROOT / "pages").glob("*.py"),
    *(ROOT / "lab/kit").glob("*.py"),
    *(ROOT / "lab").glob("*/*_tab.py"),
    *(ROOT / "lab").glob("*/words.py"),
    ROOT / "lab/home.py",
]
NASTY = [
    "![x](http://evil.example/a.png)",
    "[x](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "![][a]\n\n[a]: http://e",
    "**bold** _it_ ~~x~~ `code`",
    "# title",
    "- list",
    "1. list",
    "12) list",
    "> quote",
    "a | b\n--- | ---\n1 | 2",
    "$x^2$",
    ":red[x]",
    ":material/home:",
    ":smile:",
    "&lt;b&gt; &#60;",
    "http://evil.example",
    "www.evil.example",
    "WWW.evil.example",
    "me@evil.example",
    "\\![x](y)",
    "a\\",
    "``` x",
    "    code",
    "***",
    "+ x",
    "__x__",
    "<https://evil.example>",
    "[^1]",
    "https://evil.example/![x](y)",
    "lr_D is '7'",
    "a_b_c",
    "\u202e",
    "ftp://evil.example",
    "mailto:me@evil.example",
]
READER = MarkdownIt("gfm-like", {"linkify": False}).disable("smartquotes")


def shown(text: str) -> str:
    """What an independent reader of markdown shows of it, as HTML."""
    return READER.render(plain(text)).strip()


def letters(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("text", NASTY)
def test_text_of_others_is_shown_letter_by_letter(text):
    out = shown(text)
    assert re.fullmatch(r"<p>[^<]*</p>", out, re.DOTALL), out
    assert html.unescape(out[3:-4]).replace("\u2060", "") == letters(text)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab1 \t\n![]()<>{}*_`~#|$:&;\\\"'.+-=@/^?,é"), max_size=30))
def test_no_mix_of_signs_has_a_meaning(text):
    out = shown(text)
    if letters(text):
        assert re.fullmatch(r"<p>[^<]*</p>", out, re.DOTALL), (text, out)
        assert html.unescape(out[3:-4]).replace("\u2060", "") == letters(text)


@pytest.mark.parametrize(
    "text", [":red[x]", ":material/home:", ":smile:", "a:b", "x :green-badge[y]", "http://e", "$x$", "$$x$$"]
)
def test_signs_that_only_this_page_knows_are_taken_apart(text):
    """Colours, icons and formulas are Streamlit's own; a reader that knows them must find none."""
    told = plain(text)
    assert not re.search(r"(?<!\\)\$", told)
    assert not re.search(r":(?=[\w/])", told)
    assert not re.search(r"(?<!\\):(?=\S)", told.replace("\u2060", ""))


@pytest.mark.parametrize(
    "text", ["http://e.example", "https://e.example", "www.e.example", "me@e.example", "FTP://e"]
)
def test_an_address_is_no_link(text):
    told = plain(text)
    assert not re.search(r"://|www\.|\w@\w", told, re.IGNORECASE)
    assert told.replace("\\", "").replace("\u2060", "") == text


def test_a_sentence_without_signs_stays_as_it_is():
    sentence = "lr_D (learning rate of D) is '7'; it must be in 1e-05, 1."
    assert plain(sentence) == sentence
    assert (
        plain("Line 3 holds 'two': a number should be there.")
        == "Line 3 holds 'two': a number should be there."
    )


def test_a_complaint_is_shown_as_plain_text_where_it_is_asked_for():
    said = []
    place = type("Place", (), {"error": lambda self, text: said.append(text)})()
    complain(Refused("There is no data called '![x](y)'."), place)
    assert said == ["There is no data called '\\!\\[x\\](y)'."]


def calls(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node, node.func.attr


SAYS = {
    "error",
    "warning",
    "info",
    "success",
    "markdown",
    "caption",
    "write",
    "toast",
    "title",
    "header",
    "subheader",
    "text",
}


def test_only_one_place_says_what_is_wrong():
    assert [path.name for path in SEEN for _, name in calls(path) if name == "error"] == ["plain.py"]


# of the address, of run.json
OTHERS = {"query_params", "family", "data", "why"}


def unguarded(node: ast.AST, caught: set[str | None]):
    """What others have written in an expression, outside of `plain` and `link`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("plain", "link"):
        return
    of_run = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "info"
    if isinstance(node, ast.Name) and node.id in caught:
        yield node.id
    if isinstance(node, ast.Attribute) and (of_run or node.attr == "query_params") and node.attr in OTHERS:
        yield ast.unparse(node)
    for child in ast.iter_child_nodes(node):
        yield from unguarded(child, caught)


@pytest.mark.parametrize("path", SEEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_refusal_and_no_address_reaches_markdown_as_it_is(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    caught = {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)}
    for node, name in calls(path):
        if name in SAYS:
            assert [one for argument in node.args for one in unguarded(argument, caught)] == []


@pytest.mark.parametrize("path", SEEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_in_a_text_starts_at_the_root(path):
    text = path.read_text(encoding="utf-8")
    assert "](/" not in text
    assert not re.search(r"""href=["']/""", text)
    for node, name in calls(path):
        if (
            name in ("link_button", "page_link")
            and len(node.args) > 1
            and isinstance(node.args[1], ast.Constant)
        ):
            assert not node.args[1].value.startswith("/")


def test_a_link_is_relative_unless_it_leads_elsewhere():
    assert link("/gan?k=2") == "./gan?k=2"
    assert link("/") == "./"
    assert link("https://arxiv.org/abs/1") == "https://arxiv.org/abs/1"
