"""Model families, one file each. They are found, not registered: adding a family is adding a file."""

from __future__ import annotations

import importlib
import os
import pkgutil
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
    if missing := [folder for folder in __path__ if not Path(folder).is_dir()]:
        raise Refused(f"GENLAB_FAMILIES names {missing[0]}, which is not a folder.")
    files = [m.name for folder in __path__ for m in pkgutil.iter_modules([folder])]
    if twice := {file for file in files if files.count(file) > 1}:
        raise TypeError(f"two family files are named {twice.pop()}.py: rename the one in GENLAB_FAMILIES")
    for file in sorted(files):
        try:
            module = importlib.import_module(f"{__name__}.{file}")
        except Exception as error:
            error.add_note(f"The model family in {file}.py does not import.")
            raise
        here = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Family)]
        here = [c for c in here if c.__module__ == module.__name__]
        if not here:
            raise TypeError(f"{module.__file__} defines no Family; move helpers to engine/nets.py")
        for family in here:
            if family.name in found:
                raise TypeError(f"two families are named {family.name!r}: rename that of {module.__file__}")
            family.Config.knobs()  # a badly declared one fails here, not on a page
            found[family.name] = family
    return found


def find(name: str) -> type[Family]:
    """The family of that name. Raises `Refused` with the names there are."""
    if name not in families():
        raise Refused(f"There is no model family {name!r}; choose from {', '.join(families())}.")
    return families()[name]
