"""A Ray cluster on this machine, for tests and benches."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
# in the environment before Ray is imported: it looks once
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "genlab" * 8}
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "PYTHONPATH": str(ROOT)}


@contextmanager
def cluster(cpus: int) -> Iterator[str]:
    """The address of a new cluster, of so many CPUs as it believes. It wants a token, which is in the
    environment from then on: nothing is removed from that while threads of Ray read it."""
    assert "ray" not in sys.modules
    os.environ |= TOKEN | QUIET
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # short, for its sockets
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with node("--head", f"--port={port}", f"--num-cpus={cpus}", f"--temp-dir={folder}"):
        yield f"127.0.0.1:{port}"
        if "ray" in sys.modules:  # somebody here joined it
            sys.modules["ray"].shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def node(*options: str) -> Iterator[subprocess.Popen[str]]:
    """A machine of a cluster, as far as Ray knows."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options]
    command += ["--disable-usage-stats", f"--object-store-memory={100 << 20}", "--num-gpus=0"]
    command += ["--include-dashboard=false"] if "--head" in options else []
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if "runtime started" in line:
            break
    else:
        raise RuntimeError("".join(said))
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()
