r"""Style transfer in one pass: what a frozen network sees in the content is given the moments of what it
sees in the style, and a decoder, which knows no style, makes a picture of that again.

AdaIN (Huang and Belongie 2017, https://arxiv.org/abs/1703.06868) moves and stretches each channel alone;
the whitening and colouring transform (Li et al. 2017, https://arxiv.org/abs/1705.08086) mixes channels too:
with mean m and covariance C of features over places,

    AdaIN:      F' = (F - m) / std * std_style + m_style
    whitening:  F' = C_style^(1/2) C^(-1/2) (F - m) + m_style

Both first at relu4_1 (large forms) and then at relu3_1 (strokes). Where this departs from the papers: the
symmetric root of C_style, so that a style's own picture stays as it is; and between the two depths no
picture is made: what has changed at relu4_1 is carried to relu3_1 and added to what is there already,
which keeps the content's edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, cast

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from engine.backbone import Backbone, backbone
from engine.config import Refused
from engine.data.builtin import ASSETS
from engine.family import Batch, Terms, adam

How = Literal["AdaIN", "whitening"]
FILE = ASSETS / "decoder.safetensors"
NEAR, FAR = "relu3_1", "relu4_1"  # layers at which features are given the style's moments
UNIT = {"relu1_1": 50.0, "relu2_1": 250.0, NEAR: 350.0, FAR: 1000.0}  # about their root mean square
FINEST = 8  # pixels of one place of FAR: sides must be multiples of it
FLOOR = 1e-3  # of the mean eigenvalue: directions with less are taken to have this much
RATE = 2e-3  # of Adam


class Decoder(nn.Module):
    """What undoes the network: `near` makes a picture (n, 3, H, W) of features at NEAR, and `far` features
    at NEAR of those at FAR. It is trained to reconstruct pictures, and has never seen a transfer."""

    players = ("near", "far")

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Sequential(
            conv(256, 128), nn.ReLU(), conv(128, 128), nn.ReLU(), nn.UpsamplingNearest2d(scale_factor=2),
            conv(128, 64), nn.ReLU(), nn.UpsamplingNearest2d(scale_factor=2),
            conv(64, 32), nn.ReLU(), conv(32, 3),
        )  # fmt: skip
        self.far = nn.Sequential(
            conv(512, 256), nn.ReLU(), nn.UpsamplingNearest2d(scale_factor=2), conv(256, 256), nn.ReLU()
        )

    def picture(self, F: Tensor) -> Tensor:
        """Pixels, about in [-1, 1], of features F (n, 256, h, w) at NEAR: (n, 3, 4 h, 4 w)."""
        return self.near(F / UNIT[NEAR])

    def nearer(self, F: Tensor) -> Tensor:
        """Features (n, 256, 2 h, 2 w) at NEAR, as far as F (n, 512, h, w) at FAR tells them."""
        return self.far(F / UNIT[FAR]) * UNIT[NEAR]

    # --- training, as `fit` wants it ---------------------------------------------------------

    def player(self, name: str) -> nn.Module:
        """One of its two parts."""
        return self.get_submodule(name)

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        """Adam."""
        return adam(self.player(player), RATE)

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """Reconstruct pictures: their pixels and what the network sees in them; and its features at NEAR
        from those at FAR. Convolutions work in 16 bits, which is twice as fast."""
        net = backbone("VGG-19", "max", batch.x.device, batch.x.dtype)
        half = torch.autocast(batch.x.device.type, torch.bfloat16)
        with half, torch.no_grad():
            seen = net(batch.x, UNIT)
        with half:
            made = self.picture(seen[NEAR])
            again = net(made, [layer for layer in UNIT if layer != FAR])
        yield (
            self.near,
            {
                "pixels": 10 * (made.float() - batch.x).square().mean(),
                **{f"features {layer}": apart(f, seen[layer], layer) for layer, f in again.items()},
            },
        )
        with half:
            found = self.nearer(seen[FAR])
        yield self.far, {"features from afar": apart(found, seen[NEAR], NEAR)}


def conv(before: int, after: int) -> nn.Conv2d:
    """A convolution of 3 x 3 that sees no border: beyond it the picture is mirrored."""
    return nn.Conv2d(before, after, 3, padding=1, padding_mode="reflect")


def apart(F: Tensor, G: Tensor, layer: str) -> Tensor:
    """Mean squared difference of two feature maps, in the layer's unit."""
    return ((F.float() - G.float()) / UNIT[layer]).square().mean()


@lru_cache(maxsize=2)
def decoder(device: torch.device, dtype: torch.dtype) -> Decoder:
    """The decoder that is shipped. Raises `Refused` where its file is missing or of another decoder."""
    net = Decoder()
    try:
        net.load_state_dict({name: t.float() for name, t in load(FILE.read_bytes()).items()})
    except (OSError, RuntimeError) as error:
        raise Refused(
            f"{FILE.name} is missing or does not fit; make it with python -m lab.decoder."
        ) from error
    return net.to(device, dtype).requires_grad_(False).eval()
