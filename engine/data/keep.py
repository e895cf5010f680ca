"""Users' data on disk: safetensors named by their content, written completely or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

from engine.config import Refused

HOME = "GENLAB_HOME"  # the variable


def home_of(home: Path | None) -> Path:
    """`home`, or where $GENLAB_HOME says, or "runs" if that is empty. Nobody else reads the variable."""
    return Path(home or os.environ.get(HOME, "").strip() or "runs").expanduser()


def keep(kind: str, arrays: dict[str, np.ndarray], home: Path | None) -> str:
    """Store arrays under home/data and return their name, kind-<12 hex digits of the content>."""
    content = save({key: np.ascontiguousarray(array) for key, array in arrays.items()})
    name = f"{kind}-{_digest(content)}"
    path = home_of(home) / "data" / f"{name}.safetensors"
    if path.exists() and path.read_bytes() == content:  # otherwise it is damaged, and written again
        return name
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    return name


def kept(name: str, home: Path) -> dict[str, np.ndarray]:
    """The arrays stored under `name`, whose form the caller has checked. Raises `Refused`."""
    try:
        content = (Path(home) / "data" / f"{name}.safetensors").read_bytes()
    except FileNotFoundError:
        raise Refused(f"The data {name} are not on this machine; bring them again.") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Refused(f"The stored data {name} cannot be read: {why}.") from error
    if name.rpartition("-")[2] != _digest(content):
        raise Refused(f"The stored data {name} are damaged; bring them again.")
    return load(content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
