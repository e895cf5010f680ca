"""Deep generative models, their training loop and their metrics. Start with `gan/gan.py` and `fit.py`."""
