"""Make the recordings that rooms open with: `python -m lab.record` trains each afresh into assets/recordings.

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
from engine.families import find
from engine.family import Family
from engine.latent import Coder
from lab.runs import store, wire
from lab.runs.run import Run

# share of the rounds: of the first learning rate, from there on
SLOWER = {0.5: 0.5, 0.75: 0.25, 0.9: 0.1}

RECORDINGS = {  # name: family, data, rounds
    "gan-ring": ("gan", "ring", 3000),
    "gan-grid": ("gan", "grid", 8000),
    "gan-moons": ("gan", "moons", 3000),
    "gan-digits": ("gan", "digits", 15_000),
    "gan-two-bumps": ("gan", "two-bumps", 3000),
    "cgan-digits": ("cgan", "digits", 15_000),
    "pca-digits": ("pca", "digits", 300),
    "ae-digits": ("ae", "digits", 3000),
    "vae-digits": ("vae", "digits", 3000),
    "cvae-digits": ("cvae", "digits", 3000),
    "vae-gan-digits": ("vae-gan", "digits", 4000),
}
PRETRAINED = {  # the same; they keep their weights, and learn more slowly towards the end
    "ddpm-digits": ("ddpm", "digits", 10_000),
    "ddpm-moons": ("ddpm", "moons", 3000),
    "ddpm-ring": ("ddpm", "ring", 3000),
    "flow-matching-moons": ("flow-matching", "moons", 3000),
    "planar-moons": ("planar", "moons", 4000),
    "nice-moons": ("nice", "moons", 3000),
    "real-nvp-moons": ("real-nvp", "moons", 3000),
    "maf-moons": ("maf", "moons", 3000),
    "iaf-moons": ("iaf", "moons", 3000),
    "glow-moons": ("glow", "moons", 3000),
    "spline-flow-ring": ("spline-flow", "ring", 3000),
    "spline-flow-two-bumps": ("spline-flow", "two-bumps", 1000),
    "continuous-flow-moons": ("continuous-flow", "moons", 1500),
    "real-nvp-digits": ("real-nvp", "digits", 2500),
    "style-china": ("style", "china.brushstrokes", 240),
}
PICTURES, PLANES = 40, 16  # of a run; one with a decoded plane, or with photographs, is five times as large


def record(name: str, family: str, data_name: str, rounds: int, pretrained: bool = False) -> None:
    """Train, and keep pictures that lie closer together where training is young."""
    config = find(family).configure(data.load(data_name).space).model_dump()
    setting = {"family": family, "data": data_name, "seed": 0, "config": config}
    with tempfile.TemporaryDirectory() as place:
        run = Run(store.create(setting, Path(place)))
        at = store.RECORDINGS / name
        shutil.rmtree(at, ignore_errors=True)
        (at / "keyframes").mkdir(parents=True)
        n = PLANES if issubclass(run.family, Coder) or run.data.space.kind == "transfer" else PICTURES
        kept = {round(rounds * (i / (n - 1)) ** 2.5) for i in range(n)}
        rates = {round(rounds * at): config["lr"] * rate for at, rate in SLOWER.items()} if pretrained else {}
        run.play()
        for stop in sorted(kept | rates.keys()):
            while run.round < stop:
                run.train(rounds=stop - run.round)
            if stop in rates:
                run.do({"do": "set", "values": {"lr": rates[stop]}})
            if stop in kept:
                store.write(store.keyframe(at, stop), run.frame(key=stop))
        shutil.copy(run.at / "metrics.jsonl", at)
        store.write_info(at, run.info.model_copy(update={"id": name, "state": "ended", "config": config}))
        if pretrained:
            store.write(
                store.weights(at), wire.pack_state(halved(run.model), {"round": rounds, "config": config})
            )
        print(f"{name}: {rounds:,} rounds, {run.quality()}")


def halved(model: Family) -> dict[str, Tensor]:
    """The weights in half precision; of a model with an average only that, which answers all questions."""
    left = tuple(f"{player}." for player in model.players) if hasattr(model, "average") else ()
    held = {name: t for name, t in model.state_dict().items() if not name.startswith(left)}
    return {f"model/{name}": t.half() if t.ndim and t.is_floating_point() else t for name, t in held.items()}


def main() -> None:
    device.settle(1)
    for name in sys.argv[1:] or [*RECORDINGS, *PRETRAINED]:
        known = name in PRETRAINED
        record(name, *(PRETRAINED if known else RECORDINGS)[name], pretrained=known)


if __name__ == "__main__":
    main()
