"""Run directories, the only truth about runs: every tab, the command line and a restarted server read them.

    <home>/<id>/run.json               family, data, seed, config, owner, state
                commands.jsonl         what was done to the run and when, for replay
                metrics.jsonl          one row of means a line
                checkpoint.safetensors weights, optimizers, random state; the JSON is in its header
                keyframes/             00000100.safetensors, the picture of round 100, and
                                       00000100.state.safetensors, what a rewind restores
                weights.safetensors    of a recording that can be asked: its model, in half precision

Durable writes are temp + fsync + replace. Readers of JSONL ignore a torn last line.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from engine import dispatch
from engine.config import Refused
from engine.data.keep import home_of
from lab.runs import wire

ASSETS = Path(__file__).parents[2] / "assets"
RECORDINGS = ASSETS / "recordings"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{7,39}")

State = Literal["training", "paused", "ended", "failed"]
FORMAT = 2
"""Of run directories and recordings. 1 had other names of charts in its pictures, and says no number."""


class Info(BaseModel):
    """What `run.json` holds. `config` is the present one: live knobs change it."""

    format: int = 1
    id: str
    family: str
    data: str
    seed: int = Field(ge=0, lt=2**32)
    config: dict[str, Any]
    wall: dict[str, list[int | float]] = {}  # the axes, where it trains many models (lab/runs/wall.py)
    owner: str = ""  # a digest of the owner's browser key; empty: nobody may control it
    state: State = "paused"
    why: str = ""  # one sentence when the state needs one
    rounds: int | None = None  # ends after so many
    parent: str = ""  # forked from
    pace: str = ""  # runs of one pace train in step: none goes far ahead of the others
    created: float = Field(default_factory=time.time)


def home() -> Path:
    return home_of(None)


def folder(run_id: str) -> Path:
    """The directory of an existing run. Raises `Refused` before an odd id touches the disk."""
    if not _ID.fullmatch(run_id):
        raise Refused("That is not a run's id: ids have 8 to 40 small letters, digits and hyphens.")
    for place in (home(), *recordings()):
        if (place / run_id / "run.json").is_file():
            return place / run_id
    raise Refused(f"There is no run {run_id}. It may have been deleted; press Train to start another.")


def here(run_id: str) -> bool:
    """Whether this run, known to be one, is still among the home's own."""
    return (home() / run_id / "run.json").is_file()


def recordings() -> list[Path]:
    """Folders of recordings: the lab's own, and those beside the families of GENLAB_FAMILIES."""
    own = [place for folder in dispatch.folders() for place in (folder, *folder.iterdir())]
    return [RECORDINGS, *(place / "recordings" for place in own if (place / "recordings").is_dir())]


def is_recording(at: Path) -> bool:
    """Whether this directory is a recording, which nobody goes on with."""
    return at.parent in recordings()


def weights(at: Path) -> Path:
    """Where a recording keeps the weights of its model, if it has them."""
    return at / "weights.safetensors"


def has_model(at: Path) -> bool:
    """Whether there is a model to ask."""
    return not is_recording(at) or weights(at).exists()


def create(info: dict[str, Any], place: Path | None = None) -> Path:
    """Make a run directory with an id of its own and return its path."""
    run_id = secrets.token_hex(6)
    at = (place or home()) / run_id
    (at / "keyframes").mkdir(parents=True)
    write_info(at, Info(format=FORMAT, id=run_id, **info))
    return at


def read_info(at: Path) -> Info:
    try:
        info = Info.model_validate_json((at / "run.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise Refused(f"{at} is not a run directory that this version can read: {error}") from error
    if info.format > FORMAT:
        known = f"this version of the lab reads formats up to {FORMAT}"
        raise Refused(f"Run {info.id} has format {info.format}, and {known}: update genlab.")
    return info


def write_info(at: Path, info: Info) -> None:
    write(at / "run.json", info.model_dump_json(indent=1).encode())


def change_info(at: Path, **values: Any) -> Info:
    info = read_info(at).model_copy(update=values)
    write_info(at, info)
    return info


def every() -> list[Info]:
    """All runs that can be read, newest first."""
    infos = []
    for file in home().glob("*/run.json"):
        with suppress(Refused):
            infos.append(read_info(file.parent))
    return sorted(infos, key=lambda info: -info.created)


def write(path: Path, data: bytes, durable: bool = True) -> None:
    """Replace a file so that a crash leaves either the old one or the new one, whole. `durable` waits for the
    disk, some milliseconds: for what must survive a power cut."""
    temp = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with temp.open("wb") as file:
        file.write(data)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    temp.replace(path)


def append(path: Path, row: dict[str, Any]) -> None:
    with path.open("ab") as file:
        file.write(_line(row))  # one write a line


def rows(path: Path, tail: int | None = None, having: tuple[bytes, ...] = (b"",)) -> list[dict[str, Any]]:
    """Whole lines of a JSONL file, or of its last `tail` bytes; only those with one of the words `having`:
    looking for words takes a tenth of the time of reading JSON."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - tail) if tail else 0
        file.seek(start)
        lines = file.read().split(b"\n")[:-1]
    kept = (line for line in lines[1 if start else 0 :] if any(word in line for word in having))
    return [json.loads(line) for line in kept if line]


def write_rows(path: Path, kept: Iterable[dict[str, Any]]) -> None:
    write(path, b"".join(map(_line, kept)))


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def keyframe(at: Path, round: int, state: bool = False) -> Path:
    return at / "keyframes" / f"{round:08d}{'.state' if state else ''}.safetensors"


def keyframes(at: Path) -> list[int]:
    """Rounds that have a picture, in order."""
    return sorted(int(f.name[:8]) for f in (at / "keyframes").glob("????????.safetensors"))


def fork(at: Path, owner: str, round: int | None = None) -> Path:
    """A copy of a run that is the caller's own, from now or from a keyframe."""
    info = read_info(at)
    if round is not None and not keyframe(at, round, state=True).exists():
        raise Refused(f"Round {round} of run {info.id} has no stored weights; fork from another keyframe.")
    copied = info.model_dump(include={"family", "data", "seed", "config", "wall", "rounds"})
    new = create(copied | {"owner": owner, "parent": info.id})
    for file in (at / "keyframes").glob("*.safetensors"):
        if round is None or int(file.name[:8]) <= round:
            shutil.copy2(file, new / "keyframes" / file.name)
    history = rows(at / "metrics.jsonl")
    write_rows(new / "metrics.jsonl", [r for r in history if round is None or r["round"] <= round])
    weights = at / "checkpoint.safetensors" if round is None else keyframe(at, round, state=True)
    commands = rows(at / "commands.jsonl")
    if weights.exists():
        shutil.copy2(weights, new / "checkpoint.safetensors")
        if round is not None:  # later commands are not part of this history
            commands = commands[: wire.read_about(weights)["commands"]]
    write_rows(new / "commands.jsonl", commands)
    return new


def delete(at: Path) -> None:
    """Move a run to the trash folder beside the runs, where it can be fetched back by hand."""
    (home() / "trash").mkdir(exist_ok=True)
    at.replace(home() / "trash" / f"{at.name}-{int(time.time())}")
