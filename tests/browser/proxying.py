"""A real nginx before a lab, set up as `.github/PROXY.md` says, and in the ways in which others set it up."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

NGINX = Path("/usr/sbin/nginx")
PAGE = Path(__file__).parents[2] / ".github/PROXY.md"
# what nginx passes on by itself has no upgrade of sockets, and another Host
SOCKETS = """
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
"""


def need_nginx() -> None:
    if not NGINX.exists():
        how = pytest.fail if os.environ.get("GENLAB_BROWSER") == "required" else pytest.skip
        how(f"There is no {NGINX}.")


def examples(language: str) -> list[str]:
    """The examples on the page for those who have a proxy."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def nginx(folder: Path, servers: Mapping[int, str], port: int) -> Iterator[None]:
    """An nginx that has these servers, by their ports, before the lab at `port`; "8501" stands for that."""
    need_nginx()
    folder.mkdir(parents=True, exist_ok=True)
    of_http, _ = examples("nginx")
    own = "".join(f"{name}_temp_path {folder}/{name};\n" for name in (
        "client_body", "proxy", "fastcgi", "uwsgi", "scgi",
    ))  # fmt: skip
    blocks = "\n".join(f"server {{ listen 127.0.0.1:{at};\n{text} }}" for at, text in servers.items())
    upstream = "upstream genlab { server 127.0.0.1:8501; }"
    text = f"""
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{ access_log off; {own} {of_http} {upstream} {blocks} }}
"""
    (folder / "nginx.conf").write_text(text.replace(":8501", f":{port}"), encoding="utf-8")
    command = [NGINX, "-c", folder / "nginx.conf", "-p", folder, "-e", folder / "error.log"]
    with subprocess.Popen(command) as process:
        try:
            for at in servers:
                _await(at, process)
            yield
        finally:
            process.terminate()
            process.wait(20)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "nginx has stopped"
        time.sleep(0.05)
    raise TimeoutError("nginx did not answer")
