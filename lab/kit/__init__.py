"""What every page is made of: the setting's sliders, the room with its stage, and the tabs."""

from lab.kit.bound import bound
from lab.kit.codes import use_codes
from lab.kit.compare import compare
from lab.kit.draw import draw
from lab.kit.explore import explore
from lab.kit.factors import factors
from lab.kit.films import forward_film, reverse_film, score_film
from lab.kit.gallery import gallery
from lab.kit.labels import ask_for_labels, label_shown
from lab.kit.linear import against_pca
from lab.kit.losses import loss_picture, spectrum
from lab.kit.noise_slips import noise_slips
from lab.kit.noising import hard, schedules
from lab.kit.panels import checks, commentary, experiments, knob_table, source, tabs, verdict
from lab.kit.planes import Side, planes, ways
from lab.kit.remake import remake
from lab.kit.room import Room, Under, room
from lab.kit.slips import slips
from lab.kit.steps import steps
from lab.kit.upsampling import up_sampling
from lab.kit.wall import Wall, scores, wall_room

__all__ = [
    "Room",
    "Side",
    "Under",
    "Wall",
    "against_pca",
    "ask_for_labels",
    "bound",
    "checks",
    "commentary",
    "compare",
    "draw",
    "experiments",
    "explore",
    "factors",
    "forward_film",
    "gallery",
    "hard",
    "knob_table",
    "label_shown",
    "loss_picture",
    "noise_slips",
    "planes",
    "remake",
    "reverse_film",
    "room",
    "schedules",
    "score_film",
    "scores",
    "slips",
    "source",
    "spectrum",
    "steps",
    "tabs",
    "up_sampling",
    "use_codes",
    "verdict",
    "wall_room",
    "ways",
]
