"""The recordings that rooms open with: `python -m lab.makers.recordings` makes those in assets/recordings.

A recording is a run directory with pictures: real training by this code, from seed 0 with the default knobs.
It keeps the weights of its model at its end and, as far as they are small, at earlier rounds, so that all
tools answer at once.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping
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
"""Shares of the first learning rates, by the share of the rounds from which they hold."""
SAID = "The recording's learning rates fall to {rates} of the sliders' after {shares} of its rounds."
EARLIER_BYTES = 300_000
"""What the weights of a recording's earlier rounds may take, without those of its end."""


def record(recording: Recording, place: Path) -> None:
    """Train and keep pictures, which are closer together early in the training."""
    config = (
        find(recording.family).configure(data.load(recording.data).space, dict(recording.knobs)).model_dump()
    )
    setting = {"family": recording.family, "data": recording.data, "seed": 0, "config": config, "threads": 1}
    with tempfile.TemporaryDirectory() as home:
        run = Run(store.create(setting, Path(home)))
        at = place / recording.name
        shutil.rmtree(at, ignore_errors=True)
        (at / "keyframes").mkdir(parents=True)
        rounds, pictures = recording.rounds, recording.pictures
        kept = {round(rounds * (i / (pictures - 1)) ** 2.5) for i in range(pictures)}
        weighed = with_weights(sorted(kept), size_of(run.model))
        first = {name: value for name, value in config.items() if name.startswith("lr")}
        slower = SLOWER if recording.slower else {}
        rates = {round(rounds * share): rate for share, rate in slower.items()}
        run.play()
        for stop in sorted(kept | rates.keys()):
            while run.round < stop:
                run.train(rounds=stop - run.round)
            if stop in rates:
                run.do({"do": "set", "values": {name: rate * rates[stop] for name, rate in first.items()}})
            if stop in kept:
                store.write(store.keyframe(at, stop), run.frame(key=stop))
            if stop in weighed or stop == rounds:
                packed = wire.pack_state(halved(run.model), {"round": stop, "config": config})
                store.write(store.weights(at, stop if stop < rounds else None), packed)
        shutil.copy(run.at / "metrics.jsonl", at)
        ended = {"state": "ended", "config": config, "why": said(slower)}
        store.write_info(at, run.info.model_copy(update=ended))
        print(f"{recording.name}: {rounds:,} rounds, {run.quality()}")


def said(slower: Mapping[float, float]) -> str:
    """What is not in the knobs of a recording that learned more slowly towards its end."""
    shares, rates = (", ".join(f"{one:.0%}" for one in each) for each in (slower, slower.values()))
    return SAID.format(shares=shares, rates=rates) if slower else ""


def with_weights(kept: list[int], size: int) -> list[int]:
    """At which of the kept rounds before the last the weights are stored, too: as many as there is room for,
    evenly among the pictures."""
    *earlier, _ = kept
    n = min(len(earlier), EARLIER_BYTES // size)
    return [earlier[int((i + 0.5) * len(earlier) / n)] for i in range(n)]


def size_of(model: Family) -> int:
    return sum(t.numel() * t.element_size() for t in halved(model).values())


def halved(model: Family) -> dict[str, Tensor]:
    """The weights in half precision; only the averaged ones, if there are any: they answer all questions.
    What is solved for and not descended is exact, and stays so."""
    left = tuple(f"{player}." for player in model.players) if hasattr(model, "average") else ()
    held = {name: t for name, t in model.state_dict().items() if not name.startswith(left)}
    solved = all(model.optimizer(player) is None for player in model.players)
    return {
        f"model/{name}": t.half() if t.ndim and t.is_floating_point() and not solved else t
        for name, t in held.items()
    }


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
