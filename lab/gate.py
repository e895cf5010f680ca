"""The gate in front of every route: who is let in, under which path, and with which security headers."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from html import escape
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.door import PORTS, Door, forwarded, named

PASS = "`proxy_set_header Host $http_host;`"
READING = {"GET", "HEAD", "OPTIONS"}
Admit = Callable[[Scope, Receive], Awaitable[Response | None]]
"""Says who may go in: None for whoever may."""
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class Gate:
    """Turns strangers away with a sentence, takes the path of a proxy off, and writes for the routes behind
    it the Host that the browser sees, so that they agree on who is of one origin."""

    def __init__(self, app: ASGIApp, door: Door, page: str = "", admit: Admit | None = None) -> None:
        """`page` is the HTML whose inline scripts may run. `admit` has the last word on who goes in."""
        self.app, self.door, self.admit = app, door, admit
        self.policy = policy(page, door.frames)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        request = HTTPConnection(scope)
        told = forwarded(request.headers) if self.door.proxy else {}
        host, origin = told.get("host") or request.headers.get("host"), request.headers.get("origin")
        known = self.door.knows(host)

        async def guarded(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                self._guard(headers, host if known else None)
                if scope["scheme"] in ("https", "wss"):  # elsewhere browsers complain of it, and ignore it
                    headers["cross-origin-opener-policy"] = "same-origin"
            await send(message)

        answer: Response | None = None
        if not known:
            answer = refusal(request, *stranger(host, self.door))
        elif self._changes(scope) and not self.door.trusts(origin, host):
            answer = refusal(request, *foreign(origin, host))
        elif bare := self._strip(scope, told.get("prefix", "")):
            answer = bare
        else:
            self._rewrite(scope, told, host, origin)
            answer = await self.admit(scope, receive) if self.admit else None
        if answer and scope["type"] == "websocket":
            if "websocket.http.response" not in scope.get("extensions", {}):
                return await send({"type": "websocket.close", "code": 4403})
            await receive()  # the request to connect
        if answer:
            return await answer(scope, receive, guarded)
        return await self.app(scope, receive, guarded)

    def _changes(self, scope: Scope) -> bool:
        return scope["type"] == "websocket" or scope["method"] not in READING

    def _strip(self, scope: Scope, prefix: str) -> Response | None:
        """Take the proxy's path off, where the proxy has not. An answer, if only its slash is missing."""
        path = scope["path"]
        for base in dict.fromkeys([self.door.base, prefix.rstrip("/")]):
            if not base:
                continue
            if path == base and scope["type"] == "http":
                query = scope["query_string"].decode("latin-1")
                return RedirectResponse(f"{base.rpartition('/')[2]}/" + (f"?{query}" if query else ""))
            if path.startswith(f"{base}/"):
                scope["path"] = path[len(base) :]
                scope["raw_path"] = quote(scope["path"]).encode()
                return None
        return None

    def _rewrite(self, scope: Scope, told: dict[str, str], host: str | None, origin: str | None) -> None:
        if origin and self._changes(scope):  # the browser knows best which name it used
            host = origin.partition("://")[2]
        headers = MutableHeaders(scope=scope)
        headers["host"] = host or ""
        if (scheme := told.get("proto", "").lower()) in PORTS:
            scope["scheme"] = scheme.replace("http", "ws") if scope["type"] == "websocket" else scheme
        if client := named(told.get("for")):
            scope["client"] = (client.name, client.port or 0)

    def _guard(self, headers: MutableHeaders, host: str | None) -> None:
        sockets = f" ws://{host} wss://{host}" if host else ""
        headers["content-security-policy"] = self.policy.replace("SOCKETS", sockets)
        headers["x-content-type-options"] = "nosniff"
        headers["referrer-policy"] = "same-origin"
        headers["permissions-policy"] = "camera=(), geolocation=(), microphone=()"
        headers["cross-origin-resource-policy"] = "same-origin"  # no other page shows what is ours
        if not self.door.frames:
            headers["x-frame-options"] = "SAMEORIGIN"


def policy(page: str, frames: tuple[str, ...]) -> str:
    """What a page may load: everything from here, scripts only from files, and nothing from anywhere else."""
    hashes = [hashlib.sha256(script.encode()).digest() for script in _SCRIPT.findall(page)]
    scripts = " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in hashes)
    return "; ".join([
        "default-src 'self'",
        f"script-src 'self' blob: {scripts}".rstrip(),
        "style-src 'self' 'unsafe-inline'",  # Streamlit writes its styles into the page
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "connect-src 'self'SOCKETS",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        " ".join(["frame-ancestors 'self'", *frames]),
    ])  # fmt: skip


def stranger(host: str | None, door: Door) -> tuple[str, str]:
    """Why this Host is not answered, and what to do."""
    name = (host or "")[:80]
    if (told := named(host)) is None:
        return f"This lab does not understand the address “{name}”.", "Open it by its name or by its number."
    shown = f"[{told.name}]" if ":" in told.name else told.name
    return (
        f"This lab does not answer to the name “{shown}”.",
        f"If that is its name, start it with `genlab --allow-host {shown}`. If only a proxy calls it so, "
        f"let the proxy pass on the name that the browser used (nginx: {PASS}). "
        f"On the machine where it runs, the lab is at {door.url}.",
    )


def foreign(origin: str | None, host: str | None) -> tuple[str, str]:
    """Why this Origin is not heard, and what to do."""
    page = (origin or "").partition("://")[2][:80]
    if named(page) is None:
        return "This request came from no page of the lab.", "Open the lab in a browser."
    return (
        f"You opened “{page}”, and the lab was asked for as “{(host or '')[:80]}”.",
        f"If a proxy stands between, let it pass on the name that you used (nginx: {PASS}), "
        f"or start the lab with `genlab --allow-host {page}`.",
    )


def refusal(request: HTTPConnection, what: str, cure: str) -> Response:
    """403 and two sentences, as a page for browsers."""
    if "text/html" not in request.headers.get("accept", ""):
        return PlainTextResponse(f"{what} {cure}\n", 403, headers={"cache-control": "no-store"})
    return page(what, cure, 403)


def page(
    title: str, text: str, status: int, link: tuple[str, str] | None = None, form: str = ""
) -> HTMLResponse:
    """A page of plain words; what stands between ` is to be typed. A `form` is HTML."""
    told = re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))
    told += f' <a href="{escape(link[0])}">{escape(link[1])}</a>' if link else ""
    parts = {"TITLE": escape(title), "TEXT": told, "FORM": form}
    html = re.sub("TITLE|TEXT|FORM", lambda found: parts[found[0]], _PAGE)
    return HTMLResponse(html, status, headers={"cache-control": "no-store"})


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>genlab</title>
<style>
:root { color-scheme: light dark }
body { font: 1.05rem/1.55 system-ui, sans-serif; max-width: 38rem; margin: 15vh auto 0; padding: 0 1.25rem;
  overflow-wrap: anywhere }
h1 { font-size: 1.4rem; line-height: 1.3; margin: 0 0 0.75rem }
code { font: 0.95em ui-monospace, monospace; padding: 0.1em 0.3em; border-radius: 4px; display: inline-block;
  background: light-dark(#eef1f5, #262c36) }
a { color: light-dark(#0067a3, #6bbeee) }
label, input, button { display: block; font: inherit; box-sizing: border-box }
input { width: 100%; margin: 0.25rem 0 1rem; padding: 0.5rem 0.6rem; border-radius: 6px;
  border: 1px solid light-dark(#6b7685, #8b96a5); background: transparent; color: inherit }
button { padding: 0.5rem 1.4rem; border-radius: 6px; border: 0; cursor: pointer;
  background: light-dark(#0067a3, #6bbeee); color: light-dark(#fff, #0e1117) }
[role=alert] { font-weight: 600; color: light-dark(#9c3d00, #f0a35e) }
[role=alert]:empty { display: none }
</style>
</head>
<body><main><h1>TITLE</h1><p>TEXT</p>FORM</main></body>
</html>
"""
