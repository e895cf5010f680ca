"""Questions to a flow of pictures: the likelihood of digits and of other pictures, and paths and scales of z.

Densities are those of `dequantized` pictures, in bits per dimension.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from engine.data import Dataset, floats, load
from engine.data.keep import home_of
from engine.data.network import SETS
from engine.device import precise
from engine.device import seed as reseed
from engine.flow.base import BITS, Flow
from lab.probes import Answer, only_pictures, seed_of, whole
from lab.probes.brought import brought, place
from lab.probes.ways import arc
from lab.scenes.arrays import pictures, single

__all__ = ["between", "likelihoods", "of_picture", "temperatures"]

DRAWS = 2  # of the noise within a level, over which a likelihood is averaged
MOST = 200  # pictures of a kind
SHOWN, BARS = 8, 40  # pictures shown, and bars of a histogram
LEAST, HIGHEST = 0.01, 64.0  # range of the histograms in bits; the end bars hold what is beyond
AMONG = 100  # test pictures with which a drawing is compared
STEPS = 11
TEMPERATURES = (0.0, 0.3, 0.5, 0.7, 0.85, 1.0, 1.2)
LACKING = (
    "Fashion-MNIST is not on this machine. Choose it once as the data of any room, with a network, and it "
    "will be compared here too."
)


def bits(model: Flow, x: Tensor, draws: int = DRAWS) -> Tensor:
    """Bits per dimension (n,) of pictures x (n, *shape) in [-1, 1]: the mean over dequantizations."""
    each = model.log_prob(model.dequantized(x.repeat(draws, 1, 1, 1)))
    return -each.view(draws, -1).mean(0) * model.unit


# --- digits and other pictures -----------------------------------------------------------------


def likelihoods(model: Flow, data: Dataset, seed: int = 0, n: int = 64) -> Answer:
    """Bits per dimension of n pictures of each kind.

    `kinds` lists "name", "title", and the "mean" over the pictures. Arrays: `bits/<name>` (n,),
    `pictures/<name>` (at most SHOWN), and `counts/<name>` between common `edges`, evenly spaced in their
    logarithms; the first and the last bar also hold what is beyond. `lacking` says what is not on this disk.
    """
    only_pictures(data)
    n = whole(n, "n", 2, MOST)
    reseed(seed_of(seed), data.x.device)
    title = data.title.lower()
    sets = {name: (words, x, bits(model, x)) for name, (words, x) in kinds(data, title, n).items()}
    every = torch.cat([b for _, _, b in sets.values()])
    low, high = every.clamp(LEAST, HIGHEST).aminmax()
    edges = torch.logspace(low.log10(), (1.01 * high).log10(), BARS + 1, dtype=torch.float64)
    answer: Answer = {"edges": edges.numpy(), "kinds": [], "lacking": "" if on_disk() else LACKING}
    for name, (words, x, b) in sets.items():
        places = (torch.bucketize(b.cpu().double(), edges, right=True) - 1).clamp(0, BARS - 1)
        answer |= {
            f"bits/{name}": single(b),
            f"pictures/{name}": pictures(x[:SHOWN]),
            f"counts/{name}": torch.bincount(places, minlength=BARS).numpy(),
        }
        answer["kinds"].append({"name": name, "title": words, "mean": b.mean().item()})
    return answer


def kinds(data: Dataset, title: str, n: int) -> dict[str, tuple[str, Tensor]]:
    """Pictures (n, *shape) of each kind, with the title of the kind."""
    test = data.some(n, test=True)[0]
    order = torch.rand(len(test), data.space.size, device=test.device).argsort(1)
    shuffled = test.flatten(1).gather(1, order).view_as(test)
    noise = torch.randint(0, 256, test.shape, device=test.device).byte()
    sets = {
        "test": (f"test {title}", test),
        "training": (f"training {title}", data.some(n)[0]),
        "inverted": (f"test {title}, inverted", -test),
        "shuffled": (f"test {title}, pixels shuffled", shuffled),
        "noise": ("uniform noise", floats(noise)),
        "black": ("all black", torch.full_like(test, -1)),
        "grey": ("all grey", torch.full_like(test, 127 / 127.5 - 1)),
    }
    for name, words in (("digits", "digits"), ("ellipses", "ellipses"), ("fashion", "Fashion-MNIST")):
        if name != data.name and (name != "fashion" or on_disk()):
            other = load(name)
            if other.space.shape == data.space.shape:
                sets[name] = (words, other.some(n, test=True)[0].to(data.x.device))
    return sets


def on_disk() -> bool:
    """Whether Fashion-MNIST has been fetched."""
    return (home_of(None) / "data" / "torchvision" / SETS["fashion"].folder).is_dir()


# --- one picture -------------------------------------------------------------------------------


def of_picture(model: Flow, data: Dataset, picture: str, centre: bool = False) -> Iterator[Answer]:
    """A drawing (784 bytes, base64) on its way from z (t = L) through pictures h_t back to x (t = 0).

    "log p" in nats is that of h_t under the layers from there to z, so at t = 0 it is log p(x). The last part
    also has x's bits per dimension and the share of test pictures that are less probable.
    """
    only_pictures(data)
    ink = brought(data, picture, centre)
    x = floats(torch.from_numpy(ink.copy())[None, None].to(data.x.device))
    test = bits(model, data.some(AMONG, test=True)[0], 1)
    own = bits(model, x, 8)[0]
    f = precise(model.average)
    way = f.way(precise(model.dequantized(x)))
    log_p = f.base.log_prob(way[-1][0])[0]
    L, shape = len(way), model.space.shape
    hs = [x, *[h for h, _ in way]]
    for t in range(L, -1, -1):
        if t < L:
            log_p = log_p + way[t][1][0]
        numbers = {"log p": log_p.item()}
        if t == 0:
            below = (test > own).float().mean().item()
            numbers = {"log p": -own.item() / model.unit, BITS: own.item(), "less probable": below}
        elif t < L:
            numbers["log |det|"] = way[t][1][0].item()
        note = model.transforms[t - 1].title if t else said(ink)
        yield {"T": L, "t": t, "numbers": numbers, "note": note, **seen(hs[t], shape, t == 0)}


def seen(h: Tensor, shape: tuple[int, ...], plain: bool) -> Answer:
    """h_t as a picture, from black to white over its own range; x (`plain`) over that of pixels."""
    while h.ndim == 4 and h.shape[1] > shape[0]:
        h = torch.nn.functional.pixel_shuffle(h, 2)  # channels back to places
    h = h.reshape(1, *shape)
    scale = 1.0 if plain else max(h.abs().max().item(), 1e-9)
    return {"h/images/samples": pictures(h / scale)}


def said(ink: np.ndarray) -> str:
    """What a reader must know about the number of a picture with only one grey."""
    if ink.min() != ink.max():
        return ""
    return (
        "All pixels of this picture are the same. It is dequantized like any other, so it has a density. "
        "That number says how dense the model is here, not whether this is a digit."
    )


# --- in z --------------------------------------------------------------------------------------


def between(model: Flow, data: Dataset, a: int, b: int) -> Answer:
    """From test picture a to test picture b in STEPS.

    Ways: f^-1 of the straight "line" and of the "arc" between their z, and the "pixels" mixed. Each also has
    "<way> bits" per dimension, and the ways of z have "<way> norm".
    """
    only_pictures(data)
    index = [place(data, a, "a"), place(data, b, "b")]
    c = model.dequantized(floats(data.test_x[index]))
    z = model(c)[0]
    t = torch.linspace(0, 1, STEPS, **model.like)[:, None]
    zs = {"line": torch.lerp(z[0], z[1], t), "arc": arc(z[0], z[1], t)}
    x = model.made(torch.cat(list(zs.values())))
    ways = dict(zip(zs, x.split(STEPS), strict=True))
    ends = model.shown(c)
    ways["pixels"] = torch.lerp(ends[:1], ends[1:], t.view(-1, *[1] * len(model.space.shape)))
    answer: Answer = {"ends": pictures(ends)}
    for name, way in ways.items():
        answer |= {name: pictures(way), f"{name} bits": bits(model, way).tolist()}
    return answer | {f"{name} norm": z.norm(dim=1).tolist() for name, z in zs.items()}


def temperatures(model: Flow, data: Dataset, seed: int = 0, n: int = 8) -> Answer:
    """Samples from the same n draws of z at each of TEMPERATURES.

    `pictures` (temperatures, n, H, W[, 3]), and `bits`, the mean bits per dimension of each row.
    """
    only_pictures(data)
    n, zs = whole(n, "n", 1, 16), []
    for temperature in TEMPERATURES:
        reseed(seed_of(seed), model.device)
        zs.append(model.base.sample(n, temperature))
    x = model.made(torch.cat(zs))
    rows, drawn = bits(model, x).view(-1, n).mean(1), pictures(x)
    shape = (len(TEMPERATURES), n, *drawn.shape[1:])
    return {"temperatures": list(TEMPERATURES), "pictures": drawn.reshape(shape), "bits": rows.tolist()}
