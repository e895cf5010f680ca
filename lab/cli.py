"""The `genlab` command: open the lab, or list, train, sample and check from a terminal."""

from __future__ import annotations

import argparse
import platform
import socket
import sys
from pathlib import Path

from engine import data, device
from engine.config import Refused
from engine.families import families
from engine.space import Picture
from lab.runs import store


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when all went well, 2 after a refusal, which is printed in one sentence."""
    try:
        options = parser().parse_args(arguments)
        if not 0 <= getattr(options, "seed", 0) < 2**32:
            raise Refused("--seed must be a whole number from 0 to 4294967295.")
        return options.run(options) or 0
    except Refused as refusal:
        said = str(refusal)
    except OSError as error:
        said = f"{error.filename}: {error.strerror}." if error.filename else str(error)
    except KeyboardInterrupt:
        return 130
    print(f"genlab: {said}", file=sys.stderr)
    return 2


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
        except socket.gaierror as error:
            raise Refused(f"This machine has no address {host!r}; try 127.0.0.1.") from error
        except OSError:
            return False
    return True


def list_all(options: argparse.Namespace) -> None:
    print("Families")
    for name, family in families().items():
        print(f"  {name:<16}{family.title}  ({family.source})")
    print("\nData")
    for choice in data.names():
        needs = "  [needs a network once]" if choice.needs_network else ""
        print(f"  {choice.name:<16}{choice.says}{needs}")
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
