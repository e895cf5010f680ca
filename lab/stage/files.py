"""The stage's scripts and style sheets: their route, and the components that are made of them.

They lie in `js/` as ES modules and are served from memory under `/stage/<version>/`. A browser keeps them for
good, because other contents have another version.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import posixpath
import re
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

MOUNT = "core/mount.js"  # imports a component's module and its sheets
_IMPORT = re.compile(r'^(?:import|export)\b[^"\n]* from "([^"]+)";$', re.MULTILINE)
TYPES = {"js": "text/javascript", "css": "text/css"}
KEEP = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
SCRIPTS = Path(__file__).with_name("js")
FILES = {
    file.relative_to(SCRIPTS).as_posix(): file.read_bytes()
    for file in sorted(SCRIPTS.rglob("*"))
    if file.suffix in (".js", ".css")
}
"""All scripts and style sheets, by their paths in `js/`."""
VERSION = hashlib.sha256(repr(FILES).encode()).hexdigest()[:16]


def address(path: str) -> str:
    """Where the server has a file of the stage. Pages put a dot before: a proxy may have a path there."""
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
    """A Streamlit component: the default class of a module in style sheets. Streamlit sends two lines."""
    given = ", ".join(json.dumps(path) for path in (module, *sheets))
    where = f'new URL(".{address(MOUNT)}", document.baseURI).href'  # all pages lie beside one another
    script = f"const {{ open }} = await import({where});\n"
    return st.components.v2.component(name, js=f"{script}export default await open({given});\n")


def preload(module: str, *sheets: str) -> str:
    """Tags for the head of a page that let a browser fetch a component before Streamlit asks for it."""
    scripts = [f'<link rel="modulepreload" href=".{address(one)}">' for one in needed(MOUNT, module)]
    # a preload that is used late, or not on this page, would be a warning in the console; a prefetch is not
    return "".join([*scripts, *(f'<link rel="prefetch" href=".{address(sheet)}">' for sheet in sheets)])


def script(module: str) -> str:
    """A tag that runs a module on a page."""
    return f'<script type="module" src=".{address(module)}"></script>'


async def serve(request: Request) -> Response:
    """`/stage/{version}/{path}`. A page of before an upgrade finds nothing here, and is told so by a 404."""
    path = request.path_params["path"]
    if request.path_params["version"] != VERSION or path not in FILES:
        return PlainTextResponse("Reload the page.", 404, headers={"cache-control": "no-store"})
    kind = TYPES[path.rpartition(".")[2]]
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(_packed(path), media_type=kind, headers=KEEP | {"content-encoding": "gzip"})
    return Response(FILES[path], media_type=kind, headers=KEEP)


@cache
def _packed(path: str) -> bytes:
    return gzip.compress(FILES[path], 9, mtime=0)


ROUTE = Route("/stage/{version}/{path:path}", serve)
