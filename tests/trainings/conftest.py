"""Every case declares how many seconds of the processor it may take, and trains as a run of the lab does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from engine.device import prepare


@pytest.fixture(autouse=True)
def as_in_a_run(request: pytest.FixtureRequest) -> Iterator[None]:
    assert request.node.get_closest_marker("budget"), (
        "a training declares its budget: pytest.mark.budget(seconds)"
    )
    prepare(1)
    yield
    torch.set_flush_denormal(False)
