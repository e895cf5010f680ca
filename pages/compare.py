"""Compare: two runs from the same seed and the same data, with one knob different."""

from lab import kit
from lab.kit.layout import heading

heading(
    "Compare",
    "Two runs start from the same seed on the same data and train in step. Choose the one knob in which "
    "they differ: whatever then looks different comes from that knob. The address holds all of this, so you can share it.",
)
kit.compare()
