"""The command in odd surroundings: output that cannot spell everything, readers that leave, empty words."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.data.keep import home_of
from lab import cli
from lab.runs import store

pytestmark = pytest.mark.exhaustive
FLOW = [
    "train",
    "real-nvp",
    "--data",
    "moons",
    "--rounds",
    "1",
    "--width",
    "8",
    "--layers",
    "2",
    "--batch",
    "8",
]


def printed(encoding: str, *words: object, monkeypatch) -> tuple[int, bytes, bytes]:
    """What the command writes where output has this encoding."""
    streams = io.BytesIO(), io.BytesIO()
    for name, stream in zip(("stdout", "stderr"), streams, strict=True):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(stream, encoding=encoding, errors="strict"))
    try:
        code = cli.main([str(word) for word in words])
    except SystemExit as end:
        code = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    return code, *(stream.getvalue() for stream in streams)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "latin-1", "utf-8", "utf-16"])
@pytest.mark.parametrize(
    "words",
    [
        FLOW,
        ["list"],
        ["train", "gan", "--help"],
        ["train", "gan", "--data", "\u4e16\u2192\udcff", "--rounds", "1"],
        ["sample", "\u2248", "--out", "x.csv"],
    ],
    ids=["flow", "list", "help", "surrogate", "refusal"],
)
def test_all_that_is_printed_can_be_written_in_any_encoding(encoding, words, monkeypatch):
    code, out, err = printed(encoding, *words, monkeypatch=monkeypatch)
    assert code == (2 if words[0] == "sample" or ("gan" in words and "--help" not in words) else 0), err
    assert b"Traceback" not in err
    assert out or err
    if words is FLOW:
        assert b"run".decode().encode(encoding)[-3:] in out
        assert [info.state for info in store.every()] == ["ended"]


def test_the_installed_command_survives_a_poor_locale(tmp_path):
    poor = os.environ | {
        "LC_ALL": "C",
        "PYTHONIOENCODING": "cp1252",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    told = subprocess.run(
        [sys.executable, "-m", "lab.cli", *FLOW], env=poor, capture_output=True, check=False
    )
    assert (told.returncode, b"Traceback" in told.stderr) == (0, False), told.stderr
    assert b"run" in told.stdout


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m lab.cli list | true"
    told = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    assert (told.returncode, told.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("value", "home"),
    [
        ("", "runs"),
        ("  ", "runs"),
        (None, "runs"),
        ("~/lab", str(Path.home() / "lab")),
        ("./x", "x"),
        (" y ", "y"),
    ],
)
def test_the_home_is_read_in_one_way(value, home, monkeypatch):
    monkeypatch.delenv("GENLAB_HOME", raising=False)
    if value is not None:
        monkeypatch.setenv("GENLAB_HOME", value)
    assert store.home() == home_of(None) == Path(home)


def test_one_place_reads_the_home():
    root = Path(store.__file__).parents[2]
    readers = [
        path.name
        for top in ("engine", "lab", "pages")
        for path in (root / top).rglob("*.py")
        if '"GENLAB_HOME"' in path.read_text(encoding="utf-8")
    ]
    assert readers == ["keep.py"]


SETTINGS = ["GENLAB_HOME", "GENLAB_PATIENCE", "GENLAB_THREADS", "GENLAB_DEVICE", "GENLAB_FAMILIES"]
LOADS = """
import lab.runs.seats, lab.runs.store, engine.device, engine.families
engine.device.pick()
print(lab.runs.seats.PATIENCE, lab.runs.store.home(), len(engine.families.families()) > 9)
"""


def test_an_empty_setting_is_none(tmp_path):
    empty = os.environ | dict.fromkeys(SETTINGS, "")
    told = subprocess.run(
        [sys.executable, "-c", LOADS], env=empty, capture_output=True, text=True, check=False
    )
    assert told.stdout == "60.0 runs True\n", told.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--host", ""], "--host names no address: 127.0.0.1 is this machine only"),
        (["--host", " "], "--host names no address"),
        (["--host", "203.0.113.7"], "203.0.113.7 is not an address of this machine"),
        (["--port", "0"], "--port must be"),
        (["--base-path", "https://x/y"], "--base-path is"),
        (["--allow-host", "good.example", "--allow-host", "https://x"], "--allow-host is 'https://x'"),
        (["--allow-frame", "moodle.example"], "--allow-frame is"),
    ],
)
def test_a_door_that_cannot_be_is_refused_in_one_sentence(words, says, capsys, monkeypatch):
    monkeypatch.setattr("lab.server.serve", lambda door: pytest.fail("it serves"))
    assert cli.main(words) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith(f"genlab: {says}")
    assert "taken" not in sentence


def test_the_command_opens_the_door_that_it_was_asked_for(capsys, monkeypatch):
    doors = []
    monkeypatch.setattr("lab.door.taken", lambda host, port: "")
    monkeypatch.setattr("lab.server.serve", doors.append)
    words = [
        "--host",
        "0.0.0.0",
        "--port",
        "9",
        "--base-path",
        "x",
        "--allow-host",
        "a",
        "--allow-host",
        "b:7",
        "--allow-frame",
        "https://c",
        "--behind-proxy",
    ]
    assert cli.main(words) == 0
    (door,) = doors
    assert door == ("0.0.0.0", 9, "/x", (("a", None), ("b", 7)), ("https://c",), True)
    assert "http://localhost:9, and other machines reach it" in capsys.readouterr().out
    assert cli.main([]) == 0
    assert doors[1] == ("127.0.0.1", 8501, "", (), (), False)
    assert "other machines" not in capsys.readouterr().out


def test_json_is_readable_in_any_encoding(monkeypatch):
    code, out, _ = printed("ascii", *FLOW, "--json", monkeypatch=monkeypatch)
    assert code == 0
    assert json.loads(out.splitlines()[-1])["state"] == "ended"
