"""`genlab train` and `genlab sample`: a model without the app, by the same runs as in the app."""

from __future__ import annotations

import argparse
import json
import math
import re
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from engine import data, device
from engine.brought.images import SUFFIXES
from engine.config import Refused
from engine.data import Dataset
from engine.data.transfer import Transfer
from engine.families import find
from engine.metrics.measure import LEFT_OUT, taken
from engine.metrics.observe import held_out
from engine.space import Picture
from lab.runs import files, store
from lab.runs.questions import stored
from lab.runs.run import Run
from lab.scenes.arrays import pictures

GAP = 2  # pixels between pictures
TABLES = (".csv", ".tsv", ".txt")
ENDINGS = {*TABLES, ".zip", *SUFFIXES}


def train(options: argparse.Namespace) -> None:
    """Make a run of `family` on `data`, train it and print what came of it. Raises `Refused`."""
    if options.rounds < 1:
        raise Refused("--rounds must be a whole number from 1.")
    where = options.out or store.home()
    name = name_of(options.data, where)
    values = {k[5:]: v for k, v in vars(options).items() if k.startswith("knob:") and v is not None}
    family, space = find(options.family), data.load(name, where).space
    configured = family.configure(space, values)  # refuse before anything is written
    for knob, only in configured.without_effect(space).items():
        if knob in values:
            print(f"--{knob} changes nothing here: it counts {only}.", file=sys.stderr)
    config = configured.model_dump()
    if not isinstance(space, family.kinds):
        raise Refused(f"{family.title} does not model {name}; choose other data from `genlab list`.")
    device.prepare(1)
    setting = {"family": family.name, "data": name, "seed": options.seed, "config": config}
    run = Run(store.create(setting | {"rounds": options.rounds}, where), by="command")
    run.play()
    try:
        _show(run, options.json)
    except Exception as error:
        run.fail(files.why(error))
        raise Refused(f"Run {run.at.name} failed. {run.info.why}") from error
    summary = {"run": run.at.name, "directory": str(run.at), "state": run.info.state, "round": run.round}
    sound = run.info.state != "failed"  # NaN is no JSON
    # as a row of this round has them: a name is one number
    quality = run.quality() if sound else {}
    names = taken([("", lambda: held_out(run.model, run.data))]) if sound else {}
    tested = {name: quality[name] for name in names if name in quality and name != LEFT_OUT}
    if options.json:
        last = run.history[-1] if run.history else {}
        print(json.dumps(summary | {"why": run.info.why, "last": last, "quality": quality, "test": tested}))
    else:
        print(f"{run.info.why}\nrun {run.at.name} in {run.at}")
        for measure, value in tested.items():
            if not isinstance(value, list):
                print(f"test {measure.removeprefix('test ')}: {value:.4g}")
        for sentence in quality.get(LEFT_OUT, []):
            print(sentence)
    if not sound:
        raise Refused(f"Run {run.at.name} failed. {run.info.why}")


def _show(run: Run, as_json: bool) -> None:
    """Train to the end, telling of each row or moving a bar. Ctrl+C stops at the end of a slice,
    where the run is whole and is stored; a second one stops at once."""
    asked: list[int] = []

    def stop(number: int, frame: object) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    seen = len(run.history)
    usual = signal.signal(signal.SIGINT, stop)
    with tqdm(total=run.info.rounds, unit="round", disable=as_json, file=sys.stderr) as bar:
        try:
            while run.info.state == "training" and not asked:
                before = run.round
                run.train(seconds=0.25)
                bar.update(run.round - before)
                rows, seen = run.history[seen:], len(run.history)
                if as_json:
                    for row in rows:
                        print(json.dumps(row))
                elif rows:
                    terms = rows[-1].items()
                    bar.set_postfix({k: f"{v:.3f}" for k, v in terms if isinstance(v, float)})
            if asked:
                run.settle("paused", "It was stopped at the keyboard.")
        finally:
            signal.signal(signal.SIGINT, usual)
            if run.info.state == "training" and isinstance(sys.exception(), KeyboardInterrupt | SystemExit):
                run.settle("paused", "It was cut off.", save=False)  # the last checkpoint stands


def name_of(text: str, home: Path) -> str:
    """The name of the data that `--data` means; files are read and kept with the runs. A file that is there
    is taken as such, whatever its name looks like. Raises `Refused`."""
    if not text.strip():
        raise Refused("--data is empty; give a name from `genlab list`, a table, a folder or a .zip file.")
    if text in (choice.name for choice in data.names()) or all(map(_built_in, text.split("."))):
        return text
    ending, shown = Path(text).suffix.lower(), text[-80:]
    if _is("dir", text) or (ending == ".zip" and _is("file", text)):
        return data.keep_images(Path(text), home)
    if _is("file", text):
        if ending in SUFFIXES:
            raise Refused(f"{shown} is one picture; give a folder or .zip of them, or CONTENT,STYLE.")
        if ending not in TABLES:
            raise Refused(f"{shown} is no table; save it as .csv, .tsv or .txt, or give a folder or a .zip.")
        return data.keep_points(data.read_csv(Path(text).read_bytes()), "csv", home)
    if _is("other", text):
        raise Refused(f"{shown} is neither a file nor a folder; save what it gives as a file.")
    parts = _files(text.split(","))
    if len(parts) > 1 and ending not in {*TABLES, ".zip"}:
        return ".".join(_picture(part, home) for part in parts)
    if ending in ENDINGS or _is_path(text):
        raise Refused(f"There is no file {shown}.")
    if "." in text and not any(map(_built_in, text.split("."))):
        raise Refused(f"There is no file and there are no data called {shown}; see `genlab list`.")
    return text


def _built_in(part: str) -> bool:
    """Whether this is the name of a picture that is here."""
    return part in data.pictures.PICTURES or bool(re.match(r"(photo|painted)-", part))


def _is_path(text: str) -> bool:
    return "/" in text or "\\" in text


def _is(what: str, text: str) -> bool:
    """Whether something of this kind has this path; what cannot be a path is not there."""
    if not text:  # pathlib takes it for the current folder
        return False
    try:
        path = Path(text)
        kinds = {"dir": path.is_dir(), "file": path.is_file()}
        return kinds[what] if what in kinds else path.exists()
    except (OSError, ValueError):
        return False


def _files(parts: list[str]) -> list[str]:
    """The parts between commas, of which those that name a file together belong together."""
    for end in range(len(parts), 1, -1):
        if _is("file", name := ",".join(parts[:end])):
            return [name, *_files(parts[end:])]
    return [parts[0], *_files(parts[1:])] if parts else []


def _picture(part: str, home: Path) -> str:
    """The name of a picture of a transfer, which may be a file."""
    if _is("file", part):
        try:
            return data.keep_picture(Path(part).read_bytes(), home)
        except Refused as refusal:
            raise Refused(f"{part[-80:]}: {refusal}") from refusal
    if _is("dir", part):
        raise Refused(f"{part[-80:]} is a folder; give a picture file.")
    if "." in part or _is_path(part):
        raise Refused(f"There is no file {part[-80:]}.")
    data.picture(part, home)  # refuses what is none
    return part


def sample(options: argparse.Namespace) -> None:
    """Write `n` samples of the run `which` to `out`. Raises `Refused`."""
    if not 1 <= options.n <= 100_000:
        raise Refused("-n must be from 1 to 100000.")
    at = Path(options.which)
    at = at if files.is_file(at / "run.json") else store.folder(options.which)
    info = store.read_info(at)
    if info.wall:
        raise Refused(f"{info.id} is a wall of many models; open one of them as a run and sample that.")
    device.prepare(1)
    round, model, learned = stored(at)
    torch.manual_seed(options.seed)
    where = f"of run {info.id}, round {round:,}, in {options.out}"
    if isinstance(learned.space, Transfer):
        save(model.in_parts(1), learned, options.out)
        print(f"1 picture {where}: a transfer has one result, which -n does not change")
    else:
        save(model.in_parts(options.n), learned, options.out)
        print(f"{options.n} samples {where}")


def save(parts: Iterable[Tensor], learned: Dataset, out: Path) -> None:
    """Samples, in parts (n, *shape), to `out`; points in the units of the data they learned from."""
    ending = out.suffix.lower()
    if ending not in (".png", ".csv", ".npz"):
        raise Refused(f"{out.name} should end in .png, .csv or .npz.")
    is_image = isinstance(learned.space, Picture | Transfer)
    if ending == ".png" and not is_image:
        raise Refused("Points are written as .csv or .npz, not as a picture.")
    out.parent.mkdir(parents=True, exist_ok=True)
    center, unit = (t.cpu().double() for t in (learned.center, learned.unit))
    values = np.concatenate(
        [pictures(x) if is_image else (x.cpu().double() * unit + center).numpy() for x in parts]
    )
    if ending == ".png":
        Image.fromarray(grid(values)).save(out)
    elif ending == ".npz":
        np.savez_compressed(out, x=values)
    else:
        rows = values.reshape(len(values), -1)
        digits = [f"%.{n}g" for n in figures(center, unit, rows.shape[1])]
        np.savetxt(out, rows, delimiter=",", fmt="%d" if is_image else digits)


def figures(center: Tensor, unit: Tensor, columns: int) -> list[int]:
    """The figures with which each column is written: nine of what the model knows, a number near 1, and as
    many more as the table's own offset takes; float64 has 17."""
    offset = (center.abs() / unit).clamp(min=1).log10().ceil().expand(columns)
    return [min(17, 9 + int(more)) for more in offset]


def grid(images: np.ndarray) -> np.ndarray:
    """Images (n, H, W[, 3]) of bytes as tiles of one near-square picture."""
    n, h, w = images.shape[:3]
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.zeros((rows * (h + GAP) - GAP, columns * (w + GAP) - GAP, *images.shape[3:]), np.uint8)
    for i, image in enumerate(images):
        y, x = i // columns * (h + GAP), i % columns * (w + GAP)
        sheet[y : y + h, x : x + w] = image
    return sheet
