"""The GAN's scene: real and fake points over the field of D, or the sample grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine.data import Dataset
from engine.device import seed
from engine.families.gan import GAN
from lab.scenes import generic

CELLS = 48


def draw(model: GAN, data: Dataset, full: bool, pointer: dict[str, Any] | None) -> dict[str, np.ndarray]:
    found = generic.draw(model, data, full, pointer)
    if data.space.kind == "image":
        return found
    assert data.box
    x0, x1, y0, y1 = data.box
    if data.space.kind == "line":
        x = torch.linspace(x0, x1, 241, device=data.x.device)
        belief = torch.sigmoid(model.D(x[:, None]))
        # D is a probability and the axis shows densities: D = 1 is drawn at the top of the box
        found["line/discriminator"] = torch.stack([x, belief[:, 0] * y1], 1).cpu().numpy().astype(np.float32)
        return found
    rows = torch.linspace(y0, y1, CELLS, device=data.x.device)
    columns = torch.linspace(x0, x1, CELLS, device=data.x.device)
    grid = torch.cartesian_prod(rows, columns).flip(1)  # (x, y) pairs, row 0 at the bottom
    belief = torch.sigmoid(model.D(grid)).reshape(CELLS, CELLS)
    found["field/discriminator"] = (belief * 255).round().byte().cpu().numpy()
    seed(0, data.x.device)
    z = model.p_z(generic.POINTS)
    fake = model.G(z)
    real = data.take(slice(128))
    found["latent/fake"] = generic.halves(z)
    found["belief/real"] = generic.halves(torch.sigmoid(model.D(real)).flatten())
    found["belief/fake"] = generic.halves(torch.sigmoid(model.D(fake[:128])).flatten())
    with torch.enable_grad():
        x = fake[:60].detach().requires_grad_()
        arrows = torch.autograd.grad(torch.nn.functional.logsigmoid(model.D(x)).sum(), x)[0]
    found["arrows/gradient"] = generic.halves(torch.cat([x.detach(), 0.5 * arrows], 1))
    return found
