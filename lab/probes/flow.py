"""What a page may ask a flow."""

from lab.probes.flow_gaps import bridges
from lab.probes.flow_layers import layers, plane, point
from lab.probes.flow_pictures import between, likelihoods, of_picture, temperatures

__all__ = ["between", "bridges", "layers", "likelihoods", "of_picture", "plane", "point", "temperatures"]
