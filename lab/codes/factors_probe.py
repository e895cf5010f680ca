"""What a page may ask a model with codes where the data were drawn from known factors."""

from __future__ import annotations

from engine.codes.base import Coder
from engine.codes.disentangle import known, mig
from engine.config import Refused
from engine.data import Dataset, floats
from lab.probes import Answer

__all__ = ["factors"]


def factors(model: Coder, data: Dataset) -> Answer:
    """How much of each factor's entropy each latent dimension knows, (F, z), and the Mutual Information
    Gap. Raises `Refused` where no factors are known."""
    if data.factors is None:
        raise Refused("These data have no known factors; choose the ellipses.")
    shares = known(*model.encode(floats(data.x), data.y), data.factors)
    return {"shares": shares.cpu().numpy(), "MIG": mig(shares), "names": list(data.factor_names)}
