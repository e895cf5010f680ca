"""The entry of a class, in the gate: who comes without the class's word is asked for it, on every route.

A word opens by the address (`/gan?class=WORD`) or by the form of the page that asks.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from html import escape
from urllib.parse import parse_qsl, urlencode

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

from engine.config import Refused
from lab import visitor
from lab.classroom import COOKIE, STUDENT, TEACHER, Classroom
from lab.gate import page
from lab.runs.counts import count

FREE = {"/health", "/metrics"}  # the one tells nothing of anybody, the other looks for itself who asks
FORM = "/enter"
LONGEST_FORM = 4096
TRIES, AGAIN = 20, 3.0  # wrong words of one address at once; seconds until it has another try
MOST_ADDRESSES = 4096
LOG = logging.getLogger(__name__)
_BACK = re.compile(r"(?!/)[\w-]*(\?.*)?", re.ASCII)


class Entry:
    def __init__(self, room: Classroom, clock: Callable[[], float] = time.monotonic) -> None:
        self.room, self.clock = room, clock
        self.tries: dict[str, tuple[float, float]] = {}  # what is left to each address, and since when

    async def admit(self, scope: Scope, receive: Receive) -> Response | None:
        """None for who may go in; else what they are told."""
        request = HTTPConnection(scope)
        path, reads = scope["path"], scope.get("method") in ("GET", "HEAD")
        if path in FREE:
            return None
        if path == FORM and scope.get("method") == "POST":
            told = await _form(receive)
            return self._enter(request, told.get("class", ""), told.get("name", ""), told.get("next", ""))
        role = self.room.holder(request.cookies)
        if reads and (word := request.query_params.get("class")):
            return self._by_address(request, role, word)
        return None if role else self._ask(request)

    def _by_address(self, request: HTTPConnection, role: str, word: str) -> Response:
        """Whoever is known goes on to the same address without the word, which history and bookmarks need not
        keep. A student who is not known is asked who they are."""
        given = self._role(request, word)
        if role == TEACHER or (role and not given):
            return RedirectResponse(f"./{_back(request)}", 303)
        if given == TEACHER or (given and self.room.name_of(visitor.mark(request.cookies))):
            return self._welcome(request, given, _back(request))
        return self._ask(request, word=word if given else "", wrong=self._why(given))

    def _enter(self, request: HTTPConnection, word: str, name: str, back: str) -> Response:
        given = self._role(request, word)
        if given not in (STUDENT, TEACHER):
            return self._ask(request, wrong=self._why(given), back=back, name=name)
        return self._welcome(request, given, back, name)

    def _welcome(self, request: HTTPConnection, role: str, back: str, name: str = "") -> Response:
        """Let them in, and remember them."""
        key = request.cookies.get(visitor.COOKIE) or secrets.token_urlsafe(24)
        who = visitor.mark({visitor.COOKIE: key})
        if role == STUDENT and (name or not self.room.name_of(who)):
            try:
                self.room.call(who, name)
            except Refused as refusal:
                return self._ask(request, self.room.kept.word, str(refusal), back, name)
        LOG.info("%s came in.", role, extra={"visitor": who})
        # "./" keeps to this server, whatever the form says
        answer = RedirectResponse(f"./{back if _BACK.fullmatch(back) else ''}", 303)
        for cookie, value in ((visitor.COOKIE, key), (COOKIE, self.room.ticket(role, who))):
            visitor.keep(request, answer, cookie, value)
        answer.headers["cache-control"] = "no-store"
        return answer

    def _role(self, request: HTTPConnection, word: str) -> str | None:
        """Whom the word lets in, or nobody (""); None if this address has tried too often of late."""
        address = network(request.client.host if request.client else "")
        now = self.clock()
        left, since = self.tries.get(address, (TRIES, now))
        left = min(TRIES, left + (now - since) / AGAIN)
        if left < 1:
            count("refusals")
            return None
        role = self.room.role(word)
        if not role:
            self.tries.pop(address, None)  # and behind all others again: the oldest are forgotten first
            self.tries[address] = left - 1, now
            while len(self.tries) > MOST_ADDRESSES:
                self.tries.pop(next(iter(self.tries)))
            LOG.warning("A wrong word.", extra={"visitor": visitor.mark(request.cookies)})
        return role

    def _why(self, role: str | None) -> str:
        if role is None:
            return f"Too many wrong words came from your network. Wait {AGAIN:g} seconds, then try again."
        return "" if role else "That is not the word of this class. Your teacher has it."

    def _ask(
        self,
        request: HTTPConnection,
        word: str = "",
        wrong: str = "",
        back: str | None = None,
        name: str = "",
    ) -> Response:
        """The page that asks for the word and the name."""
        count("refusals")
        if "text/html" not in request.headers.get("accept", "") and request.scope["path"] != FORM:
            text = f"{wrong or 'This lab is for a class: open it in a browser with the word of the class.'}\n"
            return PlainTextResponse(text, 403, headers={"cache-control": "no-store"})
        path = request.scope["path"]
        values = {
            "ACTION": "../" * (path.count("/") - 1) + FORM[1:],
            "WRONG": wrong,
            "WORD": word,
            "NAME": name[:200],
            "NEXT": (_back(request) if back is None else back)[:1000],
        }
        form = re.sub("[A-Z]{4,}", lambda found: escape(values.get(found[0], found[0])), _FORM)
        text = "Give the word of the class, which your teacher has, and your name."
        return page(self.room.kept.name, text, 403, form=form)


def _back(request: HTTPConnection) -> str:
    """The address that was asked for, without the word."""
    query = urlencode(
        [(name, value) for name, value in request.query_params.multi_items() if name != "class"]
    )
    return request.scope["path"].rpartition("/")[2] + (f"?{query}" if query else "")


async def _form(receive: Receive) -> dict[str, str]:
    """What a form of ours says; nothing of one that is too long."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LONGEST_FORM:
            return {}
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def network(address: str) -> str:
    """Whose tries are counted together: of IPv6 a whole network, because each of its machines has many."""
    return ":".join(address.split(":")[:4]) if ":" in address else address


_FORM = """
<p role="alert">WRONG</p>
<form method="post" action="ACTION">
<label>Word of the class <input name="class" value="WORD" required autocomplete="off" autocapitalize="none"
  spellcheck="false" maxlength="80"></label>
<label>Your name <input name="name" value="NAME" required autocomplete="name" maxlength="40"></label>
<input type="hidden" name="next" value="NEXT">
<button>Go in</button>
</form>
"""
