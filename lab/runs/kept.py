"""Where a run directory keeps its states and pictures, and of which rounds (lab/runs/store.py)."""

from __future__ import annotations

from pathlib import Path

from lab.runs import files


def weights(at: Path, round: int | None = None) -> Path:
    """Where a recording keeps the weights of its model: those of its end, or of a kept round."""
    kept = "weights" if round is None else f"keyframes/{round:08d}.weights"
    return at / f"{kept}.safetensors"


def checkpoint(at: Path) -> Path:
    return at / "checkpoint.safetensors"


def keyframe(at: Path, round: int, state: bool = False) -> Path:
    return at / "keyframes" / f"{round:08d}{'.state' if state else ''}.safetensors"


def keyframes(at: Path) -> list[int]:
    """Rounds that have a picture, in order."""
    return _rounds(at, "????????.safetensors")


def states(at: Path) -> list[int]:
    """Rounds that have stored weights, in order."""
    return _rounds(at, "????????.state.safetensors")


def weighed(at: Path) -> list[int]:
    """Rounds before its end whose weights a recording keeps, in order."""
    return _rounds(at, "????????.weights.safetensors")


def _rounds(at: Path, pattern: str) -> list[int]:
    names = [f.name[:8] for f in (at / "keyframes").glob(pattern) if files.is_file(f)]
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal())
