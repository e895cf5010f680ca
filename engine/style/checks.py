"""Laws of style transfer, which its losses, Gram matrices and mask obey for every picture."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.func import grad
from torch.nn.functional import interpolate

from engine.checks import Check
from engine.data import Dataset, floats
from engine.device import precise
from engine.style import colour
from engine.style.losses import content_loss, gram, style_loss
from engine.style.style import StyleTransfer

PIXELS = 64  # side of the picture whose features are measured: large enough for a law, and quick


def measure(model: StyleTransfer, data: Dataset) -> list[Check]:
    """The laws, measured on this model's own picture, network and targets at a small size."""
    canvas = model.canvas
    x, content = small(model.picture().detach()), small(canvas.content)
    layers = list(dict.fromkeys(canvas.styles_at))  # a network of few layers has one for two
    F, P = canvas.features(x, layers), canvas.features(content, [*layers, canvas.content_at])
    pairs = [(precise(F[layer]), gram(precise(P[layer]))) for layer in layers]
    p = precise(P[canvas.content_at])
    checks = [
        Check("Each term of the loss is that of the formula, computed in another way.", terms(model), 1e-3),
        Check("A Gram matrix does not change when the places of a layer are shuffled.",
              max(forgets(f) for f, _ in pairs), 1e-10),
        Check("The gradient of each style loss is (G − A) F / (N² M), as the paper has it.",
              max(formula(f, A) for f, A in pairs), 1e-10),
        Check("At its target, each style loss is zero and flat.",
              max(flat(partial(styled, A=gram(f)), f) for f, _ in pairs), 1e-10),
        Check("At the content, the content loss is zero and flat.",
              flat(partial(content_loss, P=p), p), 1e-10),
        Check("Losses are means: for a picture four times as large they are the same.",
              max(grows(f, A) for f, A in pairs), 1e-10),
    ]  # fmt: skip
    if canvas.masked:
        law = "Where the mask is black, the picture is the content, and no loss changes it."
        checks.append(Check(law, outside(model), 1e-6))
    if canvas.config.colour == "luminance":
        law = "The picture has the content's hue, wherever that colour can be shown."
        checks.append(Check(law, tint(model), 1e-5))
    if canvas.config.colour == "histogram":
        law = "The style's colours have the mean and the covariance of the content's."
        checks.append(Check(law, recoloured(model), 1e-2))
    return checks


def small(x: Tensor) -> Tensor:
    """A picture (1, 3, H, W) at about PIXELS x PIXELS, but with no side shorter than the network needs."""
    return colour.of_area(x, min(PIXELS**2, x.shape[-2] * x.shape[-1]))


def terms(model: StyleTransfer) -> float:
    """The largest relative difference of a term of this model's loss and the same sum written out in float64;
    of a term that hardly counts, relative to a thousandth of the whole."""
    canvas, c, x, level = model.canvas, model.config, model.image[0].detach(), int(model.level)
    t, seen = model.targets(level), canvas.level(canvas.seen(x), level)
    F = {
        layer: precise(f) for layer, f in canvas.network(seen, [*canvas.styles_at, canvas.content_at]).items()
    }
    f = F[canvas.content_at] / precise(t.units[canvas.content_at])
    wanted = [c.alpha / 2 * (f - precise(t.P)).square().mean()]
    for i, (layer, w) in enumerate(zip(canvas.styles_at, c.weights, strict=True)):
        f = F[layer][0] / precise(t.units[layer])
        whole = torch.ones_like(f[:1])
        m = whole if t.mask is None else interpolate(precise(t.mask), f.shape[1:], mode="area")[0]
        G = torch.einsum("ahw,bhw->ab", f * m / m.sum().clamp_min(1e-6), f)
        shares = [1.0] if len(t.grams) == 1 else [1 - c.blend, c.blend]
        A = sum(share * precise(grams[i]) for share, grams in zip(shares, t.grams, strict=True))
        wanted.append(c.beta * w * ((G - A) / (2 * len(G))).square().sum())
    across, down = seen[..., 1:] - seen[..., :-1], seen[..., 1:, :] - seen[..., :-1, :]
    wanted.append(c.tv * (precise(across).square().mean() + precise(down).square().mean()))
    told = map(precise, model.losses(x).values())
    least = 1e-3 * torch.stack(wanted).sum() + 1e-12  # below which float32 is not exact
    return max(((a - b).abs() / (b + least)).item() for a, b in zip(told, wanted, strict=True))


def forgets(F: Tensor) -> float:
    """The relative change of the Gram matrix of F (1, N, h, w) when its places are shuffled."""
    order = torch.randperm(F[0, 0].numel(), generator=torch.Generator().manual_seed(0)).to(F.device)
    return _gap(gram(F.flatten(2)[..., order][..., None]), gram(F))


def styled(F: Tensor, A: Tensor) -> Tensor:
    """The style loss of features F (1, N, h, w) whose Gram matrix should be A (N, N)."""
    return style_loss(gram(F), A)


def formula(F: Tensor, A: Tensor) -> float:
    """The relative difference of autograd's gradient of a style loss and the paper's equation 6."""
    f = F[0].flatten(1)
    wanted = (gram(F) - A) @ f / (f.shape[0] ** 2 * f.shape[1])
    return _gap(grad(partial(styled, A=A))(F)[0].flatten(1), wanted)


def flat(loss: Callable[[Tensor], Tensor], F: Tensor) -> float:
    """The larger of the loss and its slope at F; 0 at a target."""
    return max(loss(F).abs().item(), grad(loss)(F).abs().max().item())


def grows(F: Tensor, A: Tensor) -> float:
    """The relative change of both losses when features F (1, N, h, w) and their targets are tiled to twice
    the height and width."""
    P = F.roll(1, -1)
    F4, P4 = F.repeat(1, 1, 2, 2), P.repeat(1, 1, 2, 2)
    return max(_gap(styled(F4, A), styled(F, A)), _gap(content_loss(F4, P4), content_loss(F, P)))


def outside(model: StyleTransfer) -> float:
    """Where the mask is black: how far the picture is from the content, or how much of x is seen."""
    canvas, x = model.canvas, model.image[0]
    black = (canvas.mask == 0).expand_as(x)
    shown = (model.picture().detach() - canvas.content.clamp(-1, 1)).abs() * black
    seen = grad(lambda x: canvas.seen(x).square().sum())(x).abs() * black
    return max(shown.max().item(), seen.max().item())


def tint(model: StyleTransfer) -> float:
    """The largest change of a difference of two channels, which determine the hue; pixels at an end of their
    range are left out, because they are clipped."""
    shown, content = model.picture().detach(), model.canvas.content
    inside = ((shown > -1) & (shown < 1)).all(1, keepdim=True)
    return ((shown.diff(dim=1) - content.diff(dim=1)).abs() * inside).max().item()


def recoloured(model: StyleTransfer) -> float:
    """The relative difference of the mean and covariance of a style's colours and the content's; for a style
    that is almost grey only of the mean, because it has too few colours to mix."""
    content, worst = precise(model.canvas.content), 0.0
    for before, style in zip(model.space.styles, model.canvas.styles, strict=True):  # type: ignore[attr-defined]
        mixed = torch.linalg.eigvalsh(_covariance(precise(floats(before[None])))).min() > 1e-3
        worst = max(worst, (precise(style).mean((2, 3)) - content.mean((2, 3))).abs().max().item())
        worst = max(worst, _gap(_covariance(precise(style)), _covariance(content)) if mixed else 0.0)
    return worst


def _covariance(x: Tensor) -> Tensor:
    return torch.cov(x[0].flatten(1), correction=0)


def _gap(a: Tensor, b: Tensor) -> float:
    return ((a - b).abs().max() / b.abs().max().clamp_min(1e-300)).item()
