"""A lab in a process of its own, for tests that look at it from outside."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple


class Lab(NamedTuple):
    """A lab that serves: its address, its home and its process."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]

    def cookie(self) -> str:
        """A new browser's key, as the server hands it out."""
        with urllib.request.urlopen(self.url) as page:
            return page.headers["set-cookie"].split(";")[0]


def start_lab(
    home: Path,
    port: int | None = None,
    options: tuple[str, ...] = (),
    at: Path | None = None,
    **environment: str,
) -> Lab:
    """Start the lab of this checkout, or of the one that lies `at` a folder."""
    if port is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    more = (
        os.environ | {"GENLAB_HOME": str(home), "GENLAB_DEVICE": "cpu", "GENLAB_PATIENCE": "20"} | environment
    )
    command = [sys.executable, "-m", "lab.cli", "--port", str(port), *options]
    home.mkdir(parents=True, exist_ok=True)
    log = (home / "server.log").open("ab")
    process = subprocess.Popen(command, env=more, stdout=log, stderr=log, cwd=at)
    log.close()
    return answering(Lab(f"http://127.0.0.1:{port}", home, process))


def answering(lab: Lab) -> Lab:
    """The lab, once it answers: on a busy machine its imports alone take a minute."""
    for _ in range(3000):
        try:
            urllib.request.urlopen(f"{lab.url}/_stcore/health").close()
            return lab
        except urllib.error.HTTPError:  # a class, which lets nobody in without its word
            return lab
        except OSError:
            assert lab.process.poll() is None, (lab.home / "server.log").read_text()
            time.sleep(0.1)
    raise TimeoutError("the lab did not answer within five minutes")


def stop_lab(lab: Lab) -> None:
    lab.process.terminate()
    try:
        lab.process.wait(20)
    except subprocess.TimeoutExpired:
        lab.process.kill()
        lab.process.wait()
