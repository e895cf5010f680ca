"""The `genlab` command: open the lab, or list, train, sample and check from a terminal."""

from __future__ import annotations

import argparse
import io
import os
import platform
import sys
from pathlib import Path

from engine import data, device
from engine.config import Refused
from engine.families import families
from engine.space import Picture
from lab.classroom import hold
from lab.door import Door, opened, taken
from lab.runs import log, store


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when all went well, 2 after a refusal, which is printed in one sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # no encoding has all the signs: \\u2248 is better than a crash
            stream.reconfigure(errors="backslashreplace")
    try:
        options = parser().parse_args(arguments)
        if not 0 <= getattr(options, "seed", 0) < 2**32:
            raise Refused("--seed must be a whole number from 0 to 4294967295.")
        return options.run(options) or 0
    except Refused as refusal:
        said = str(refusal)
    except BrokenPipeError:  # `genlab list | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        said = f"{error.filename}: {error.strerror}." if error.filename else str(error)
    except KeyboardInterrupt:
        return 130
    print(f"genlab: {said}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="genlab", description="A teaching lab for deep generative models.")
    serving(top, "this machine only")
    top.set_defaults(
        run=open_lab, host=None, port=8501, base_path="", allow_host=[], allow_frame=[], behind_proxy=False,
        log="plain", cluster=None, workers=None, gpus_per_worker=None,
    )  # fmt: skip
    commands = top.add_subparsers(title="commands", metavar="")

    teaching = commands.add_parser("class", help="open the lab for a class", description=(
        "Open the lab for a class: students come in with a word, and the teacher has a page of their own."
    ))  # fmt: skip
    teaching.add_argument(
        "--name", default="", help="of the class; another name is another class, with another word"
    )
    serving(teaching, "every network of this machine")
    teaching.set_defaults(run=open_class)

    listing = commands.add_parser("list", help="the model families and the data")
    listing.set_defaults(run=list_all)

    training = commands.add_parser("train", help="train a model without the app")
    by_family = training.add_subparsers(title="families", metavar="FAMILY", required=True)
    for name, family in families().items():
        one = by_family.add_parser(name, help=family.title, description=f"{family.title}: {family.source}")
        one.add_argument(
            "--data",
            required=True,
            help="a name from `genlab list`, a table (.csv, .tsv, .txt), a folder or a .zip",
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
            says = f"{knob.says}; {knob.range}, default {knob.default}".replace("%", "%%")
            knobs.add_argument(*flags, dest=f"knob:{knob.name}", metavar="V", help=says)

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


def serving(parser: argparse.ArgumentParser, reach: str) -> None:
    """Options of a server. Those of a command do not undo what stands before it: `genlab --port 80 class`."""
    parser.argument_default = argparse.SUPPRESS
    parser.add_argument("--host", help=f"address to listen on (default: {reach})")
    parser.add_argument("--port", type=int, help="port to listen on (default: 8501)")
    parser.add_argument(
        "--log", choices=["plain", "json"], help="how to write the log: json is one object a line"
    )
    proxied = parser.add_argument_group("behind a proxy (.github/PROXY.md)")
    proxied.add_argument(
        "--base-path", metavar="PATH", help="the path under which a proxy shows the lab: /genlab"
    )
    proxied.add_argument(
        "--allow-host", action="append", metavar="NAME",
        help="a name by which browsers know the lab: lab.example; may be given several times",
    )  # fmt: skip
    proxied.add_argument(
        "--allow-frame", action="append", metavar="ORIGIN",
        help="whose pages may show the lab in a frame: https://moodle.example; may be given several times",
    )  # fmt: skip
    proxied.add_argument(
        "--behind-proxy",
        action="store_true",
        help="believe the proxy's Forwarded and X-Forwarded-... headers",
    )
    clustered = parser.add_argument_group("on a Ray cluster (.github/CLUSTER.md)")
    clustered.add_argument(
        "--cluster", metavar="ADDRESS", help="train there: HOST:PORT, or auto on a machine of the cluster"
    )
    clustered.add_argument(
        "--workers", type=int, metavar="N", help="how many (default: what is free, less a quarter)"
    )
    clustered.add_argument(
        "--gpus-per-worker", type=float, metavar="SHARE", help="0.25, say (default: 1 if there are GPUs)"
    )


def door_of(options: argparse.Namespace, usual: str) -> Door:
    o = options
    log.choose(o.log)
    host = usual if o.host is None else o.host
    door = opened(host, o.port, o.base_path, o.allow_host, o.allow_frame, o.behind_proxy)
    if o.cluster:
        from lab.runs import cluster  # before the server, whose signals Ray would take

        cluster.join(o.cluster, o.workers, o.gpus_per_worker)
    elif o.workers is not None or o.gpus_per_worker is not None:
        raise Refused("--workers and --gpus-per-worker are of a cluster: give --cluster ADDRESS, too.")
    return door


def open_class(options: argparse.Namespace) -> None:
    door, room = door_of(options, "0.0.0.0"), hold(options.name)
    from lab.server import serve

    first, *others = [f"{url}/?class={room.kept.word}" for url in door.urls]
    print(f"The class “{room.kept.name}” is open (stop with Ctrl+C).\n\n  Students open  {first}")
    for other in others:
        print(f"             or  {other}")
    print(f"  The word alone is {room.kept.word}.\n")
    print(f"  The teacher's page, for you alone:  {door.urls[0]}/class?class={room.kept.teacher}", flush=True)
    serve(door, room)


def open_lab(options: argparse.Namespace) -> None:
    door = door_of(options, "127.0.0.1")
    from lab.server import serve

    reach = "" if door.at_home else ", and other machines reach it"
    print(f"genlab is at {door.url}{reach} (stop with Ctrl+C)", flush=True)
    serve(door)


def list_all(options: argparse.Namespace) -> None:
    print("Families")
    for name, family in families().items():
        print(f"  {name:<24}{family.title}  ({family.source})")
    print("\nData")
    for choice in data.names():
        needs = "  [needs a network once]" if choice.needs_network else ""
        print(f"  {choice.name:<24}{choice.says}{needs}")
    print("\nKnobs of a family: genlab train FAMILY --help")


def train(options: argparse.Namespace) -> None:
    from lab.terminal import train  # what a run needs is loaded only here: it takes a second

    train(options)


def sample(options: argparse.Namespace) -> None:
    from lab.terminal import sample

    sample(options)


def doctor(options: argparse.Namespace) -> int:
    """Check what the lab needs of this machine; 1 if something is missing."""
    import streamlit
    import torch

    wrong = 0

    def line(good: bool | None, what: str, value: str) -> None:
        nonlocal wrong
        wrong += good is False
        print(f"{'ok ' if good else '-- ' if good is None else 'BAD'} {what:<14}{value}")

    line(sys.version_info >= (3, 11), "python", platform.python_version())
    line(True, "torch", torch.__version__)
    line(True, "streamlit", streamlit.__version__)
    try:
        line(True, "device", ", else ".join(map(str, device.devices())))
    except Refused as refusal:
        line(False, "device", str(refusal))
    line(True, "families", ", ".join(families()))
    trouble = taken("127.0.0.1", 8501)
    line(None if trouble else True, "port 8501", trouble or "free")
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
