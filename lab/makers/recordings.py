"""Make the recordings that rooms open with: `python -m lab.makers.recordings` trains each afresh into
assets/recordings.

A recording is a run directory with pictures: real training, by this code, from seed 0 with the default knobs;
nothing in it is drawn by hand. Some keep their weights, so that their model can be asked at once.
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

# share of the rounds: of the first learning rate, from there on
SLOWER = {0.5: 0.5, 0.75: 0.25, 0.9: 0.1}


def record(one: Recording, place: Path) -> None:
    """Train, and keep pictures that lie closer together where training is young."""
    config = find(one.family).configure(data.load(one.data).space).model_dump()
    setting = {"family": one.family, "data": one.data, "seed": 0, "config": config}
    with tempfile.TemporaryDirectory() as home:
        run = Run(store.create(setting, Path(home)))
        at = place / one.name
        shutil.rmtree(at, ignore_errors=True)
        (at / "keyframes").mkdir(parents=True)
        kept = {round(one.rounds * (i / (one.pictures - 1)) ** 2.5) for i in range(one.pictures)}
        slower = SLOWER if one.weights and "lr" in config else {}
        rates = {round(one.rounds * at): config["lr"] * rate for at, rate in slower.items()}
        run.play()
        for stop in sorted(kept | rates.keys()):
            while run.round < stop:
                run.train(rounds=stop - run.round)
            if stop in rates:
                run.do({"do": "set", "values": {"lr": rates[stop]}})
            if stop in kept:
                store.write(store.keyframe(at, stop), run.frame(key=stop))
        shutil.copy(run.at / "metrics.jsonl", at)
        store.write_info(at, run.info.model_copy(update={"id": one.name, "state": "ended", "config": config}))
        if one.weights:
            about = {"round": one.rounds, "config": config}
            store.write(store.weights(at), wire.pack_state(halved(run.model), about))
        print(f"{one.name}: {one.rounds:,} rounds, {run.quality()}")


def halved(model: Family) -> dict[str, Tensor]:
    """The weights in half precision; of a model with an average only that, which answers all questions."""
    left = tuple(f"{player}." for player in model.players) if hasattr(model, "average") else ()
    held = {name: t for name, t in model.state_dict().items() if not name.startswith(left)}
    return {f"model/{name}": t.half() if t.ndim and t.is_floating_point() else t for name, t in held.items()}


def main() -> None:
    """Make the recordings that are named, or all; those of GENLAB_FAMILIES go beside their words."""
    device.prepare(1)
    known = recordings()
    for name in sys.argv[1:] or known:
        one, module = known[name]
        own = module.__name__.startswith(f"{YOURS}.")
        record(one, Path(str(module.__file__)).parent / "recordings" if own else store.RECORDINGS)


if __name__ == "__main__":
    main()
