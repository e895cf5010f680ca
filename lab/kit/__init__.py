"""What every page is made of: the setting's sliders, the room with its stage, and the tabs."""

from lab.kit.explore import explore
from lab.kit.losses import loss_picture, spectrum
from lab.kit.panels import checks, experiments, knob_table, live_formula, source
from lab.kit.room import Room, room
from lab.kit.wall import Wall, scores, wall_room

__all__ = [
    "Room",
    "Wall",
    "checks",
    "experiments",
    "explore",
    "knob_table",
    "live_formula",
    "loss_picture",
    "room",
    "scores",
    "source",
    "spectrum",
    "wall_room",
]
