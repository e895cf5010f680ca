"""Normalizing flows: an exact density through invertible layers."""
