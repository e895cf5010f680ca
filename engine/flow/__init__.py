"""Normalizing flows: invertible maps from noise to data, with an exact density."""
