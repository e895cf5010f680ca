"""What a page may ask any model with codes: what it knows of attributes and of factors."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor

from engine.codes.attributes import ATTRIBUTES, attributes, correlations, regression
from engine.codes.base import Coder
from engine.codes.measures import known, mig
from engine.config import Refused
from engine.data import Dataset, floats
from lab.codes.digits_probe import codes, decoded, tests, within_budget
from lab.probes import Answer, only_pictures
from lab.probes.brought import finite, place
from lab.scenes.arrays import pictures

__all__ = ["directions", "factors"]

LEARNED = 3000  # training pictures whose attributes are measured
REACH, EACH = 3, 4  # steps to either side of a picture; pictures per step


def directions(model: Coder, data: Dataset, index: int, attribute: str) -> Answer:
    """Regressions of all ATTRIBUTES on codes, and a walk along the direction of one of them.

    `table` has a row for each attribute, with R² (None if the attribute does not vary) and the latent
    dimension that correlates most with it.
    `pictures` are decoded from the code of test picture `index`, moved by -REACH to REACH steps in the
    attribute's direction; `measured` is the attribute of each.
    """
    only_pictures(data)
    if attribute not in ATTRIBUTES:
        raise Refused(f"{str(attribute)[:40]!r} is no attribute; choose from {', '.join(ATTRIBUTES)}.")
    x, y = tests(model, data, [place(data, index)])
    count = within_budget(model, min(LEARNED, len(data)))
    # data may be stored by class, so take pictures from all over
    chosen = torch.linspace(0, len(data) - 1, count, device=data.x.device).long()
    measured = measured_on(data, chosen)
    z = codes(model, data.take(chosen), model.known(data.y)[chosen] if model.labelled else None)
    z = z.cpu().double()
    table, steps = [], {}
    for name, a in zip(ATTRIBUTES, measured.unbind(1), strict=True):
        _, r2, steps[name] = regression(z, a)
        each = correlations(z, a)
        most = int(each.abs().argmax())
        row = {
            "attribute": name,
            "R²": finite(r2.item()),
            "dimension": most,
            "correlation": each[most].item(),
        }
        table.append(row | {"mean": a.mean().item(), "sd": a.std().item()})
    t = torch.linspace(-REACH, REACH, 2 * REACH * EACH + 1, dtype=torch.float64)
    own = codes(model, x, y)
    drawn = decoded(model, own + (t[:, None] * steps[attribute]).to(**model.like), y)
    column = ATTRIBUTES.index(attribute)
    return {
        "table": table, "among": count, "t": t.tolist(), "pictures": pictures(drawn),
        "original": pictures(x)[0], "measured": attributes(drawn)[:, column].tolist(),
        "own": attributes(x)[0, column].item(),
    }  # fmt: skip


def measured_on(data: Dataset, chosen: Tensor) -> Tensor:
    """Attributes (n, 4) of these training pictures, float64; cached by the name of the data."""
    key = data.name, len(chosen)
    if key not in _measured:
        parts = [attributes(data.take(some)) for some in chosen.split(1000)]
        _measured[key] = torch.cat(parts).cpu().double()
        while len(_measured) > 8:
            _measured.popitem(last=False)
    return _measured[key]


_measured: OrderedDict[tuple[str, int], Tensor] = OrderedDict()


def factors(model: Coder, data: Dataset) -> Answer:
    """The share of each factor's entropy that each latent dimension knows, (F, z), and the gap (MIG).
    Raises `Refused` for data without known factors."""
    if data.factors is None:
        raise Refused("These data have no known factors; choose the ellipses.")
    shares = known(*model.codes(floats(data.x), data.y), data.factors)
    return {"shares": shares.cpu().numpy(), "MIG": mig(shares), "names": list(data.factor_names)}
