"""What a page may ask every denoiser."""

from lab.probes.tradeoff import tradeoff

__all__ = ["tradeoff"]
