"""Who visits: a browser has a key in a cookie, and a run obeys the key that made it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

import streamlit as st
from starlette.requests import HTTPConnection
from starlette.responses import Response

COOKIE = "genlab"


def mark(cookies: Mapping[str, str]) -> str:
    """The owner's mark of a browser: a digest of its key, so that a run's file tells no key."""
    key = cookies.get(COOKIE, "")
    return _digest(key) if key else ""


def visitor(connection: HTTPConnection) -> str:
    """Whose this connection is, for limits: the owner's mark, or for one without a key where they are."""
    client = connection.client
    return mark(connection.cookies) or f"at {client.host if client else 'nowhere'}"


def who() -> str:
    """The mark of the visitor of this page, the same as the live route makes of their browser's key."""
    if known := mark({COOKIE: st.context.cookies.get(COOKIE, "")}):
        return known
    # no cookie: a test without a browser; owner for this session only
    return _digest(st.session_state.setdefault("_key", secrets.token_hex(8)))


def keep(request: HTTPConnection, response: Response, cookie: str, value: str) -> None:
    """Let the browser keep a cookie of ours for a year. No script can read it. Without a path, because a
    browser then takes that of the page, and sends nothing to others behind the same proxy."""
    safe = request.url.scheme == "https"
    response.set_cookie(
        cookie, value, max_age=31_536_000, path=None, httponly=True, secure=safe, samesite="lax"
    )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]
