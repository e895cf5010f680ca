"""What a page may ask every model with codes."""

from lab.probes.between import arithmetic, interpolate, sheet
from lab.probes.manifold import manifold

__all__ = ["arithmetic", "interpolate", "manifold", "sheet"]
