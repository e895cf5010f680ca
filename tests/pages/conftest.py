"""Pages opened without a browser, each test file with a home of its own."""

import pytest
import streamlit as st
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from lab.runs.supervisor import supervisor
from tests.pages.test_pages import HOME, works


@pytest.fixture(scope="module")
def own_home(tmp_path_factory):
    yield tmp_path_factory.mktemp("pages") / "runs"
    supervisor().close()
    supervisor.cache_clear()


@pytest.fixture
def open_page(settled, own_home, monkeypatch):
    """Opens the page of this name for a visitor, as a link with this query does."""
    monkeypatch.setenv("GENLAB_HOME", str(own_home))
    monkeypatch.setattr(
        ContextProxy, "cookies", property(lambda self: {"genlab": st.session_state["visitor"]})
    )

    def open_page(name: str, visitor: str = "ann", **query: str) -> AppTest:
        page = AppTest.from_file(HOME, default_timeout=60)
        page.session_state["visitor"] = visitor
        page.query_params.update(query)
        page._page_hash = calc_hash(name)
        return works(page.run())

    return open_page
