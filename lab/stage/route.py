"""The route that serves the stage's scripts and style sheets, from memory, for good."""

from __future__ import annotations

import gzip

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lab.stage.files import FILES, VERSION, preload
from lab.stage.stage import STAGE

TYPES = {"js": "text/javascript", "css": "text/css"}
KEEP = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
HEAD = preload(*STAGE)  # for the head of every page
_PACKED = {path: gzip.compress(content, 9, mtime=0) for path, content in FILES.items()}


async def serve(request: Request) -> Response:
    """`/stage/{version}/{path}`. A page of before an upgrade finds nothing here, and is told so by a 404."""
    path = request.path_params["path"]
    if request.path_params["version"] != VERSION or path not in FILES:
        return PlainTextResponse("Reload the page.", 404, headers={"cache-control": "no-store"})
    kind = TYPES[path.rpartition(".")[2]]
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(_PACKED[path], media_type=kind, headers=KEEP | {"content-encoding": "gzip"})
    return Response(FILES[path], media_type=kind, headers=KEEP)


ROUTE = Route("/stage/{version}/{path:path}", serve)
