"""`python -m engine.brought KIND [NAME]`: reads a file from standard input, writes its array to the output.

It may take only so much time and memory. It ends with 0 and an array (.npy), or with 3 and a sentence.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from engine.brought.drawn import read_digit
from engine.brought.images import read_images
from engine.brought.photo import read_photo
from engine.brought.sound import read_sound
from engine.brought.table import read_csv
from engine.config import Refused

CPU_SECONDS, MEMORY, OUTPUT = 30, 2_000_000_000, 100_000_000  # bytes
REFUSED = 3
KINDS: dict[str, Callable[[bytes], np.ndarray]] = {
    "table": read_csv, "images": read_images, "photo": read_photo, "sound": read_sound,
    "digit": lambda content: read_digit("".join(sys.argv[2:]) or "The file", content),
}  # fmt: skip


def bound() -> None:
    """Take no more than one file needs, where the system can see to that."""
    try:
        import resource
    except ImportError:  # Windows: there is the limit of time alone, in the process that waits
        return
    for what, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, OUTPUT),
        (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        with suppress(ValueError, OSError):  # not every system knows each
            resource.setrlimit(what, (most, most))
    os.nice(10)


def main() -> None:
    """Read one file."""
    bound()
    try:
        array = KINDS[sys.argv[1]](sys.stdin.buffer.read())
    except Refused as refusal:
        sys.stdout.buffer.write(str(refusal).encode())
        sys.exit(REFUSED)
    np.save(sys.stdout.buffer, array, allow_pickle=False)


if __name__ == "__main__":
    main()
