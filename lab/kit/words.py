"""What is said of any family, and the rooms that belong to no subject."""

from __future__ import annotations

from engine.family import Family
from lab.kit.subject import Place, Subject, legend

LEGENDS = {
    "points": legend(
        "The model's [samples](points/fake, model) should come to lie like the [data](points/real, data)."
    ),
    "image": legend("Pictures that the model makes of the same noise in each frame."),
    "line": legend(
        "The [density of the model's samples](line/model density, model) should come to match the [data's "
        "exact density](line/truth density, truth)."
    ),
}

SUBJECT = Subject(
    Family,
    places=[
        Place(
            "compare", "Two runs side by side, with one knob different", "", "Compare", "tools",
            films=["gan-ring", "spline-flow-ring"],
        ),
        Place(
            "wall", "Many models at once, each with a setting of its own", "", "The sweep wall", "tools",
            films=["gan-ring", "ddpm-ring", "gan-moons", "planar-moons"],
        ),
        Place("glossary", "The field's terms, each in a sentence or two", "", "Glossary", "tools"),
        Place(
            "runs", "All runs on this server, and the trash", "", "Runs", "tools",
            films=["gan-grid", "real-nvp-digits", "vae-digits", "maf-moons"],
        ),
    ],
    legends=LEGENDS,
    judged=True,
)  # fmt: skip
