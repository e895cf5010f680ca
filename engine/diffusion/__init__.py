"""Diffusions: data from noise, by denoising step by step."""
