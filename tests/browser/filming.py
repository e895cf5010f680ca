"""Films for tests: a server's side of the live route, played by the test itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, WebSocketRoute

from engine.config import Refused
from lab.runs.wire import pack_answer
from tests.serving import Lab, answering

T = 100
STATE = {"run": "some-run", "state": "paused", "mine": True, "recording": False, "round": 7, "keyframes": []}
Part = dict[str, Any]


def reverse(seed: int = 0, steps: int = T, picture: bool = False, **other: Any) -> Iterator[Part]:
    """Noise that becomes eight heaps in a ring, or (`picture`) 64 pictures with a square each."""
    rng = np.random.default_rng(seed)
    labels = np.arange(400) % 8
    heaps = 2 * np.stack([np.cos(labels * np.pi / 4), np.sin(labels * np.pi / 4)], 1)
    x0 = heaps + 0.1 * rng.standard_normal((400, 2))
    eps = rng.standard_normal((400, 2))
    digits = np.zeros((64, 28, 28))
    for i in range(64):
        digits[i, 4 + i % 8 : 14 + i % 8, 4 + i // 8 : 14 + i // 8] = 255
    grain = 128 + 60 * rng.standard_normal((64, 28, 28))
    z = np.stack(np.meshgrid(np.linspace(-2, 2, 13), np.linspace(-2, 2, 13)), 2)
    for i, t in enumerate(np.linspace(T, 0, steps + 1).round().astype(int).tolist()):
        noise = np.sin(t / T * np.pi / 2)
        signal = np.cos(t / T * np.pi / 2)
        part: Part = {"t": t, "numbers": {"SNR": float((signal / max(noise, 1e-3)) ** 2)}}
        if i == 0:
            part |= {"T": T, "box": [-3.5, 3.5, -3.5, 3.5]}
            if not picture:
                part |= {
                    "still/x_t/points/real": halves(x0[:300]),
                    "still/x_t/label": labels.astype(np.uint8),
                }
        if picture:
            part |= {
                "x_t/images/model": whole(signal * digits + noise * grain),
                "x0/images/model": whole(digits * (1 - t / T / 2) + 30),
                "eps/images/model": whole(grain),
            }
        else:
            part |= {
                "x_t/points/model": halves(signal * x0 + noise * eps),
                "x0/points/model": halves(x0 * signal + 0.3 * noise * eps),
                "eps/points/model": halves(eps * (0.5 + noise / 2)),
                "x_t/mesh/generator": halves(z * (1 - 0.5 * signal * np.exp(-(z**2).sum(2, keepdims=True)))),
            }
        yield part


def forward() -> Iterator[Part]:
    parts = list(reverse())
    for i, part in enumerate(reversed(parts)):
        x = part.pop("x_t/points/model")
        kept = {name: value for name, value in part.items() if name in ("t", "numbers")}
        kept |= {"x_t/points/model": x, "chain/points/model": x[::-1].copy()}
        for screen in ("x_t", "chain"):
            kept[f"hist/{screen}"] = np.histogram(x, 40, (-4, 4))[0].astype(np.float32)
        yield kept | ({"T": T, "box": [-3.5, 3.5, -3.5, 3.5]} if i == 0 else {})


def layers(seed: int = 0) -> Iterator[Part]:
    """Four layers, each of which turns the plane by 30 degrees and makes it wider: z has t = 4, x t = 0."""
    z = np.random.default_rng(seed).standard_normal((400, 2))
    nodes = np.stack(np.meshgrid(np.linspace(-2, 2, 9), np.linspace(-2, 2, 9)), 2)
    plane = np.linspace(-4, 4, 64)
    waves = np.ones((64, 1)) * plane
    for t in range(4, -1, -1):
        angle, wide = np.pi / 6 * (4 - t), 1 + 0.2 * (4 - t)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * [[wide], [1]]
        across, up = (plane[None, :] * turn[0, 0], plane[:, None] * turn[1, 1])
        yield {
            "t": t, "note": f"layer {t}" if t else "", "numbers": {"scale of the colours": 0.5},
            "h/points/fake": halves(z @ turn), "h/points/real": halves(1.2 * z @ turn),
            "h/mesh/generator": halves(nodes @ turn),
            "density/field/density": whole(255 * np.exp(-(across**2 + up**2) / 2)),
            "stretch/field/stretch": whole(128 + 60 * np.sin(waves + t) * (t > 0)),
        } | ({"T": 4, "box": [-4, 4, -4, 4]} if t == 4 else {})  # fmt: skip


def nothing() -> Iterator[Part]:
    raise Refused("This model cannot be asked that; choose another sampler.")
    yield {}


def halves(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float16)


def whole(x: np.ndarray) -> np.ndarray:
    return x.clip(0, 255).astype(np.uint8)


FILMS = {"reverse": reverse, "forward": forward, "layers": layers, "nothing": nothing}


class Projector:
    """Answers the questions of a page, all parts at once or as many as the test lets pass (`most`)."""

    def __init__(self, page: Page, most: int = 1000) -> None:
        self.most = most
        self.asked: list[dict[str, Any]] = []  # every message of the page
        self.sockets: list[WebSocketRoute] = []
        page.route_web_socket("**/live/**", self.connect)

    def connect(self, link: WebSocketRoute) -> None:
        self.sockets.append(link)
        link.on_message(lambda text: self.hear(link, json.loads(text)))
        link.send(json.dumps({"hello": STATE}))

    def hear(self, link: WebSocketRoute, message: dict[str, Any]) -> None:
        self.asked.append(message)
        number, given = message["id"], message["with"]
        parts = FILMS[message["ask"]](**given)
        try:
            for i, part in enumerate(parts):
                if i >= self.most:
                    return
                link.send(pack_answer(part | {"part": i}, number))
        except Refused as refusal:
            return link.send(json.dumps({"error": str(refusal), "answer": number}))
        link.send(json.dumps({"answer": number, "end": True}))


def start_page(home: Path, name: str = "film_page.py") -> Lab:
    """A server of this page of the tests and nothing else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = Path(__file__).with_name(name)
    command = [sys.executable, "-m", "tests.browser.serving_page", str(page), str(port)]
    root = Path(__file__).parents[2]
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, stdout=log, stderr=log
        )
    return answering(Lab(f"http://127.0.0.1:{port}", home, process))
