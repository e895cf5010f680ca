"""What every page is made of: the setting's sliders, the room with its stage, and the tabs."""

from lab.kit.panels import checks, experiments, knob_table, live_formula, source
from lab.kit.room import Room, room
from lab.kit.wall import Wall, scores, wall_room

__all__ = [
    "Room",
    "Wall",
    "checks",
    "experiments",
    "knob_table",
    "live_formula",
    "room",
    "scores",
    "source",
    "wall_room",
]
