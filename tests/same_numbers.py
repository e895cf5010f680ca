"""Bit for bit the same: rows, weights and pictures of many short runs, before a change and after it.

    python tests/same_numbers.py --record before.json     # on the old code
    python tests/same_numbers.py --against before.json    # on the new code, on the same machine

Numbers depend on the processor and on torch's version, so nothing that is recorded here is kept in the
project.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load as load_arrays

sys.path.insert(0, str(Path(__file__).parents[1]))

from engine.device import prepare
from engine.families import families
from lab.runs import store
from lab.runs.run import Run

EXAMPLES = {"line": "two-bumps", "points": "ring", "image": "digits", "transfer": "flower.cat"}
EXAMPLES |= {"wave": "voices", "text": "villages", "pen": "pen-digits", "script": "words"}
ROUNDS = {"line": 70, "points": 70, "image": 6, "transfer": 2, "wave": 4, "text": 20, "pen": 20, "script": 2}
SMALL = {"style": {"size": 64}, "wavenet": {"channels": 8, "dilations": 3}}
MORE: list[tuple[str, str, dict[str, Any]]] = [
    ("gan", "ring", {"loss": "minimax", "k": 2, "smooth": 0.1}),
    ("gan", "ring", {"loss": "least squares", "penalty": "R1", "optimizer_D": "SGD", "optimizer_G": "SGD"}),
    ("gan", "ring", {"loss": "hinge", "spectral": True, "noise": "uniform", "noise_x": 0.1}),
    ("gan", "ring", {"loss": "Wasserstein", "penalty": "weight clipping", "k": 3}),
    ("gan", "ring", {"loss": "Wasserstein", "penalty": "gradient penalty", "k": 2, "k_G": 2}),
    ("gan", "ring", {"diversity": "minibatch std"}),
    ("gan", "ring", {"diversity": "packing", "z": 5}),
    ("gan", "ring", {"diversity": "unrolling"}),
    ("cgan", "moons", {"penalty": "gradient penalty", "loss": "Wasserstein", "noise_x": 0.2}),
    ("vae", "moons", {"likelihood": "Gaussian", "beta": 2.0, "z": 3}),
    ("vae", "digits", {"likelihood": "Bernoulli", "free_bits": 0.5, "warm_up": 5, "z": 4}),
    ("vae", "digits", {"network": "convolutional", "width": 8, "upsampling": "transposed"}),
    ("cvae", "digits", {"likelihood": "Bernoulli"}),
    ("ae", "digits", {"noise": "masking", "z": 3}),
    ("ae", "moons", {"noise": "Gaussian", "activation": "linear", "depth": 0}),
    ("pca", "digits", {"z": 5}),
    ("vae-gan", "moons", {"gamma": 2.0, "weight": 1.0}),
    ("ddpm", "moons", {"predicts": "v", "weighting": "min-SNR", "sampler": "Heun", "steps": 7}),
    ("ddpm", "ring", {"conditional": True, "guidance": 2.0, "sampler": "DDIM", "eta": 0.5, "T": 20}),
    ("flow-matching", "ring", {"sampler": "Heun", "steps": 5}),
    ("real-nvp", "ring", {"base": "mixture", "order": "random"}),
    ("maf", "moons", {"order": "none", "base": "uniform"}),
    ("spline-flow", "moons", {"kind": "autoregressive"}),
    ("style", "flower.cat", {"size": 64, "optimizer": "Adam"}),
    ("style", "china.brushstrokes.glass.mask-left", {"size": 64, "blend": 0.5, "colour": "luminance"}),
]
WALLS: list[tuple[str, str, dict[str, list[float]]]] = [
    ("gan", "ring", {"lr_D": [1e-3, 1e-4], "seed": [0, 1]}),
    ("vae", "digits", {"beta": [0.5, 4.0]}),
    ("ae", "moons", {"lr": [1e-3, 1e-2]}),
]


def settings() -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Family, data, knobs and axes of every run."""
    usual = [
        (name, EXAMPLES[kind], SMALL.get(name, {}), {})
        for name, family in families().items()
        for kind in (kind if isinstance(kind, str) else kind.kind for kind in family.kinds)
    ]
    return [*usual, *((*one, {}) for one in MORE), *((name, data, {}, axes) for name, data, axes in WALLS)]


def digest(arrays: dict[str, np.ndarray]) -> str:
    """Of names, shapes and bytes."""
    hasher = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        hasher.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return hasher.hexdigest()[:20]


def numbers(
    home: Path, family: str, data: str, knobs: dict[str, Any], wall: dict[str, Any]
) -> dict[str, str]:
    """What a short run of this setting comes to."""
    setting = {"family": family, "data": data, "seed": 3, "config": knobs, "wall": wall}
    run = Run(store.create(setting, home))
    rounds = ROUNDS[run.data.space.kind]
    run.play()
    while run.round < rounds:
        run.train(rounds=rounds - run.round)
    rows = [*run.history, {"measured": run.quality()}]
    weights = {name: t.detach().cpu().numpy() for name, t in run.model.state_dict().items()}
    drawn = load_arrays(run.frame())
    measured = ("curve/", "level/", "stack/", "bars/", "number/")
    return {
        "rows": hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:20],
        "weights": digest(weights),
        "picture": digest({name: array for name, array in drawn.items() if not name.startswith(measured)}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--record", type=Path)
    way.add_argument("--against", type=Path)
    given = parser.parse_args()
    prepare(1)
    runs = {}
    with tempfile.TemporaryDirectory() as home:
        for setting in settings():
            runs[json.dumps(setting)] = numbers(Path(home), *setting)
            torch.set_default_dtype(torch.float32)
    if given.record:
        given.record.write_text(json.dumps(runs, indent=1), encoding="utf-8")
        print(f"{len(runs)} runs recorded")
        return
    before = json.loads(given.against.read_text(encoding="utf-8"))
    other = [
        f"{setting}: {part}"
        for setting in before | runs
        for part in ("rows", "weights", "picture")
        if before.get(setting, {}).get(part) != runs.get(setting, {}).get(part)
    ]
    print("\n".join(other) or f"{len(runs)} runs: the same, bit for bit")
    sys.exit(bool(other))


if __name__ == "__main__":
    main()
