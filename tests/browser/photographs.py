"""A run of a style for tests: pictures of one colour each, in frames that the test sends."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, WebSocketRoute

from engine.style.style import TERMS
from lab.runs.wire import pack_frame
from lab.scenes import measures

Colour = tuple[int, int, int]
BLUE, RED, GREEN, YELLOW, GREY = (20, 60, 220), (220, 30, 40), (30, 160, 60), (240, 220, 40), (128, 128, 128)
OTHERS = {"content": BLUE, "style": GREEN}


def packed(colour: Colour, kind: str = "WEBP", size: tuple[int, int] = (96, 64)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return file.getvalue()


def photo(colour: Colour, **how: Any) -> np.ndarray:
    return np.frombuffer(packed(colour, **how), np.uint8)


def losses(rounds: int) -> dict[str, np.ndarray]:
    """Seven equal parts of a sum that begins at 7000 and soon is 7."""
    n = np.arange(rounds + 1)
    values = np.stack([n, np.where(n < rounds // 10, 1000.0, 1.0)], 1).astype(np.float32)
    return {f"stack/loss of the layers/{part}": values for part in TERMS}


class Painter:
    """Plays the server's part: tells the run's state and sends what the test wants it to show."""

    def __init__(self, page: Page, keyframes: dict[int, Colour] | None = None, **state: Any) -> None:
        self.keyframes = keyframes or {}
        self.state = {"run": "some-run", "state": "training", "mine": True, "recording": False, "round": 0}
        self.state |= {"keyframes": sorted(self.keyframes)} | state
        self.orders: list[dict[str, Any]] = []
        self.link: WebSocketRoute | None = None
        page.route_web_socket("**/live/**", self.connect)

    def connect(self, link: WebSocketRoute) -> None:
        self.link = link
        link.on_message(lambda text: self.hear(json.loads(text)))
        link.send(json.dumps({"hello": self.state}))

    def hear(self, order: dict[str, Any]) -> None:
        self.orders.append(order)
        if "show" in order:
            for round, colour in self.keyframes.items():
                self.send(round, colour, OTHERS, key=round)

    def send(
        self, round: int, result: Colour, others: dict[str, Colour] | None = None, key: int | None = None
    ) -> None:
        """A frame of this round; with `others` a full one."""
        arrays = {"photo/result": photo(result)}
        arrays |= {f"photo/{name}": photo(colour) for name, colour in (others or {}).items()}
        arrays |= losses(round) if others and round else {}
        self.pack(round, arrays, key)

    def pack(self, round: int, arrays: dict[str, np.ndarray], key: int | None = None) -> None:
        assert self.link
        about = {"round": round, "turn": "image", "key": key, "box": None}
        self.link.send(pack_frame(arrays, about | {"measures": measures([dict.fromkeys(TERMS, 1.0)])}))
