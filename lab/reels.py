"""The route `/reel/{run}`: small pictures of a run for a card (lab/runs/reel.py); `?most=1` only the last."""

from __future__ import annotations

import gzip

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.config import Refused
from lab.runs import reel, store


def serve(request: Request) -> Response:
    """In a thread of its own, because the first request for a reel reads pictures."""
    most = request.query_params.get("most", "")
    try:
        at = store.folder(request.path_params["run"])
        film = reel.reel(at, 1 if most == "1" else reel.FRAMES)
    except (Refused, OSError) as error:
        # a card without a picture is no error of the page: the browser's console stays empty
        return PlainTextResponse(str(error), 204, headers={"cache-control": "no-store"})
    headers = {"cache-control": "private, max-age=30", "vary": "accept-encoding"}
    kind = "application/octet-stream"
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(film, media_type=kind, headers=headers)
    packed = gzip.compress(film, 4, mtime=0)
    return Response(packed, media_type=kind, headers=headers | {"content-encoding": "gzip"})


ROUTE = Route("/reel/{run}", serve)
