"""The lab's door: where it listens, which names it answers to, and what a proxy in front of it may say."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote

from engine.config import Refused

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::(\d{1,5}))?")
_SEGMENT = re.compile(r"[\w.~@+=,-]+")


class Name(NamedTuple):
    """A name or an address, in small letters and without brackets, and the port if one is told."""

    name: str
    port: int | None = None


def named(text: str | None) -> Name | None:
    """The name in a Host header, or None if it is none: "Lab.Example:8501", "[::1]:80"."""
    told = _NAME.fullmatch((text or "").lower())
    if not told or int(told[3] or 1) not in range(1, 65536):
        return None
    return Name(told[1] or told[2], int(told[3]) if told[3] else None)


class Door(NamedTuple):
    """What the command line says of the server's surroundings; `opened` makes a sound one."""

    host: str = "127.0.0.1"  # a numeric address
    port: int = 8501
    base: str = ""  # "/genlab": the path under which a proxy shows the lab
    names: tuple[Name, ...] = ()  # what others may call it
    frames: tuple[str, ...] = ()  # whose pages may show it in a frame
    proxy: bool = False  # whether forwarded headers are believed

    def knows(self, host: str | None) -> bool:
        """Whether a request to this Host means us. A page of a stranger may give our address a name of its
        own, and would be of one origin with us if we answered to that name."""
        if (given := named(host)) is None:
            return False
        if given.name in LOOPBACK | {self.host} | {one.name for one in self.names}:
            return True
        return not self.at_home and (_is_address(given.name) or given.name in _own_names())

    def trusts(self, origin: str | None, host: str | None) -> bool:
        """Whether a page of this Origin is one of ours, if the request went to this Host: it has the same
        name and port, or a name that was declared, which a proxy may have kept from us."""
        scheme, _, place = (origin or "").partition("://")
        page, asked = named(place), named(host)
        if scheme not in PORTS or page is None or asked is None:
            return False
        usual = PORTS[scheme]
        port = page.port or usual
        if (page.name, port) == (asked.name, asked.port or usual):
            return True
        return any(one.name == page.name and one.port in (None, port) for one in self.names)

    @property
    def at_home(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = "localhost" if ipaddress.ip_address(self.host).is_unspecified else self.host
        return f"http://{_bracketed(host)}:{self.port}"

    @property
    def urls(self) -> list[str]:
        """Where others find it: by the names that were declared, which are those of a proxy with https, else
        by those of this machine; if nobody else reaches it, where this machine does."""
        if self.names:
            ports = [f":{one.port}" if one.port else "" for one in self.names]
            named = [
                f"https://{_bracketed(one.name)}{port}" for one, port in zip(self.names, ports, strict=True)
            ]
            return [f"{url}{self.base}" for url in named]
        if not ipaddress.ip_address(self.host).is_unspecified:
            return [f"{self.url}{self.base}"]
        names = [socket.gethostname().lower().rstrip("."), *_own_addresses()]
        return [f"http://{_bracketed(name)}:{self.port}{self.base}" for name in names]


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _own_addresses() -> list[str]:
    """The address by which this machine reaches others; no packet is sent to find it."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return [str(probe.getsockname()[0])]
    return []


def _own_names() -> set[str]:
    """What this machine calls itself; nobody else is asked."""
    full = socket.gethostname().lower().rstrip(".")
    short = full.partition(".")[0]
    return {full, short, f"{short}.local"}


def opened(
    host: str, port: int, base: str = "", names: Iterable[str] = (), frames: Iterable[str] = (),
    proxy: bool = False,
) -> Door:  # fmt: skip
    """A door that can be opened. Raises `Refused`, with the true cause."""
    if not 1 <= port <= 65535:
        raise Refused("--port must be a whole number from 1 to 65535.")
    if not host.strip():
        raise Refused("--host names no address: 127.0.0.1 is this machine only, 0.0.0.0 is every network.")
    door = Door(_numeric(host.strip()), port, _base(base), tuple(map(_declared, names)), proxy=proxy)
    if trouble := taken(door.host, port):
        raise Refused(trouble)
    return door._replace(frames=tuple(map(_frame, frames)))


def _numeric(host: str) -> str:
    """The address that this machine has under a name. IPv4 is preferred: more proxies and browsers try it."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused(f"This machine has no address {host!r}; try 127.0.0.1.") from error
    return str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])


def taken(host: str, port: int) -> str:
    """Why nobody can listen there, as a sentence; "" if one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    other = port + 1 if port < 65535 else 8501
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        match error.errno:
            case errno.EADDRINUSE:
                return f"Port {port} of {host} is taken; try `genlab --port {other}`."
            case errno.EACCES | errno.EPERM:
                return (
                    f"This system does not let you listen on port {port}; try `genlab --port 8501`. "
                    "A proxy can show it on another port."
                )
            case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
                return f"{host} is not an address of this machine; try 127.0.0.1, or 0.0.0.0 for all it has."
        return f"This machine cannot listen on port {port} of {host}: {error.strerror}."
    return ""


def _base(text: str) -> str:
    """From "user//ann/" make "/user/ann"."""
    parts = [part for part in unquote(text.strip()).split("/") if part]
    if any(not _SEGMENT.fullmatch(part) or set(part) == {"."} for part in parts):
        raise Refused(f"--base-path is {text!r}; it must be a path such as /genlab, without a server's name.")
    return "".join(f"/{part}" for part in parts)


def _declared(text: str) -> Name:
    wide = text.strip()
    try:
        plain = wide if wide.isascii() else wide.encode("idna").decode()
    except UnicodeError:
        plain = ""
    address = f"[{plain}]" if _is_address(plain) and ":" in plain else plain
    if (name := named(address)) is None:
        raise Refused(f"--allow-host is {text!r}; it must be a name such as lab.example or lab.example:8443.")
    return name


def _frame(text: str) -> str:
    origin = text.strip().rstrip("/").lower()
    scheme, _, place = origin.partition("://")
    if scheme not in PORTS or named(place) is None:
        raise Refused(f"--allow-frame is {text!r}; it must be an origin such as https://moodle.example.")
    return origin


def forwarded(headers: Mapping[str, str]) -> dict[str, str]:
    """What a proxy says of the browser's request: "host", "proto", "prefix", "for". `Forwarded` (RFC 7239)
    goes before `X-Forwarded-...`. Of several values the first is the browser's own; of "for" only the last
    is known, because a browser can send the ones before."""
    told = {name: headers.get(f"x-forwarded-{name}", "") for name in ("host", "proto", "prefix", "for")}
    lists = {name: [one.strip() for one in value.split(",")] for name, value in told.items()}
    elements = [_pairs(one) for one in headers.get("forwarded", "").split(",")]
    for name in ("host", "proto", "for"):
        if values := [pairs[name] for pairs in elements if name in pairs]:
            lists[name] = values
    return {name: values[-1 if name == "for" else 0] for name, values in lists.items()}


def _pairs(element: str) -> dict[str, str]:
    """The pairs of `for=192.0.2.1;Host="lab.example:80"`."""
    pairs = (pair.partition("=") for pair in element.split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs if value}
