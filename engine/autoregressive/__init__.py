"""Autoregressive models: one number after another, each with a distribution that depends on those before."""
