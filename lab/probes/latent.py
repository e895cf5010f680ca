"""What a page may ask every model with codes."""

from lab.probes.attributes import directions
from lab.probes.between import arithmetic, interpolate, sheet
from lab.probes.bound import test_bound, tightness
from lab.probes.factors import factors
from lab.probes.look import look, offer
from lab.probes.manifold import manifold
from lab.probes.trick import trick
from lab.probes.upsampling import upsampling
from lab.probes.uses import few_labels

__all__ = [
    "arithmetic",
    "directions",
    "factors",
    "few_labels",
    "interpolate",
    "look",
    "manifold",
    "offer",
    "sheet",
    "test_bound",
    "tightness",
    "trick",
    "upsampling",
]
