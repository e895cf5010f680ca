"""Every test has a home of its own, one thread and a fixed seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.serving import Lab, start_lab, stop_lab


@pytest.fixture(autouse=True)
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENLAB_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("GENLAB_DEVICE", "cpu")
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def double() -> Iterator[None]:
    """Laws are checked in float64, where a discrepancy is an error and not a rounding."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for all tests that only look at it from outside."""
    lab = start_lab(tmp_path_factory.mktemp("lab") / "runs")
    yield lab
    stop_lab(lab)
