"""Model families, one file each. They are found, not registered: adding a family is adding a file."""

from __future__ import annotations

from functools import cache

from engine.config import Refused
from engine.dispatch import YOURS, kind_of, load, names
from engine.family import Family

ROLES = ("checks", "symptoms", "measures", "scene", "probe", "words", "tab")
"""Last words of the names of modules that define no family."""


@cache
def families() -> dict[str, type[Family]]:
    """The families of the engine's folders and of GENLAB_FAMILIES by name, in alphabetical order. A file that
    cannot be imported fails loudly, and so does a file of GENLAB_FAMILIES that defines no family."""
    by_name: dict[str, type[Family]] = {}
    for package in ("engine", YOURS):
        for name in names(package):
            if kind_of(name) in ROLES or (package == "engine" and name.count(".") < 2):
                continue
            module = load(name)
            here = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Family)]
            here = [c for c in here if c.__module__ == module.__name__ and "name" in vars(c)]
            if not here and package == YOURS and name.count(".") == 1:
                raise TypeError(f"{module.__file__} defines no Family; put helpers into a folder beside it")
            for family in here:
                if by_name.setdefault(family.name, family) is not family:
                    raise TypeError(
                        f"two families are named {family.name!r}: rename that of {module.__file__}"
                    )
                family.Config.knobs()  # a bad declaration fails here, not on a page
    return dict(sorted(by_name.items()))


def find(name: str) -> type[Family]:
    """The family of that name. Raises `Refused`, with the names that exist."""
    if name not in families():
        raise Refused(f"There is no model family {name!r}; choose from {', '.join(families())}.")
    return families()[name]
