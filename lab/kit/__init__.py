"""What every page is made of: the setting's sliders, the room with its stage, and the tabs."""

from lab.kit.compare import compare
from lab.kit.panels import checks, detector, experiments, knob_table, live_formula, source, verdict
from lab.kit.room import Room, room

__all__ = [
    "Room",
    "checks",
    "compare",
    "detector",
    "experiments",
    "knob_table",
    "live_formula",
    "room",
    "source",
    "verdict",
]
