"""Every test has a home of its own, one thread and a fixed seed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from zlib import crc32

import pytest
import torch

from lab.runs import placing
from lab.runs.supervisor import Supervisor, supervisor
from tests.serving import Lab, start_lab, stop_lab


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """GENLAB_PART=1/3 takes the second third of the tests that are `exhaustive`, and all others."""
    part, _, parts = (os.environ.get("GENLAB_PART") or "0/1").partition("/")
    left_out = [
        item
        for item in items
        if item.get_closest_marker("exhaustive") and crc32(item.nodeid.encode()) % int(parts) != int(part)
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in {*left_out}]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A case with a budget tells how many seconds of the processor it took, and fails beyond three times as
    many. Other seconds are nobody's fault."""
    start = time.process_time()
    yield
    if budget := item.get_closest_marker("budget"):
        took, allowed = time.process_time() - start, float(budget.args[0])
        item.user_properties.append(("budget", [took, allowed]))
        assert took <= 3 * allowed, f"took {took:.0f} s of the processor; its budget is {allowed:g} s"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    done = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    told = [
        pair for one in done if one.when == "call" for name, pair in one.user_properties if name == "budget"
    ]
    if told:
        took, allowed = (sum(column) for column in zip(*told, strict=True))
        terminalreporter.write_line(
            f"{len(told)} trainings took {took:.0f} s of the processor; their budgets are {allowed:.0f} s"
        )


@pytest.fixture(scope="module", autouse=True)
def supervisor_of_the_file() -> Iterator[None]:
    """The process's supervisor lives as long as a test file: its workers keep the home they began with."""
    yield
    if supervisor.cache_info().currsize:
        supervisor().close()
        supervisor.cache_clear()


@pytest.fixture(autouse=True)
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENLAB_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("GENLAB_DEVICE", "cpu")
    monkeypatch.setattr(placing, "ANSWER_SECONDS", 300.0)  # a worker takes long to start on a busy machine
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


@pytest.fixture
def start() -> Callable[..., Lab]:
    """Starts another lab."""
    return start_lab


@pytest.fixture
def supervised() -> Iterator[Supervisor]:
    """A supervisor in this process, with workers of its own."""
    supervisor = Supervisor()
    yield supervisor
    supervisor.close()
