"""Files that visitors bring are read in a process of their own: one that hangs or swells hurts nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading

import numpy as np

from engine.brought.__main__ import OUTPUT, REFUSED
from engine.config import Refused

SECONDS = 60.0  # for one file
WAITING = 30.0  # seconds, for the files of others
READERS = threading.BoundedSemaphore(2)


def decode(kind: str, content: bytes, name: str = "") -> np.ndarray:
    """The array in a file of this kind and name (engine/brought). Raises `Refused`."""
    if not READERS.acquire(timeout=WAITING):
        raise Refused("Many files are being read at this moment. Wait a little, then bring yours again.")
    try:
        return _decode(kind, content, name)
    finally:
        READERS.release()


def _decode(kind: str, content: bytes, name: str) -> np.ndarray:
    sayable = "".join(letter for letter in name[-60:] if letter.isprintable())
    command = [sys.executable, "-m", "engine.brought", kind, sayable]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # each thread would count as memory
    with tempfile.TemporaryFile() as answer:
        try:
            ended = subprocess.run(
                command, input=content, stdout=answer, stderr=subprocess.DEVNULL, env=environment,
                timeout=SECONDS, check=False,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Refused("To read this file takes too long. Bring fewer or smaller pictures.") from None
        except OSError as error:
            raise Refused(f"The file cannot be read at this moment: {error.strerror}.") from error
        answer.seek(0)
        if ended == REFUSED:
            raise Refused(answer.read(2000).decode(errors="replace"))
        try:
            if ended or answer.seek(0, os.SEEK_END) > OUTPUT:
                raise ValueError
            answer.seek(0)
            array: np.ndarray = np.load(answer, allow_pickle=False)
        except (ValueError, EOFError, OSError, MemoryError):
            raise Refused("To read this file takes too much time or memory. Bring a smaller one.") from None
        return array
