"""The door: the names it answers to, whose pages it trusts, what a proxy may say, what is refused."""

import socket

import pytest

from engine.config import Refused
from lab.door import Door, Name, forwarded, named, opened, taken

HOME = Door()
CLASS = Door(host="0.0.0.0")
NAMED = Door(names=(Name("lab.example"), Name("hub.example", 8443), Name("safe.example", 443)))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("localhost", Name("localhost")),
        ("Lab.Example.:8501", Name("lab.example", 8501)),
        ("[::1]:80", Name("::1", 80)),
        ("gen_lab", Name("gen_lab")),
        *(
            (bad, None)
            for bad in (
                None,
                "",
                " ",
                "a b",
                "a@b",
                "a/b",
                "a:0",
                "a:65536",
                "a:x",
                "a:",
                "::1",
                "[::1",
                "a..b",
                ".a",
                "http://a",
                "a\n",
                "a?b",
                "[<x>]",
                "a#",
                "é",
            )
        ),
    ],
)
def test_a_name_is_read_from_a_host_header_or_is_none(text, name):
    assert named(text) == name


@pytest.mark.parametrize(
    ("door", "known", "foreign"),
    [
        (
            HOME,
            ["localhost:8501", "127.0.0.1:8501", "127.0.0.1", "[::1]:9", "LOCALHOST."],
            [
                "evil.example",
                "192.168.1.5:8501",
                "localhost.evil.example",
                "127.0.0.1.evil.example",
                "0.0.0.0",
                None,
            ],
        ),
        (
            CLASS,
            [
                "localhost",
                "192.168.1.5:8501",
                "[fe80::1]:8501",
                "0.0.0.0:8501",
                f"{socket.gethostname()}:8501",
            ],
            ["evil.example", "evil", "1.2.3.4.example", "1.2.3", None],
        ),
        (Door(host="192.168.1.5"), ["192.168.1.5:8501", "10.0.0.1"], ["evil.example"]),
        (Door(host="127.0.0.2"), ["127.0.0.2:8501", "localhost"], ["192.168.1.5", "127.0.0.3"]),
        (
            NAMED,
            ["lab.example", "lab.example:99", "hub.example", "hub.example:8443", "localhost"],
            ["other.example", "sub.lab.example", "lab.example.evil", "xlab.example"],
        ),
    ],
)
def test_a_door_answers_to_its_own_names_only(door, known, foreign):
    assert all(door.knows(host) for host in known)
    assert not any(door.knows(host) for host in foreign)


def test_a_machine_knows_its_own_name_in_each_form_and_asks_nobody(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "Laptop.uni.example")
    monkeypatch.setattr(socket, "getaddrinfo", None)
    monkeypatch.setattr(socket, "gethostbyaddr", None)
    assert all(CLASS.knows(f"{one}:80") for one in ("laptop", "laptop.local", "laptop.uni.example"))
    assert not CLASS.knows("other.uni.example")
    assert not HOME.knows("laptop")


@pytest.mark.parametrize(
    ("origin", "host", "trusted"),
    [
        ("http://127.0.0.1:8501", "127.0.0.1:8501", True),
        ("http://localhost:8501", "LOCALHOST:8501", True),
        ("https://lab.example", "lab.example:443", True),  # nginx: Host $host:$server_port
        ("http://lab.example", "lab.example:80", True),
        ("http://lab.example:9000", "lab.example", True),  # nginx: Host $host
        ("https://lab.example", "127.0.0.1:8501", True),  # nginx: no Host given
        ("https://hub.example:8443", "127.0.0.1:8501", True),
        ("https://hub.example:8443", "hub.example", True),
        ("http://hub.example:9", "hub.example:9", True),
        ("http://hub.example:9", "hub.example:8443", False),
        ("https://hub.example", "127.0.0.1:8501", False),
        ("https://safe.example", "127.0.0.1:8501", True),  # whose port is the usual one
        ("https://safe.example:443", "127.0.0.1:8501", True),
        ("http://safe.example", "127.0.0.1:8501", False),
        ("https://safe.example:8443", "127.0.0.1:8501", False),
        ("http://localhost", "localhost", True),  # behind a proxy neither says the usual port
        ("https://localhost", "localhost", True),
        ("https://localhost", "localhost:443", True),
        ("http://localhost:80", "localhost", True),
        ("http://localhost:8501", "localhost", False),
        ("https://localhost", "localhost:80", False),
        ("http://localhost", "localhost:443", False),
        ("http://127.0.0.1:8502", "127.0.0.1:8501", False),
        ("http://127.0.0.1", "127.0.0.1:8501", False),
        ("https://127.0.0.1", "127.0.0.1:80", False),
        ("http://localhost:8501", "127.0.0.1:8501", False),
        ("http://evil.example", "127.0.0.1:8501", False),
        ("https://lab.example.evil", "lab.example", False),
        ("null", "127.0.0.1:8501", False),
        ("", "127.0.0.1:8501", False),
        (None, "127.0.0.1:8501", False),
        ("ftp://127.0.0.1:8501", "127.0.0.1:8501", False),
        ("http://127.0.0.1:8501/x", "127.0.0.1:8501", False),
        ("http://x@127.0.0.1:8501", "127.0.0.1:8501", False),
    ],
)
def test_a_page_is_ours_if_it_has_our_name_or_one_that_was_declared(origin, host, trusted):
    assert NAMED.trusts(origin, host) is trusted


@pytest.mark.parametrize(
    ("how", "door"),
    [
        ({"host": "localhost"}, Door()),
        ({"host": " 127.0.0.1 "}, Door()),
        ({"host": "0"}, Door(host="0.0.0.0")),  # what a system makes of it
        ({"base": "genlab"}, Door(base="/genlab")),
        ({"base": "/user/a%40b.org/proxy/8501/"}, Door(base="/user/a@b.org/proxy/8501")),
        ({"base": "/"}, Door()),
        (
            {"base": "/user/ann//proxy/8501"},
            Door(base="/user/ann/proxy/8501"),
        ),  # the hub's prefix has a slash
        (
            {"names": ["Lab.Example", "lab.example:8443", "[::1]:80", "fe80::1", "müller.example"]},
            Door(
                names=(
                    Name("lab.example"),
                    Name("lab.example", 8443),
                    Name("::1", 80),
                    Name("fe80::1"),
                    Name("xn--mller-kva.example"),
                )
            ),
        ),
        (
            {"frames": ["https://Moodle.example/"], "proxy": True},
            Door(frames=("https://moodle.example",), proxy=True),
        ),
    ],
)
def test_an_open_door_is_as_it_was_asked_for(how, door, monkeypatch):
    monkeypatch.setattr("lab.door.taken", lambda host, port: "")
    assert opened(**{"host": "127.0.0.1", "port": 8501} | how) == door


@pytest.mark.parametrize(
    ("how", "message"),
    [
        *(({"host": bad}, "--host names no address") for bad in ("", " ", "\t")),
        *(
            ({"host": bad}, "has no address")
            for bad in ("unix:///tmp/x", "http://127.0.0.1", "a" * 300, "no.invalid")
        ),
        ({"host": "203.0.113.7"}, "203.0.113.7 is not an address of this machine"),
        *(({"port": bad}, "--port must be") for bad in (0, -1, 65536)),
        *(
            ({"base": bad}, "--base-path is")
            for bad in (
                "https://lab.example/x",
                "/a/../b",
                "/.",
                "/a b",
                "/<x>",
                "/a?b",
                "/a#b",
                '/"',
                "/a\nb",
            )
        ),
        *(
            ({"names": [bad]}, "--allow-host is")
            for bad in (
                "",
                "*",
                "*.example",
                "https://lab.example",
                "lab.example/x",
                "a b",
                "lab.example:0",
                "x@y",
                "ü" * 99,
            )
        ),
        *(
            ({"frames": [bad]}, "--allow-frame is")
            for bad in (
                "",
                "*",
                "moodle.example",
                "https://moodle.example/x",
                "https://*.example",
                "'self'",
                "data:",
                "https://a; x",
            )
        ),
    ],
)
def test_what_cannot_be_opened_is_refused_with_its_cause(how, message):
    with pytest.raises(Refused, match=message) as refused:
        opened(**{"host": "127.0.0.1", "port": 8501} | how)
    assert str(refused.value).endswith(".")


def test_why_nobody_can_listen_is_the_systems_reason(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"is taken; try `genlab --port {port + 1}`" in taken("127.0.0.1", port)
    assert taken("127.0.0.1", port) == ""

    def refuse(number):
        def bind(self, address):
            raise OSError(number, "as the system says")

        monkeypatch.setattr(socket.socket, "bind", bind)

    for number, says in [
        (13, "does not let you"),
        (1, "does not let you"),
        (98, "is taken"),
        (99, "is not an"),
        (97, "is not an"),
        (12, "as the system says"),
    ]:
        refuse(number)
        assert says in taken("127.0.0.1", 80)
        assert ("taken" in taken("127.0.0.1", 80)) == (number == 98)
    refuse(98)
    assert "--port 8501" in taken("127.0.0.1", 65535)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, {"host": "", "proto": "", "prefix": "", "for": ""}),
        (
            {
                "x-forwarded-host": "a.example, b",
                "x-forwarded-proto": "https",
                "x-forwarded-prefix": "/x",
                "x-forwarded-for": "6.6.6.6, 192.0.2.1",
            },
            {"host": "a.example", "proto": "https", "prefix": "/x", "for": "192.0.2.1"},
        ),
        (
            {
                "forwarded": 'for="[2001:db8::1]:47";Host="a.example:80";proto=https, for=192.0.2.9',
                "x-forwarded-host": "b",
            },
            {"host": "a.example:80", "proto": "https", "prefix": "", "for": "192.0.2.9"},
        ),
        (
            {"forwarded": ";;=,x", "x-forwarded-proto": "http"},
            {"host": "", "proto": "http", "prefix": "", "for": ""},
        ),
    ],
)
def test_forwarded_headers_are_read(headers, told):
    assert forwarded(headers) == told


def test_a_door_says_where_a_browser_finds_it():
    assert [Door(host=host).url for host in ("127.0.0.1", "0.0.0.0", "::", "::1")] == [
        "http://127.0.0.1:8501",
        "http://localhost:8501",
        "http://localhost:8501",
        "http://[::1]:8501",
    ]
    assert [
        Door(host=host).at_home for host in ("127.0.0.1", "127.0.0.9", "::1", "0.0.0.0", "::", "10.0.0.1")
    ] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_of_two_addresses_of_a_name_the_older_kind_is_taken(monkeypatch):
    found = [(socket.AF_INET6, 1, 6, "", ("::1", 0, 0, 0)), (socket.AF_INET, 1, 6, "", ("127.0.0.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **more: found)
    monkeypatch.setattr("lab.door.taken", lambda host, port: "")
    assert opened("localhost", 8501).host == "127.0.0.1"
    found.pop()
    assert opened("localhost", 8501).host == "::1"
