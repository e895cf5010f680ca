"""No bench rots: each that lies here runs through in its quick form, and prints numbers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.conftest import need_chromium

ROOT = Path(__file__).parents[2]
BENCHES = sorted(Path(__file__).parent.glob("bench_*.py"))


def marks(bench: Path) -> list[pytest.MarkDecorator]:
    """That of a class runs each time, the others in turn."""
    in_a_browser = "playwright" in bench.read_text(encoding="utf-8")
    often = bench.stem == "bench_class"
    return [pytest.mark.browser] * in_a_browser + [pytest.mark.exhaustive] * (not often)


@pytest.mark.parametrize(
    "bench", [pytest.param(bench, marks=marks(bench), id=bench.stem) for bench in BENCHES]
)
def test_a_bench_runs_through_in_its_quick_form(bench, request):
    if request.node.get_closest_marker("browser"):
        need_chromium()
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{bench.stem}", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.findall(r"\d[.,]\d", done.stdout)
    assert len(told) >= 3 or "Ray is not installed" in done.stdout, done.stdout
