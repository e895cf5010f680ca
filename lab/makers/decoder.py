"""The decoder of one-pass style transfer: `python -m lab.makers.decoder` makes assets/decoder.safetensors.

It learns to reconstruct crops of the photographs and paintings of the lab, except one photograph, which then
shows how well it reconstructs what it has not seen.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import mse_loss

from engine import device
from engine.data.dataset import floats
from engine.data.transfer import pixels
from engine.family import Batch
from engine.fit import fit, optimizers_of
from engine.nets.backbone import backbone
from engine.style import colour
from engine.style.onepass import FILE, NEAR, RATES, Decoder

PICTURES = (
    "china", "flower", "cat", "astronaut", "rocket", "motorcycle", "galaxies",
    "brushstrokes", "glass", "marble", "brick", "grass", "gravel",
)  # fmt: skip
HELD_OUT = "coffee"  # the photograph that it never sees
ROUNDS, SEED, BATCH, SIDE = 1800, 0, 4, 96
SPREADS = 3.0  # a crop is up to this many times larger before it is resized to SIDE pixels
LOG_EVERY = 50  # rounds from one line of the log to the next
RECIPE = {"rounds": ROUNDS, "seed": SEED, "batch": BATCH, "pixels": SIDE, "unseen": HELD_OUT}


def shown(name: str) -> Tensor:
    """A picture (1, 3, H, W) in [-1, 1]."""
    return floats(pixels(name)[None])


def crops(rng: torch.Generator) -> Iterator[Tensor]:
    """Random squares (1, 3, SIDE, SIDE) of the pictures: flipped, transposed, resized, recoloured."""
    pictures = [shown(name) for name in PICTURES]

    def uniform(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=rng).item()

    def below(limit: int) -> int:
        return int(torch.randint(limit, (), generator=rng))

    while True:
        x = pictures[below(len(pictures))]
        h, w = x.shape[-2:]
        side = int(min(h, w, SIDE * SPREADS ** uniform(0, 1)))
        top, left = below(h - side + 1), below(w - side + 1)
        x = colour.resized(x[..., top : top + side, left : left + side], (SIDE, SIDE))
        x = x.flip(-1) if below(2) else x
        x = x.transpose(-1, -2) if below(2) else x
        mix = torch.eye(3) + 0.15 * torch.randn(3, 3, generator=rng)
        yield (torch.einsum("ij,njhw->nihw", mix, x) * uniform(0.6, 1.3) + uniform(-0.3, 0.3)).clamp(-1, 1)


def batches(rng: torch.Generator) -> Iterator[Batch]:
    """BATCH crops a round."""
    source = crops(rng)
    for round in range(ROUNDS):
        x = torch.cat([next(source) for _ in range(BATCH)])
        x = x.contiguous(memory_format=torch.channels_last)  # twice as fast on a CPU
        yield Batch(round, x, None, lambda: next(batches(rng)))


def share(round: int) -> float:
    """The share of the first learning rate: it rises within 50 rounds and falls to 0 along a cosine."""
    return min(1, (round + 1) / 50) * (1 + math.cos(math.pi * round / ROUNDS)) / 2


@torch.no_grad()
def quality(net: Decoder) -> float:
    """The PSNR in dB of the held-out photograph at 256 pixels, reconstructed from its features."""
    x = colour.resized(shown(HELD_OUT), (168, 256)).clamp(-1, 1)
    seen = backbone("VGG-19", "max", x.device, x.dtype)(x, [NEAR])
    return 10 * math.log10(4 / mse_loss(net.picture(seen[NEAR]).clamp(-1, 1), x).item())


def keep(net: Decoder, at: Path) -> None:
    """Write the weights in half precision."""
    held = {name: t.half().contiguous() for name, t in net.state_dict().items()}
    what = "decoder of VGG-19's relu3_1 and relu4_1 (engine.style.onepass)"
    at.write_bytes(save(held, {"what": what, "recipe": json.dumps(RECIPE)}))


def train(at: Path) -> Decoder:
    """A new decoder, which is written at every line of the log."""
    torch.manual_seed(SEED)
    net = Decoder().to(memory_format=torch.channels_last)
    sums, start, optimizers = dict[str, float](), time.monotonic(), optimizers_of(net)
    for turn in fit(net, batches(torch.Generator().manual_seed(SEED)), optimizers):
        for name, term in turn.terms.items():
            sums[name] = sums.get(name, 0) + term.item() / LOG_EVERY
        if turn.player == net.players[-1]:
            for name, optimizer in optimizers.items():
                optimizer.param_groups[0]["lr"] = RATES[name] * share(turn.round + 1)
            if (turn.round + 1) % LOG_EVERY == 0:
                losses = ", ".join(f"{name} {value:.4f}" for name, value in sums.items())
                seconds = time.monotonic() - start
                print(f"{turn.round + 1:5} {seconds:5.0f} s, {losses}, {quality(net):.2f} dB", flush=True)
                keep(net, at)
                sums.clear()
    return net


def main() -> None:
    """Train the decoder into the file that is named, or into the one that is shipped."""
    device.prepare(1)
    at = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    train(at)
    print(f"{at.name}: {at.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
