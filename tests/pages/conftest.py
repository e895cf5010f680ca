"""Pages opened without a browser, each test file with a home of its own."""

import pytest
import streamlit as st
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.pages.test_pages import HOME, works


@pytest.fixture(autouse=True)
def nobodys(monkeypatch):
    """AppTest has no cookies, and makes some up."""
    monkeypatch.setattr(ContextProxy, "cookies", {})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One home for all tests of a file: the worker keeps the one it was started with."""
    return tmp_path_factory.mktemp("pages") / "runs"


@pytest.fixture
def visit(settled, home, monkeypatch):
    """Opens a page as a visitor, as if his browser had sent its cookie; AppTest has none to send."""
    monkeypatch.setenv("GENLAB_HOME", str(home))
    monkeypatch.setattr(
        ContextProxy, "cookies", property(lambda self: {"genlab": st.session_state["visitor"]})
    )

    def visit(name: str, visitor: str = "ann", **query: str) -> AppTest:
        page = AppTest.from_file(HOME, default_timeout=300)
        page.session_state["visitor"] = visitor
        page.query_params.update(query)
        page._page_hash = calc_hash(name)  # `switch_page` knows only pages that are files
        return works(page.run())

    return visit
