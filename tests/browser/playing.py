"""A component that asks the model of a run, in a browser: a model of the test answers, as in the lab."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Self

from playwright.sync_api import Locator, WebSocketRoute

from engine.config import Refused
from engine.data import Dataset
from engine.family import Family
from lab import probes
from lab.runs.wire import pack_answer
from tests.browser.filming import STATE
from tests.browser.visiting import Visitor


class Player:
    """The server's side of the live route, and the component that asks there. `asked` is what the page has
    asked, without the links' numbers."""

    name: str  # of the component

    def __init__(
        self, visitor: Callable[..., Visitor], model: tuple[Family, Dataset], **options: Any
    ) -> None:
        self.me = visitor(**options)
        self.model, self.data = model
        self.asked: list[tuple[str, dict[str, Any], int | None]] = []
        self.runs: list[str] = []  # of which it was asked
        self.links: list[WebSocketRoute] = []
        self.refusal = ""
        self.most: int | None = None  # parts of an answer that are sent
        self.round = 7
        self.other = model  # of the other run
        self.me.page.route_web_socket("**/live/**", self.connect)

    def connect(self, link: WebSocketRoute) -> None:
        self.links.append(link)
        link.on_message(lambda text: self.hear(link, json.loads(text)))
        link.send(json.dumps({"hello": STATE}))

    def hear(self, link: WebSocketRoute, message: dict[str, Any]) -> None:
        if "ask" not in message:
            return
        name, given, number = message["ask"], message["with"], message["id"]
        self.runs.append(link.url.rpartition("/")[2].partition("?")[0])
        self.asked.append((name, given, message["round"]))
        try:
            if self.refusal:
                raise Refused(self.refusal)
            answer = probes.ask(*self.of(self.runs[-1]), name, given)
            if isinstance(answer, dict):
                return link.send(pack_answer({"round": self.round} | answer, number))
            for part in answer:
                if part["part"] == self.most:
                    return None
                link.send(pack_answer({"round": self.round} | part, number))
        except Refused as refusal:
            return link.send(json.dumps({"error": str(refusal), "answer": number}))
        link.send(json.dumps({"answer": number, "end": True}))

    def of(self, run: str) -> tuple[Family, Dataset]:
        """The model of a run, and its data."""
        return self.other if run == "other-run" else (self.model, self.data)

    def state(self, **now: Any) -> None:
        for link in self.links:
            link.send(json.dumps({"state": STATE | now}))

    def open(self, where: str = "") -> Self:
        self.me.open(f"/?{where}")
        if not self.refusal:
            self.answered(1)
        return self

    def get(self, name: str = "") -> Locator:
        return self.me.page.get_by_test_id(f"{self.name}-{name}" if name else self.name)

    def number(self, name: str) -> int:
        return int(self.get().get_attribute(f"data-{name}") or 0)

    def answered(self, n: int) -> None:
        self.me.until(lambda: self.number("answers") >= n, f"{n} answers")
        self.me.drawn()

    def after(self, act: Callable[[], Any]) -> None:
        """Act, and wait for the answer that follows."""
        n = self.number("answers")
        act()
        self.answered(n + 1)

    def asks(self, name: str) -> list[dict[str, Any]]:
        return [given for asked, given, _ in self.asked if asked == name]

    def reads(self, name: str) -> float:
        return float(self.get(name).inner_text().replace("−", "-"))
