"""The Containerfile, as far as it can be known without building it."""

import json
import re
import shlex
from pathlib import Path

from lab import cli, health

ROOT = Path(__file__).parents[2]
FILE = ROOT / ".github/Containerfile"
LINES = re.sub(r"\\\n", "", FILE.read_text(encoding="utf-8")).splitlines()
STEPS = [tuple(line.split(maxsplit=1)) for line in LINES if line and not line.startswith("#")]


def told(word: str) -> list[str]:
    return [rest for name, rest in STEPS if name == word]


def test_all_that_is_copied_is_there_and_nothing_else_is_sent():
    copied = {source for rest in told("COPY") for source in rest.split()[:-1]}
    assert copied == {"pyproject.toml", "README.md", "engine", "lab", "pages", "assets"}
    assert not [source for source in copied if not (ROOT / source).exists()]
    ignore = (ROOT / ".github/Containerfile.dockerignore").read_text().splitlines()
    assert ignore[0] == "*"
    assert {line[1:] for line in ignore if line.startswith("!")} == copied


def test_the_lab_runs_as_another_user_who_may_write_where_runs_are_kept():
    (user,) = told("USER")
    names = [name for name, _ in STEPS]
    assert int(user) > 0
    assert max(at for at, name in enumerate(names) if name == "RUN") < names.index("USER")
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert f"--uid {user} genlab" in told("RUN")[0]
    (volume,) = told("VOLUME")
    assert told("ENV") == [f"GENLAB_HOME={volume}"]
    assert f"--owner genlab {volume}" in told("RUN")[0]


def test_it_is_asked_for_its_health_and_its_command_is_one():
    (check,) = told("HEALTHCHECK")
    (port,) = told("EXPOSE")
    assert f"'http://127.0.0.1:{port}{health.HEALTH.path}'" in check
    assert json.loads(check.partition("CMD")[2])[0] == "python"
    assert [json.loads(one) for one in told("ENTRYPOINT")] == [["genlab"]]
    (usual,) = told("CMD")
    example = next(line for line in LINES if "podman run" in line)
    for words in (json.loads(usual), shlex.split(example.partition(" genlab class ")[2])):
        options = cli.parser().parse_args(["class", *[word for word in words if word != "class"]])
        assert (options.port, bool(options.name)) == (int(port), True)
    assert f"-p {port}:{port} -v genlab:{told('VOLUME')[0]}" in example
