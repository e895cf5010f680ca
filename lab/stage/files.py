"""The stage's scripts and style sheets: their addresses, and the components that are made of them.

They lie in `js/` as ES modules, and `route` serves them under `/stage/<version>/`. A browser keeps them for
good, because other contents have another version.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from pathlib import Path
from typing import Any

import streamlit as st

MOUNT = "core/mount.js"  # imports a component's module and its sheets
_IMPORT = re.compile(r'^(?:import|export)\b[^"\n]* from "([^"]+)";$', re.MULTILINE)


SCRIPTS = Path(__file__).with_name("js")
FILES = {
    file.relative_to(SCRIPTS).as_posix(): file.read_bytes()
    for file in sorted(SCRIPTS.rglob("*"))
    if file.suffix in (".js", ".css")
}
"""All scripts and style sheets, by their paths in `js/`."""
VERSION = hashlib.sha256(repr(FILES).encode()).hexdigest()[:16]


def address(path: str) -> str:
    """Where the server has a file of the stage."""
    return f"/stage/{VERSION}/{path}"


def imported(module: str) -> list[str]:
    """The modules that a module names in its imports."""
    folder = posixpath.dirname(module)
    names = _IMPORT.findall(FILES[module].decode())
    return [posixpath.normpath(posixpath.join(folder, name)) for name in names]


def needed(*modules: str) -> list[str]:
    """These modules and all that they import, each once, in the order in which a browser would find them."""
    paths = list(dict.fromkeys(modules))
    for module in paths:  # which grows meanwhile
        paths += [one for one in dict.fromkeys(imported(module)) if one not in paths]
    return paths


def component(name: str, module: str, *sheets: str) -> Any:
    """A Streamlit component: the default class of a module, dressed in style sheets, of which Streamlit sends
    two lines."""
    given = ", ".join(json.dumps(path) for path in (module, *sheets))
    script = f'const {{ open }} = await import(location.origin + "{address(MOUNT)}");\n'
    return st.components.v2.component(name, js=f"{script}export default await open({given});\n")


def preload(module: str, *sheets: str) -> str:
    """Tags for the head of a page that let a browser fetch a component before Streamlit asks for it."""
    scripts = [f'<link rel="modulepreload" href="{address(one)}">' for one in needed(MOUNT, module)]
    # a preload that is used late, or not on this page, would be a warning in the console; a prefetch is not
    return "".join([*scripts, *(f'<link rel="prefetch" href="{address(sheet)}">' for sheet in sheets)])
