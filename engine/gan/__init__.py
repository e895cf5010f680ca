"""Generative adversarial networks: a generator and a discriminator play against each other."""
