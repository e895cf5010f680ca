"""Discovery by declared type: the annotation of a function's first argument says which models it serves.

The last word of a module's name says what its functions are for: `checks`, `symptoms` and `measures` in the
engine; `gan_scene`, `layers_probe`, `words` in the lab. Modules are found in the folders of a package, one
folder a subject, and in the folders that GENLAB_FAMILIES names. Nothing is registered, and a module that
cannot be imported fails loudly, by name.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

from engine.config import Refused

YOURS = "yours"
"""The package in which Python finds the folders of GENLAB_FAMILIES."""


def folders() -> list[Path]:
    """The folders that GENLAB_FAMILIES names. Raises `Refused` if one is missing, or if two hold files of
    the same name, because Python sees only one of them."""
    named = [Path(word).resolve() for word in os.environ.get("GENLAB_FAMILIES", "").split(os.pathsep) if word]
    if missing := [folder for folder in named if not folder.is_dir()]:
        raise Refused(f"GENLAB_FAMILIES names {missing[0]}, which is not a folder.")
    files = [file.name for folder in dict.fromkeys(named) for file in folder.glob("*.py")]
    if twice := [name for name in files if files.count(name) > 1]:
        raise Refused(f"two files in GENLAB_FAMILIES are named {twice[0]}; rename one.")
    return named


def load(name: str) -> ModuleType:
    """The module of that name. An error while it is imported names its file."""
    try:
        return importlib.import_module(name)
    except Exception as error:
        spec = importlib.util.find_spec(name)
        error.add_note(f"{spec.origin if spec else name} does not import.")
        raise


def names(package: str) -> list[str]:
    """The modules of a package and of its folders, one level deep; YOURS has those in GENLAB_FAMILIES."""
    if package == YOURS:
        sys.modules.setdefault(YOURS, ModuleType(YOURS)).__path__ = [str(folder) for folder in folders()]
    places = {package: [*importlib.import_module(package).__path__]}
    for place in map(Path, places[package]):
        for inner in sorted(place.iterdir()):
            if inner.is_dir() and inner.name.isidentifier() and any(inner.glob("*.py")):
                places.setdefault(f"{package}.{inner.name}", []).append(str(inner))
    entries = [(name, m) for name, paths in places.items() for m in pkgutil.iter_modules(paths)]
    return sorted(f"{name}.{m.name}" for name, m in entries if not m.ispkg)


def kind_of(name: str) -> str:
    """The last word of a module's name."""
    return name.rpartition(".")[2].rpartition("_")[2]


@cache
def modules(kind: str, package: str) -> tuple[ModuleType, ...]:
    """The modules of this kind in a package and in the folders of GENLAB_FAMILIES."""
    return tuple(load(name) for place in (package, YOURS) for name in names(place) if kind_of(name) == kind)


def serving(kind: str, package: str, name: str, model: type) -> list[Callable[..., Any]]:
    """The functions of this name that serve models of this type; the one for the nearest type comes first."""
    known = _functions(kind, package, name)
    return [known[base] for base in model.__mro__ if base in known]


@cache
def _functions(kind: str, package: str, name: str) -> dict[type, Callable[..., Any]]:
    """The functions of this name by the type that they serve. Raises TypeError if two serve the same."""
    by_type: dict[type, Callable[..., Any]] = {}
    for module in modules(kind, package):
        function = vars(module).get(name)
        if not inspect.isfunction(function) or function.__module__ != module.__name__:
            continue
        served = _served(function)
        other = by_type.setdefault(served, function).__module__
        if other != module.__name__:
            raise TypeError(f"{other} and {module.__name__} both have a {name} for {served.__name__}")
    return by_type


def _served(function: Callable[..., Any]) -> type:
    """The type that a function serves: Flow if its first argument is `model: Flow` or `f: type[Flow]`."""
    first = next(iter(inspect.signature(function).parameters), "")
    hint = get_type_hints(function).get(first)
    if get_origin(hint) is type:
        (hint,) = get_args(hint)
    if not isinstance(hint, type):
        where = f"{function.__module__}.{function.__name__}"
        raise TypeError(f"{where} must say which models it serves: annotate its first argument with a family")
    return hint
