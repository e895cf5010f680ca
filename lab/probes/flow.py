"""What a page may ask a flow."""

from lab.probes.flow_pictures import between, likelihoods, of_picture, temperatures

__all__ = ["between", "likelihoods", "of_picture", "temperatures"]
