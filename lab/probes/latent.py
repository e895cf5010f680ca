"""What a page may ask every model with codes."""

from lab.probes.look import look, offer

__all__ = ["look", "offer"]
