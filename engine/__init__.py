"""genlab's engine: deep generative models, their training loop and their metrics.

Imports torch and numpy, never the app. Start with `families/gan.py` and `fit.py`.
"""
