"""The lie detector: find the model whose loss is too good to be true."""

from lab.autoregressive.lies_tab import lie_detector

lie_detector(
    "Two models learn the same data. One of them soon has a loss that **no honest model can have**, and yet its samples are poor. "
    "Train both, examine each, and find out what is wrong."
)
