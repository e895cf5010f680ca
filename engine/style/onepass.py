r"""Style transfer in one pass: the features of the content get the moments of the features of the style, and
a decoder, which knows no style, turns them back into a picture.

AdaIN (Huang and Belongie 2017, https://arxiv.org/abs/1703.06868) shifts and scales each channel alone; the
whitening and colouring transform (Li et al. 2017, https://arxiv.org/abs/1705.08086) also mixes channels. With
the mean m and the covariance C of features over places,

    AdaIN:      F' = (F - m) / std * std_style + m_style
    whitening:  F' = C_style^(1/2) C^(-1/2) (F - m) + m_style

This is done first at relu4_1 (large forms) and then at relu3_1 (strokes). It departs from the papers in two
ways. The root of C_style is the symmetric one, so that a style's own picture stays as it is. Between the two
depths no picture is made: the change at relu4_1 is carried to relu3_1 and added to the features there, which
keeps the content's edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, cast

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from engine.adam import Adam
from engine.config import Refused
from engine.data.builtin import ASSETS
from engine.device import precise
from engine.family import Batch, Terms
from engine.nets.backbone import backbone

How = Literal["AdaIN", "whitening"]
FILE = ASSETS / "decoder.safetensors"
NEAR, FAR = "relu3_1", "relu4_1"  # the layers at which features get the style's moments
FINE = "relu1_1", "relu2_1"  # the layers that see whether a picture is sharp
UNIT = {"relu1_1": 50.0, "relu2_1": 250.0, NEAR: 350.0, FAR: 1000.0}  # about the rms of their features
FINEST = 8  # pixels across one place of FAR: sides must be multiples of it
FLOOR = 1e-3  # of the mean eigenvalue: the least variance that a direction counts with
RATES = {"near": 2e-3, "far": 1e-3}  # of Adam, at first


class Decoder(nn.Module):
    """The inverse of the network: `near` makes pictures (n, 3, H, W) from features at NEAR, and `far` makes
    features at NEAR from those at FAR. It learns to reconstruct pictures and never sees a transfer."""

    players = ("near", "far")

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Sequential(
            conv(256, 128), nn.ReLU(), conv(128, 128), nn.ReLU(), nn.UpsamplingNearest2d(scale_factor=2),
            conv(128, 64), nn.ReLU(), nn.UpsamplingNearest2d(scale_factor=2),
            conv(64, 32), nn.ReLU(), conv(32, 3),
        )  # fmt: skip
        cast(nn.Conv2d, self.near[-1]).weight.data.mul_(0.1)  # begins with grey
        self.far = nn.Sequential(
            conv(512, 256), nn.ReLU(), nn.UpsamplingNearest2d(scale_factor=2), conv(256, 256), nn.ReLU()
        )

    def picture(self, F: Tensor) -> Tensor:
        """Pixels (n, 3, 4 h, 4 w), about in [-1, 1], from features F (n, 256, h, w) at NEAR."""
        return self.near(even(F, NEAR))

    def nearer(self, F: Tensor) -> Tensor:
        """Features (n, 256, 2 h, 2 w) at NEAR, estimated from F (n, 512, h, w) at FAR."""
        return self.far(even(F, FAR)) * UNIT[NEAR]

    def player(self, name: str) -> nn.Module:
        """The part of that name."""
        return self.get_submodule(name)

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        """Adam."""
        return Adam(self.player(player).parameters(), RATES[player])

    def turns(self, batch: Batch) -> Iterator[tuple[nn.Module, Terms]]:
        """`near` reconstructs pictures, their pixels and their features; `far` reconstructs features at NEAR
        from those at FAR. Convolutions work in 16 bits, which is twice as fast."""
        net = backbone("VGG-19", "max", batch.x.device, batch.x.dtype)
        half = torch.autocast(batch.x.device.type, torch.bfloat16)
        with half, torch.no_grad():
            seen = net(batch.x, UNIT)
        with half:
            x = self.picture(seen[NEAR])
            again = net(x, FINE)
        terms = {"pixels": 20 * (x.float() - batch.x).square().mean()}
        yield self.near, terms | {f"features {k}": apart(f, seen[k], k) for k, f in again.items()}
        with half:
            F = self.nearer(seen[FAR])
        yield self.far, {"features from afar": apart(F, seen[NEAR], NEAR)}


def conv(before: int, after: int) -> nn.Conv2d:
    """A 3 x 3 convolution that mirrors its input at the border and keeps the scale of its features."""
    layer = nn.Conv2d(before, after, 3, padding=1, padding_mode="reflect")
    nn.init.kaiming_normal_(layer.weight)
    nn.init.zeros_(cast(Tensor, layer.bias))
    return layer


def even(F: Tensor, layer: str) -> Tensor:
    """Features as a decoder takes them: a square root shortens their long tail, and they are centred at 0.
    They are kept a little above 0 before the root, which is too steep there."""
    return (F / UNIT[layer]).clamp_min(1e-6).sqrt() - 0.5


def apart(F: Tensor, G: Tensor, layer: str) -> Tensor:
    """Mean squared difference of two feature maps, in the layer's unit."""
    return ((F.float() - G.float()) / UNIT[layer]).square().mean()


@lru_cache(maxsize=2)
def decoder(device: torch.device, dtype: torch.dtype) -> Decoder:
    """The decoder that is shipped. Raises `Refused` if its file is missing or does not fit."""
    with torch.device("meta"):  # draws no weights: the random numbers belong to the run
        net = Decoder()
    try:
        net.load_state_dict({k: t.float() for k, t in load(FILE.read_bytes()).items()}, assign=True)
    except (OSError, RuntimeError) as error:
        raise Refused(
            f"{FILE.name} is missing or does not fit; make it with python -m lab.makers.decoder."
        ) from error
    return net.to(device, dtype).requires_grad_(False).eval()


@torch.no_grad()
def one_pass(
    content: Tensor,
    styles: Sequence[Tensor],
    *,
    blend: float = 0.0,
    strength: float = 1.0,
    how: How = "whitening",
    mask: Tensor | None = None,
) -> Tensor:
    """The content (1, 3, H, W) in the style of one picture (1, 3, h, w), or of two; all pixels in [-1, 1].

    `blend` is the share of the second style, and `strength` the share of style in the features. Where the
    mask (1, 1, H, W) is 0, features stay those of the content. Raises `Refused`.
    """
    net = backbone("VGG-19", "max", content.device, content.dtype)
    inverse = decoder(content.device, content.dtype)
    height, width = content.shape[-2:]
    where = None if mask is None else grown(mask)
    pictures = [x.contiguous(memory_format=torch.channels_last) for x in (grown(content), *styles)]
    F, *A = [net(x, [NEAR, FAR]) for x in pictures]  # this format is twice as fast on a CPU

    def moved(F: Tensor, layer: str) -> Tensor:
        return transferred(F, [a[layer] for a in A], blend, strength, how, where)

    change = inverse.nearer(moved(F[FAR], FAR)) - inverse.nearer(F[FAR])
    result = inverse.picture(moved(F[NEAR] + change, NEAR))[..., :height, :width]
    return result.clamp(-1, 1).contiguous()


def grown(x: Tensor) -> Tensor:
    """A picture extended to the right and below by mirroring, to sides that are multiples of FINEST."""
    height, width = x.shape[-2:]
    return pad(x, (0, -width % FINEST, 0, -height % FINEST), mode="reflect")


def transferred(
    F: Tensor, styles: list[Tensor], blend: float, strength: float, how: How, mask: Tensor | None = None
) -> Tensor:
    """Features F (1, N, h, w) with the moments of the styles' features, mixed with F itself by `strength` and
    the mask (1, 1, H, W). The moments of F are those where the mask is white."""
    w = F.new_ones(1, 1, *F.shape[-2:]) if mask is None else interpolate(mask, F.shape[-2:], mode="area")
    change = adain if how == "AdaIN" else whitening
    one, *other = [change(F, A, w) for A in styles]
    return torch.lerp(F, torch.lerp(one, other[0], blend) if other else one, strength * w)


def adain(F: Tensor, A: Tensor, weight: Tensor | None = None) -> Tensor:
    """F (1, N, h, w) with the mean and the standard deviation of A in each channel."""
    (m, C), (m_style, C_style) = moments(F, weight, False), moments(A, None, False)
    flat = (F[0].flatten(1) - m) / C.sqrt().clamp_min(1e-6) * C_style.sqrt() + m_style
    return flat.view_as(F)


def whitening(F: Tensor, A: Tensor, weight: Tensor | None = None) -> Tensor:
    """F (1, N, h, w) with the mean and the covariance of A.

    Directions of almost no variance, as in features with fewer places than channels, count with FLOOR of the
    mean variance, in F and in A: otherwise their rounding errors would become strokes.
    """
    (m, C), (m_style, C_style) = moments(F, weight, True), moments(A, None, True)
    flat = root(C_style, 0.5) @ root(C, -0.5) @ (F[0].flatten(1) - m) + m_style
    return flat.view_as(F)


def moments(F: Tensor, weight: Tensor | None, mixed: bool) -> tuple[Tensor, Tensor]:
    """The mean (N, 1) of features (1, N, h, w) over places, and their covariance (N, N) if `mixed`, or their
    variances (N, 1)."""
    f = F[0].flatten(1)
    p = torch.ones_like(f[0]) if weight is None else weight.flatten()
    p = p / p.sum().clamp_min(1e-6)
    m = (f @ p)[:, None]
    return m, ((f - m) * p) @ (f - m).T if mixed else (f - m).square() @ p[:, None]


def root(C: Tensor, power: float) -> Tensor:
    """A symmetric power of a covariance (N, N)."""
    values, vectors = (t.to(C) for t in torch.linalg.eigh(precise(C)))  # in float32 it may fail
    floor = FLOOR * values.mean().item() + 1e-6  # and for features without any variance
    return vectors * values.clamp_min(floor) ** power @ vectors.T
