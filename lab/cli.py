"""The `genlab` command: open the lab, or list, train, sample and check from a terminal."""

from __future__ import annotations

import argparse
import json
import platform
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from engine.config import Knob, Refused


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when all went well, 2 after a refusal, which is printed in one sentence."""
    try:
        options = parser().parse_args(arguments)
        return options.run(options) or 0
    except Refused as refusal:
        print(f"genlab: {refusal}", file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"genlab: {error.filename}: {error.strerror}." if error.filename else f"genlab: {error}",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="genlab", description="A teaching lab for deep generative models.")
    top.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    top.add_argument("--port", type=int, default=8501, help="port to listen on (default: 8501)")
    top.set_defaults(run=open_lab)
    commands = top.add_subparsers(title="commands", metavar="")

    listing = commands.add_parser("list", help="the model families and the data")
    listing.set_defaults(run=list_all)

    training = commands.add_parser("train", help="train a model without the app")
    by_family = training.add_subparsers(title="families", metavar="FAMILY", required=True)
    from engine.families import families

    for name, family in families().items():
        one = by_family.add_parser(name, help=family.title, description=f"{family.title}: {family.source}")
        one.add_argument(
            "--data", required=True, help="a name from `genlab list`, a .csv, a folder or a .zip"
        )
        one.add_argument("--rounds", type=int, required=True, help="training rounds to make")
        one.add_argument("--seed", type=int, default=0, help="of weights, batches and noise (default: 0)")
        one.add_argument(
            "--out", type=Path, help="folder to put the run in (default: $GENLAB_HOME or ./runs)"
        )
        one.add_argument("--json", action="store_true", help="print a JSON object a line, the summary last")
        one.set_defaults(run=train, family=name)
        knobs = one.add_argument_group("knobs")
        for knob in family.Config.knobs().values():
            flags = dict.fromkeys([f"--{knob.name}", f"--{knob.name.replace('_', '-')}"])
            knobs.add_argument(*flags, dest=f"knob:{knob.name}", metavar="V", help=_help(knob))

    sampling = commands.add_parser("sample", help="draw samples from a run")
    sampling.add_argument("which", metavar="RUN", help="a run's id or directory")
    sampling.add_argument("-n", type=int, default=64, help="how many samples (default: 64)")
    sampling.add_argument(
        "--out", type=Path, required=True, help="a .png (images), .csv or .npz file to write"
    )
    sampling.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    sampling.set_defaults(run=sample)

    checking = commands.add_parser("doctor", help="check this machine")
    checking.set_defaults(run=doctor)
    return top


def _help(knob: Knob) -> str:
    return f"{knob.says}; {knob.range}, default {knob.default}".replace("%", "%%")


def open_lab(options: argparse.Namespace) -> None:
    if not 1 <= options.port <= 65535:
        raise Refused("--port must be a whole number from 1 to 65535.")
    if not _free(options.host, options.port):
        raise Refused(
            f"Port {options.port} of {options.host} is taken; try `genlab --port {options.port + 1}`."
        )
    from lab.server import serve

    shown = f"[{options.host}]" if ":" in options.host else options.host
    print(f"genlab is at http://{shown}:{options.port} (stop with Ctrl+C)", flush=True)
    serve(options.host, options.port)


def _free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if isinstance(error, socket.gaierror):
                raise Refused(f"This machine has no address {host!r}; try 127.0.0.1.") from error
            return False
    return True


def list_all(options: argparse.Namespace) -> None:
    from engine import data
    from engine.families import families

    print("Families")
    for name, family in families().items():
        print(f"  {name:<16}{family.title}  ({family.source})")
    print("\nData")
    for choice in data.names():
        needs = "  [needs a network once]" if choice.needs_network else ""
        print(f"  {choice.name:<16}{choice.says}{needs}")
    print("\nKnobs of a family: genlab train FAMILY --help")


def train(options: argparse.Namespace) -> None:
    from engine import data, device
    from engine.families import find
    from engine.metrics.observe import held_out
    from lab.runs import store
    from lab.runs.run import Run

    if options.rounds < 1:
        raise Refused("--rounds must be a whole number from 1.")
    _check_seed(options.seed)
    where = options.out or store.home()
    name = _data(options.data, where)
    values = {k[5:]: v for k, v in vars(options).items() if k.startswith("knob:") and v is not None}
    family, space = find(options.family), data.load(name, where).space
    config = family.configure(space, values)  # refuse before anything is written
    if not isinstance(space, family.kinds):
        raise Refused(f"{family.title} does not model {name}; choose other data from `genlab list`.")
    device.prepare(1)
    at = store.create(
        {
            "family": family.name,
            "data": name,
            "seed": options.seed,
            "config": config.model_dump(),
            "rounds": options.rounds,
        },
        where,
    )
    run = Run(at)
    run.play()
    _show(run, options.json)
    last = run.history[-1] if run.history else {}
    summary = {"run": at.name, "directory": str(at), "state": run.info.state, "round": run.round}
    sound = run.info.state != "failed"  # NaN is no JSON
    tested = held_out(run.model, run.data, len(run.data.test_x)) if sound else {}
    if options.json:
        quality = run.quality() if sound else {}
        print(json.dumps(summary | {"why": run.info.why, "last": last, "quality": quality, "test": tested}))
    else:
        print(f"{run.info.why}\nrun {at.name} in {at}")
        for name, value in tested.items():
            if not isinstance(value, list):
                print(f"test {name.removeprefix('test ')}: {value:.4g}")
    if run.info.state == "failed":
        raise Refused(f"Run {at.name} failed. {run.info.why}")


def _show(run: Any, as_json: bool) -> None:
    """Train to the end, telling of each row or moving a bar. Ctrl+C stops at the end of a slice,
    where the run is whole and is stored; a second one stops at once."""
    from tqdm import tqdm

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
                for row in run.history[seen:]:
                    if as_json:
                        print(json.dumps(row))
                if len(run.history) > seen:
                    terms = run.history[-1].items()
                    bar.set_postfix({k: f"{v:.3f}" for k, v in terms if isinstance(v, float)})
                seen = len(run.history)
            if asked:
                run.settle("paused", "It was stopped at the keyboard.")
        finally:
            signal.signal(signal.SIGINT, usual)
            if run.info.state == "training":  # cut off within a slice: the last checkpoint stands
                run.settle("paused", "It was cut off.", save=False)


def _data(text: str, home: Path) -> str:
    """The name of the data that `--data` means; files are read and kept with the runs."""
    from engine import data

    path, ending = Path(text), Path(text).suffix.lower()
    if text in (choice.name for choice in data.names()):
        return text
    if "," in text:  # pictures of a transfer, files among them
        files = {part: Path(part) for part in text.split(",")}
        held = {part: data.keep_picture(f.read_bytes(), home) for part, f in files.items() if f.is_file()}
        return ".".join(held.get(part, part) for part in text.split(","))
    if ending == ".csv" and path.is_file():
        return data.keep_points(data.read_csv(path.read_bytes()), "csv", home)
    if path.is_dir() or (ending == ".zip" and path.is_file()):
        return data.keep_images(path, home)
    if ending in (".csv", ".zip"):
        raise Refused(f"There is no file {text}.")
    return text


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**32:
        raise Refused("--seed must be a whole number from 0 to 4294967295.")


def sample(options: argparse.Namespace) -> None:
    import torch

    from engine import device
    from lab.runs import store
    from lab.runs.questions import stored
    from lab.save import save_samples

    if not 1 <= options.n <= 100_000:
        raise Refused("-n must be from 1 to 100000.")
    _check_seed(options.seed)
    at = Path(options.which)
    at = at if (at / "run.json").is_file() else store.folder(options.which)
    info = store.read_info(at)
    if info.wall:
        raise Refused(f"{info.id} is a wall of many models; open one of them as a run and sample that.")
    device.prepare(1)
    round, model, learned = stored(at)
    torch.manual_seed(options.seed)
    # a model that knows both, labels and none, is better with them
    labels = model.labels(options.n) if getattr(model, "conditional", False) else None
    save_samples(model.sample(options.n, labels), learned, options.out)
    print(f"{options.n} samples of run {info.id}, round {round:,}, in {options.out}")


def doctor(options: argparse.Namespace) -> int:
    """Check what the lab needs of this machine; 1 if something is missing."""
    import streamlit
    import torch

    from engine import data, device
    from engine.families import families
    from engine.space import Picture
    from lab.runs import store

    wrong = 0

    def line(good: bool | None, what: str, value: str) -> None:
        nonlocal wrong
        wrong += good is False
        print(f"{'ok ' if good else '-- ' if good is None else 'BAD'} {what:<14}{value}")

    line(sys.version_info >= (3, 11), "python", platform.python_version())
    line(True, "torch", torch.__version__)
    line(True, "streamlit", streamlit.__version__)
    line(True, "device", str(device.pick()))
    line(True, "families", ", ".join(families()))
    free = _free("127.0.0.1", 8501)
    line(free or None, "port 8501", "free" if free else "taken; use genlab --port N")
    home = store.home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        store.write(home / ".doctor", b"")
        (home / ".doctor").unlink()
        line(True, "write access", str(home.resolve()))
    except OSError as error:
        line(False, "write access", f"{home.resolve()}: {error.strerror}; set GENLAB_HOME to another folder")
    for choice in data.names(Picture):
        if choice.needs_network and not (home / "data" / "torchvision").exists():
            line(None, choice.name, "not here yet; needs a network once")
            continue
        try:
            line(True, choice.name, f"{len(data.load(choice.name)):,} training images")
        except Refused as refusal:
            line(None if choice.needs_network else False, choice.name, str(refusal))
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
