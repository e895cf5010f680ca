"""The ends of T and of every schedule: single precision beside double, also of the exact denoiser."""

from itertools import product

import pytest
import torch

from engine import data as datasets
from engine.diffusion import schedule
from engine.diffusion.ddpm import DDPM
from engine.diffusion.exact import exact
from engine.diffusion.flow_matching import FlowMatching
from engine.space import Space

PLANE = Space.of((2,))
PATHS = [
    *product([DDPM], ["linear", "cosine", "sigmoid"], [2, 100, 1000]),
    *((FlowMatching, "", T) for T in (2, 100, 1000)),
]


def built(family, name, T, **knobs):
    knobs |= {"T": T, "width": 8} | ({"schedule": name} if name else {})
    torch.manual_seed(0)
    return family(family.configure(PLANE, knobs), PLANE)


def ends(T: int) -> list[int]:
    return sorted({1, 2, T // 2, T - 1, T} - {0})


@pytest.mark.parametrize(("family", "name", "T"), PATHS)
def test_signal_and_noise_are_rounded_once(family, name, T):
    """From float64, where alpha_bar and 1 - alpha_bar keep their digits also at t = 1."""
    model = built(family, name, T)
    if family is DDPM:
        kept = schedule.alpha_bar(name, T)
        # 1 - alpha_bar as a sum over the steps, which cancels nothing
        gone = torch.stack([(schedule.beta(kept)[1 : t + 1] * kept[:t]).sum() for t in range(T + 1)])
        signal, noise = kept.sqrt(), gone.sqrt()
    else:
        noise = torch.arange(T + 1, dtype=torch.float64) / T
        signal = 1 - noise
    torch.testing.assert_close(model.signal.double(), signal, rtol=1e-7, atol=1e-12)
    torch.testing.assert_close(model.noise.double(), noise, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("weighting", ["bound", "min-SNR"])
@pytest.mark.parametrize(
    ("predicts", "name", "T"), list(product(["eps", "x0", "v"], ["linear", "cosine", "sigmoid"], [2, 1000]))
)
def test_weights_in_single_precision_are_those_of_double(predicts, name, T, weighting):
    knobs = {"predicts": predicts, "weighting": weighting}
    single, double = built(DDPM, name, T, **knobs), built(DDPM, name, T, **knobs).double()
    double.signal, double.noise = double.alpha_bar.sqrt(), (1 - double.alpha_bar).sqrt()
    t = torch.tensor(ends(T))
    torch.testing.assert_close(single.weight(t).double(), double.weight(t), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    "data_name", ["two-bumps", "three-bumps", "ring", "grid", "two-gaussians", "aside", "moons", "spiral"]
)
def test_the_exact_denoiser_in_single_precision_is_that_of_double(data_name):
    data = datasets.load(data_name)
    best = exact(data)
    x0 = data.some(100, test=True)[0].double()
    for family, name, T in PATHS:
        model = built(family, name, T)
        for t in ends(T):
            signal, noise = model.signal[t], model.noise[t]
            x = signal.double() * x0 + noise.double() * torch.randn_like(x0)
            rough = (*best.predict(x.float(), signal, noise), best.score(x.float(), signal, noise))
            fine = (
                *best.predict(x, signal.double(), noise.double()),
                best.score(x, signal.double(), noise.double()),
            )
            for one, other in zip(rough, fine, strict=True):
                assert one.dtype == torch.float32
                assert (one - other).norm() <= 1e-4 * other.norm() + 1e-6


def test_everything_that_grows_with_n_is_held_in_parts(monkeypatch):
    """The exact denoiser never holds more than CHUNK probabilities."""
    monkeypatch.setattr("engine.diffusion.exact.CHUNK", 6400)
    best, seen = exact(datasets.load("spiral")), []
    softmax = torch.Tensor.softmax
    monkeypatch.setattr(torch.Tensor, "softmax", lambda x, d: (seen.append(x.numel()), softmax(x, d))[1])
    best.predict(torch.randn(1000, 2), 0.6, 0.8)
    assert max(seen) <= 6400
    assert sum(seen) == 1000 * 640
