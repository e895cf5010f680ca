"""The recordings that rooms open with: `python -m lab.makers.recordings` makes those in assets/recordings.

A recording is a run directory with pictures: real training by this code, from seed 0 with the default knobs.
Some keep the weights of their model, so that its tools work at once.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from torch import Tensor

from engine import data, device
from engine.dispatch import YOURS
from engine.families import find
from engine.family import Family
from lab.kit.subject import Recording, recordings
from lab.runs import store, wire
from lab.runs.run import Run

SLOWER = {0.5: 0.5, 0.75: 0.25, 0.9: 0.1}
"""Shares of the first learning rate, by the share of the rounds from which they hold."""


def record(recording: Recording, place: Path) -> None:
    """Train and keep pictures, which are closer together early in the training."""
    config = find(recording.family).configure(data.load(recording.data).space).model_dump()
    setting = {"family": recording.family, "data": recording.data, "seed": 0, "config": config, "threads": 1}
    with tempfile.TemporaryDirectory() as home:
        run = Run(store.create(setting, Path(home)))
        at = place / recording.name
        shutil.rmtree(at, ignore_errors=True)
        (at / "keyframes").mkdir(parents=True)
        rounds, pictures = recording.rounds, recording.pictures
        kept = {round(rounds * (i / (pictures - 1)) ** 2.5) for i in range(pictures)}
        slower = SLOWER if recording.weights and "lr" in config else {}
        rates = {round(rounds * share): config["lr"] * rate for share, rate in slower.items()}
        run.play()
        for stop in sorted(kept | rates.keys()):
            while run.round < stop:
                run.train(rounds=stop - run.round)
            if stop in rates:
                run.do({"do": "set", "values": {"lr": rates[stop]}})
            if stop in kept:
                store.write(store.keyframe(at, stop), run.frame(key=stop))
        shutil.copy(run.at / "metrics.jsonl", at)
        ended = {"state": "ended", "config": config}
        store.write_info(at, run.info.model_copy(update=ended))
        if recording.weights:
            packed = wire.pack_state(halved(run.model), {"round": rounds, "config": config})
            store.write(store.weights(at), packed)
        print(f"{recording.name}: {rounds:,} rounds, {run.quality()}")


def halved(model: Family) -> dict[str, Tensor]:
    """The weights in half precision; only the averaged ones, if there are any: they answer all questions."""
    left = tuple(f"{player}." for player in model.players) if hasattr(model, "average") else ()
    held = {name: t for name, t in model.state_dict().items() if not name.startswith(left)}
    return {f"model/{name}": t.half() if t.ndim and t.is_floating_point() else t for name, t in held.items()}


def main() -> None:
    """Make the recordings that are named, or all. Those of GENLAB_FAMILIES are written beside their words."""
    device.prepare(1)
    known = recordings()
    for name in sys.argv[1:] or known:
        recording, module = known[name]
        own = module.__name__.startswith(f"{YOURS}.")
        record(recording, Path(str(module.__file__)).parent / "recordings" if own else store.RECORDINGS)


if __name__ == "__main__":
    main()
