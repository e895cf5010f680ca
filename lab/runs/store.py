"""Run directories, the only truth about runs: every tab, the command line and a restarted server read them.

    <home>/<id>/run.json               family, data, seed, config, owner, state
                commands.jsonl         what was done to the run and when, for replay
                metrics.jsonl          one row of means a line
                checkpoint.safetensors weights, optimizers, random state; the JSON is in its header
                keyframes/             00000100.safetensors, the picture of round 100, and
                                       00000100.state.safetensors, what a rewind restores
                weights.safetensors    of a recording: its model at the end, in half precision; in keyframes/
                                       00000100.weights.safetensors, that of round 100

                lock                   whose process trains it (lab/runs/lock.py)

Others may have written any of these files: what cannot be used is refused in a sentence.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Container
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, FiniteFloat, PrivateAttr, ValidationError, field_validator

from engine import dispatch
from engine.config import Refused
from engine.data.keep import home_of
from engine.families import find
from lab.runs import files, lock
from lab.runs.files import append as append
from lab.runs.files import rows, write, write_rows
from lab.runs.kept import checkpoint, keyframe, keyframes, states, weighed, weights
from lab.runs.state import unpack

ASSETS = Path(__file__).parents[2] / "assets"
RECORDINGS = ASSETS / "recordings"
_ID = re.compile(r"[a-z0-9][a-z0-9-]{7,39}")
_ID_RULE = "ids have 8 to 40 small letters, digits and hyphens"
_NAME = r"^[\w.-]{1,200}$"
NOBODY = "Nobody trains it at the moment."

State = Literal["ready", "training", "paused", "ended", "failed"]
"""A run that is ready waits at round 0 for its owner to press Train, and has never trained."""
FORMAT = 2
"""Of run directories and recordings. 1 had other names of charts in its pictures, and says no number."""


class Info(BaseModel):
    """What `run.json` holds. `config` is the present one: live knobs change it. The name of the directory is
    the id, so a directory copied by hand is a run of its own."""

    format: int = Field(1, ge=1)
    family: str = Field(pattern=_NAME)
    data: str = Field(pattern=_NAME)
    seed: int = Field(ge=0, lt=2**32)
    config: dict[str, Any]
    threads: int = Field(0, ge=0, le=256)  # its numbers depend on them; 0: of an older version
    wall: dict[str, list[int | FiniteFloat]] = {}  # the axes, where it trains many models (lab/runs/wall.py)
    owner: str = Field("", max_length=200)  # a digest of the owner's key; empty: nobody may control it
    state: State = "paused"
    why: str = Field("", max_length=2000)  # one sentence when the state needs one
    diverged: bool = False  # it failed because its numbers are lost: to train on is no cure
    rounds: int | None = Field(None, ge=0)  # ends after so many
    parent: str = Field("", max_length=200)  # forked from
    pace: str = Field("", max_length=200)  # runs of one pace train in step: none goes far ahead of the others
    created: float = Field(default_factory=time.time)
    _id: str = PrivateAttr("")

    @property
    def id(self) -> str:
        return self._id

    @field_validator("created", mode="before")
    @classmethod
    def _moment(cls, value: Any) -> float:
        """A moment from 1970 to 2100; 0 for all else, because an odd one must hide no run."""
        return value if isinstance(value, int | float) and 0 < value < 4.1e9 else 0.0


def home() -> Path:
    return home_of(None)


def folder(run_id: str) -> Path:
    """The directory of an existing run. Raises `Refused` before an odd id touches the disk."""
    if not _ID.fullmatch(run_id):
        raise Refused(f"That is not a run's id: {_ID_RULE}.")
    for place in (home(), *recordings()):
        if files.is_file(place / run_id / "run.json"):
            return place / run_id
    raise Refused(f"There is no run {run_id}. It may have been deleted; press Train to start another.")


def here(run_id: str) -> bool:
    """Whether this run, known to be one, is still among the home's own."""
    return files.is_file(home() / run_id / "run.json")


def recordings() -> list[Path]:
    """Folders of recordings: the lab's own, and those beside the families of GENLAB_FAMILIES."""
    own = [place for folder in dispatch.folders() for place in (folder, *folder.iterdir())]
    return [RECORDINGS, *(place / "recordings" for place in own if (place / "recordings").is_dir())]


def is_recording(at: Path) -> bool:
    """Whether this directory is a recording, which nobody goes on with."""
    return at.parent in recordings()


def stored(at: Path, round: int | None = None) -> Path:
    """What holds the model of a run or a recording: its newest, or that of the kept round which is at `round`
    or the nearest before; where nothing is as early, the earliest that there is."""
    newest = weights(at) if is_recording(at) else checkpoint(at)
    if round is None or (is_recording(at) and round >= max(keyframes(at), default=0)):
        return newest
    kept = weighed(at) if is_recording(at) else states(at)
    nearest = max((one for one in kept if one <= round), default=min(kept, default=None))
    if nearest is None:
        return newest
    return weights(at, nearest) if is_recording(at) else keyframe(at, nearest, state=True)


def has_model(at: Path) -> bool:
    """Whether there is a model to ask."""
    return not is_recording(at) or weights(at).exists()


def create(info: dict[str, Any], place: Path | None = None) -> Path:
    """Make a run directory with an id of its own and return its path."""
    whole = Info(format=FORMAT, **{"threads": threads(info["family"])} | info)
    at = (place or home()) / secrets.token_hex(6)
    try:
        (at / "keyframes").mkdir(parents=True)
        write_info(at, whole)
    except OSError as error:
        shutil.rmtree(at, ignore_errors=True)
        why = f"A new run cannot be stored in {at.parent}: {error.strerror}."
        raise Refused(f"{why} See to that, then try again.") from error
    return at


def threads(family: str) -> int:
    """With how many threads a new run trains: more help heavy ones only, and one core is the server's."""
    return max(1, (os.cpu_count() or 2) - 1) if find(family).heavy else 1


def read_info(at: Path) -> Info:
    name = at.absolute().name  # of the directory itself, not of what a link points to
    try:
        info = Info.model_validate_json(files.text(at / "run.json"))
        info.created = info.created or (at / "run.json").stat().st_mtime
    except (OSError, ValueError) as error:
        raise Refused(f"{name} is not a run directory that this version can read: {_odd(error)}.") from error
    if info.format > FORMAT:
        known = f"this version of the lab reads formats up to {FORMAT}"
        raise Refused(f"Run {name} has format {info.format}, and {known}: update genlab.")
    info._id = name
    return info


def _odd(error: Exception) -> str:
    """What is wrong with a run.json."""
    if isinstance(error, OSError):
        return f"its run.json cannot be read ({error.strerror})"
    errors = error.errors() if isinstance(error, ValidationError) else []
    if wrong := dict.fromkeys(str(one["loc"][0]) for one in errors if one["loc"]):
        return f"its run.json has no usable {', '.join(wrong)}"
    return "its run.json is damaged"


def look(at: Path, read: Callable[[Path], Info] = read_info) -> Info:
    """What is true of a run for those who only look: one in "training" trains only if somebody trains it."""
    info = read(at)
    if info.state == "training" and not lock.holder(at):
        info.state, info.why = "paused", NOBODY
    return info


def write_info(at: Path, info: Info) -> None:
    write(at / "run.json", info.model_dump_json(indent=1).encode())


def change_info(at: Path, **values: Any) -> Info:
    info = read_info(at).model_copy(update=values)
    write_info(at, info)
    return info


def stop(at: Path, why: str) -> None:
    """Say in its directory that a run has failed, where no process has it open any more. Raises `Refused`."""
    held = lock.Lock(at)
    try:
        change_info(at, state="failed", why=why)
    finally:
        held.close()


def check_name(name: str) -> None:
    """Raises `Refused` if a run's folder cannot be called so."""
    if not _ID.fullmatch(name):
        raise Refused(f"This name is no run's id. Rename the folder: {_ID_RULE}.")


def listing(read: Callable[[Path], Info] = read_info) -> tuple[list[Info], dict[str, str]]:
    """All runs that can be read and have trained, newest first; and what is wrong with each folder that
    cannot be read."""
    infos, damaged = list[Info](), dict[str, str]()
    for at in (file.parent for file in home().glob("*/run.json")):
        try:
            check_name(at.name)
            infos.append(look(at, read))
        except Refused as refusal:
            damaged[at.name] = str(refusal)
    trained = [info for info in infos if info.state != "ready"]
    return sorted(trained, key=lambda info: -info.created), damaged


def every() -> list[Info]:
    """All runs that can be read, newest first."""
    return listing()[0]


def fork(at: Path, owner: str, round: int | None = None) -> Path:
    """A copy of a run that is the caller's own, from now or from a keyframe. It is a run when it is whole."""
    info, new = read_info(at), home() / secrets.token_hex(6)
    if round is not None and round not in states(at):
        raise Refused(f"Round {round} of run {info.id} has no stored weights; fork from another keyframe.")
    try:
        (new / "keyframes").mkdir(parents=True)
        _copy(at, new, round)
        copied = info.model_dump(include={"family", "data", "seed", "config", "wall", "rounds", "threads"})
        write_info(new, Info(format=FORMAT, owner=owner, parent=info.id, **copied))
    except BaseException as error:
        shutil.rmtree(new, ignore_errors=True)
        if isinstance(error, OSError):
            raise Refused(f"Run {info.id} cannot be copied: {error.strerror}.") from error
        raise
    return new


def _copy(at: Path, new: Path, round: int | None) -> None:
    """What a run was at a keyframe, or all of it: pictures and states, rows, and the commands it had met."""
    commands, weights = files.commands(at / "commands.jsonl"), checkpoint(at)
    if round is not None:
        weights = keyframe(at, round, state=True)
    try:
        kept = weights.read_bytes()
        _, about = unpack(weights, read_info(at), kept)
        commands = commands if round is None else commands[: about.commands]
        write(new / "checkpoint.safetensors", kept)
    except (Refused, FileNotFoundError):
        if round is not None:
            raise
        # without a checkpoint the copy begins at its newest keyframe, as the run itself would, and says so
    for file in (at / "keyframes").glob("????????.*safetensors"):
        if files.is_file(file) and (round is None or file.name[:8] <= f"{round:08d}"):
            shutil.copyfile(file, new / "keyframes" / file.name)
    history = rows(at / "metrics.jsonl")
    write_rows(new / "metrics.jsonl", [r for r in history if round is None or r["round"] <= round])
    write_rows(new / "commands.jsonl", commands)


def remove_ready(at: Path) -> None:
    """Remove a run, unless it has trained. Raises `Refused` if somebody has it open."""
    held = lock.Lock(at)
    try:
        if read_info(at).state == "ready":
            shutil.rmtree(at, ignore_errors=True)
    finally:
        held.close()


def sweep(older: float, looked_at: Container[str] = ()) -> None:
    """Remove what has been ready for so many seconds, has never trained, and is not looked at: somebody may
    have set the clock."""
    for file in home().glob("*/run.json"):
        with suppress(Refused):
            info = read_info(file.parent)
            old = info.created < time.time() - older
            if info.state == "ready" and old and info.id not in looked_at:
                remove_ready(file.parent)


def delete(at: Path) -> None:
    """Move a run to the trash folder beside the runs, where it can be fetched back by hand. Raises `Refused`
    if somebody trains it."""
    held = lock.Lock(at)
    try:
        (home() / "trash").mkdir(exist_ok=True)
        at.replace(home() / "trash" / f"{at.name}-{int(time.time())}")
    except OSError as error:
        raise Refused(f"Run {at.name} cannot be moved to the trash: {error.strerror}.") from error
    finally:
        held.close()
