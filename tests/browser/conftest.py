"""Headless Chromium. Skipped where there is none, unless GENLAB_BROWSER=required."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.browser.modules import Modules
from tests.browser.visiting import CALM, Visitor
from tests.serving import Lab

CHROMIUM = Path("/usr/bin/chromium")
SHELL = Path("/usr/bin/chromium-headless-shell")  # the same without a window: it opens pages in less time


EVERY_DAY = (
    "student",
    "strangers",
    "address",
    "proxy",
    "gan_page",
    "every_room",
    "one_screen",
    "map",
    "modules",
)
"""What a student meets first. Of the tests of what stands in one room alone, a part runs each day."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if (
            item.path.parent == Path(__file__).parent
            and item.path.stem.removeprefix("test_") not in EVERY_DAY
        ):
            item.add_marker("exhaustive")


def need_chromium() -> None:
    if not CHROMIUM.exists():
        how = pytest.fail if os.environ.get("GENLAB_BROWSER") == "required" else pytest.skip
        how(f"There is no {CHROMIUM}.")


def launch(playwright: Playwright, *options: str) -> Browser:
    """A browser, which the caller closes."""
    need_chromium()
    path = str(SHELL if SHELL.exists() else CHROMIUM)
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *options])


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def modules(chromium: Browser) -> Iterator[Modules]:
    """Runs JavaScript beside modules: `modules("core/numbers.js", "return short(args[0])", 0.1)`."""
    blank = Modules(chromium)
    yield blank
    blank.close()


@pytest.fixture(scope="module")
def left() -> dict[str, list[BrowserContext]]:
    """Browsers that somebody has left, by their options: they open a page in two thirds of the time."""
    return {}


@pytest.fixture
def visitor(
    chromium: Browser, lab: Lab, left: dict[str, list[BrowserContext]]
) -> Iterator[Callable[..., Visitor]]:
    """Makes browsers, each a person of its own, who asks for less motion unless a test says MOVING. At the
    end nothing may have gone wrong in any."""
    visitors: list[tuple[Visitor, list[BrowserContext]]] = []

    def come(**options: object) -> Visitor:
        like = left.setdefault(repr(sorted(options.items())), [])
        one = Visitor(chromium, lab, like.pop() if like else None, **CALM | options)
        visitors.append((one, like))
        return one

    yield come
    for one, like in visitors:
        one.forget()
        like.append(one.browser)
    assert [trouble for one, _ in visitors for trouble in one.troubles] == []
