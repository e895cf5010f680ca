"""What a page may ask IAF besides what it may ask any flow."""

from lab.probes.autoregressive import masks, speeds

__all__ = ["masks", "speeds"]
