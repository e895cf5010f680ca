"""Model families, one file each. They are found, not registered: adding a family is adding a file."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from functools import cache
from pathlib import Path

from engine.config import Refused
from engine.family import Family

if more := os.environ.get("GENLAB_FAMILIES"):  # a teacher's own folder of families
    __path__ += [str(Path(folder).resolve()) for folder in more.split(os.pathsep) if folder]


@cache
def families() -> dict[str, type[Family]]:
    """Every family by name, in alphabetical order. A file that does not import fails loudly."""
    found: dict[str, type[Family]] = {}
    for file in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        module = importlib.import_module(f"{__name__}.{file}")
        here = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Family)]
        here = [c for c in here if c.__module__ == module.__name__]
        if not here:
            raise TypeError(f"{module.__file__} defines no Family; move helpers to engine/nets.py")
        for family in here:
            if family.name in found:
                raise TypeError(f"two families are named {family.name!r}: rename one of them")
            found[family.name] = family
    return found


def find(name: str) -> type[Family]:
    """The family of that name. Raises `Refused` with the names there are."""
    if name not in families():
        raise Refused(f"There is no model family {name!r}; choose from {', '.join(families())}.")
    return families()[name]


def source_file(family: type[Family]) -> Path:
    return Path(str(sys.modules[family.__module__].__file__))
