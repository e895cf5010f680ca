"""What a page may ask a model with codes if its data were drawn from known factors."""

from __future__ import annotations

from engine.codes.base import Coder
from engine.codes.measures import known, mig
from engine.config import Refused
from engine.data import Dataset, floats
from lab.probes import Answer

__all__ = ["factors"]


def factors(model: Coder, data: Dataset) -> Answer:
    """The share of each factor's entropy that each latent dimension knows, (F, z), and the gap (MIG).

    Raises `Refused` for data without known factors.
    """
    if data.factors is None:
        raise Refused("These data have no known factors; choose the ellipses.")
    shares = known(*model.encode(floats(data.x), data.y), data.factors)
    return {"shares": shares.cpu().numpy(), "MIG": mig(shares), "names": list(data.factor_names)}
