"""What every page is made of: the setting's sliders, the room with its stage, and the tabs."""

from lab.kit.code import source
from lab.kit.compare import compare
from lab.kit.formula import formula
from lab.kit.gallery import gallery
from lab.kit.layout import bench, heading
from lab.kit.room import Room, room
from lab.kit.subject import places, words_of
from lab.kit.tabs import checks, experiments, knob_table, lecture, tabs
from lab.kit.verdict import commentary, verdict
from lab.kit.wall import Wall, scores, wall_room

__all__ = [
    "Room", "Wall", "bench", "checks", "commentary", "compare", "experiments", "formula", "gallery",
    "heading", "knob_table", "lecture", "places", "room", "scores", "source", "tabs", "verdict", "wall_room",
    "words_of",
]  # fmt: skip
