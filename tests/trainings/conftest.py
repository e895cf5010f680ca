"""Every case declares how many seconds of the processor it may take, and trains as a run of the lab does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine.device import prepare


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            assert item.get_closest_marker("budget"), f"{item.name}: declare its pytest.mark.budget(seconds)"
            item.add_marker("exhaustive")
            item.add_marker(pytest.mark.timeout(3600))  # of the wall's clock; what counts is the budget


@pytest.fixture(autouse=True)
def as_in_a_run() -> Iterator[None]:
    prepare(1)
    yield
    torch.set_flush_denormal(False)
