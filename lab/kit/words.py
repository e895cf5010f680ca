"""What is said of any family, and the rooms that belong to no subject."""

from __future__ import annotations

from engine.family import Family
from lab.kit.subject import Legend, Place, Subject

LEGENDS: dict[str, Legend] = {
    "points": [
        "The model's ",
        {"words": "samples", "layer": "points/fake", "role": "model"},
        " should come to lie like the ",
        {"words": "data", "layer": "points/real", "role": "data"},
        ".",
    ],
    "image": ["Pictures that the model makes of the same noise in each frame."],
    "line": [
        "The ",
        {"words": "density of the model's samples", "layer": "line/model density", "role": "model"},
        " should come to match the ",
        {"words": "data's exact density", "layer": "line/truth density", "role": "truth"},
        ".",
    ],
}

SUBJECT = Subject(
    Family,
    places=[
        Place("wall", "Many models at once, each with a setting of its own", title="The sweep wall", rank=2),
        Place("compare", "Two runs side by side, with one knob different", title="Compare", rank=3),
    ],
    legends=LEGENDS,
    judged=True,
)
