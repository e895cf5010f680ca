"""The words of style transfer, and the weights of its loss under the stage."""

from __future__ import annotations

import streamlit as st

from engine.data.transfer import Parts
from engine.style.style import CONTENT, SMOOTH, STYLES, StyleTransfer
from lab.kit.subject import Legend, Place, Recording, Row, Subject, Under
from lab.style.pictures_tab import USUAL, choose_pictures

LAYERS = [f"w{i}" for i in range(1, 6)]

LEGENDS: dict[str, Legend] = {
    "transfer": [
        "Each round changes all pixels of the result at once. Drag the handle on the result to compare it "
        "with the content."
    ]
}


def rows() -> list[list[str]]:
    """The live weights, with that of the second style if there is one."""
    second = Parts.of(st.session_state["data"]).second
    return [["alpha", "beta", *(["blend"] if second else []), "tv"], LAYERS]


WEIGHTS = Under(
    "Weights of the loss, which may change while it runs", ["alpha", "beta", "blend", "tv", *LAYERS], rows
)


def loss_now(run: str, row: Row) -> str:
    """The loss, with its present numbers."""
    if CONTENT not in row:
        return ""
    style = sum(row[name] for name in STYLES)
    content, smooth = row[CONTENT], row[SMOOTH]
    return (
        f"Around round {row['round']:,}: "
        r"$\alpha\, L_{content} + \beta \sum_l w_l E_l + \rho\, V"
        f" = {content:.3f} + {style:.3f} + {smooth:.3f} = {content + style + smooth:.3f}$."
    )


NONE = "&".join(f"{w}=0" for w in LAYERS)
EXPERIMENTS = [
    (
        "Style alone: a texture",
        "There is no content, and the picture begins as noise. It fills with parts of the style picture in "
        "another order, because a Gram matrix does not know where they are.",
        "/style?alpha=0&beta=1000&init=noise",
    ),
    (
        "Content alone, from relu1_2",
        "From noise, with the features of an early layer, nearly every pixel comes back.",
        f"/style?{NONE}&alpha=10&content_layer=relu1_2&init=noise",
    ),
    (
        "Content alone, from relu5_2",
        "From a deep layer, the arrangement comes back, but not the colours or the exact lines.",
        f"/style?{NONE}&alpha=10&content_layer=relu5_2&init=noise",
    ),
    (
        "Fine grain alone",
        "With only relu1_1 and relu2_1 you get the colours and dots of the painting, but no strokes.",
        "/style?w3=0&w4=0&w5=0",
    ),
    (
        "L-BFGS or Adam?",
        "The same loss, descended in two ways. Which is lower after a hundred rounds?",
        "/compare?family=style&knob=optimizer&left=L-BFGS&right=Adam",
    ),
    (
        "Coarse to fine, or all at once?",
        "With one level, rounds are slower, and strokes hardly grow longer than what a layer sees at once.",
        "/compare?family=style&knob=levels&left=3&right=1",
    ),
    (
        "Keep the colours",
        "Only the luminance changes: brush strokes in the flower's own red.",
        "/style?data=flower.brushstrokes&colour=luminance",
    ),
    (
        "Two styles",
        "Half stained glass, half marbled paper. Move *Second style* while it runs, and the picture follows.",
        "/style?data=cat.glass.marble&blend=0.5",
    ),
    (
        "Here and not there",
        "With a mask, the left half is painted, and the right half remains a photograph.",
        "/style?data=astronaut.glass.mask-left",
    ),
    (
        "A network that has learned nothing",
        "The same layers with random weights. Colours and grain still appear; can you still see the temple?",
        "/style?backbone=untrained+VGG-19",
    ),
]

SUBJECT = Subject(
    StyleTransfer,
    places=[Place("style", "The picture itself learns", "One picture", step=200)],
    legends=LEGENDS,
    colours={"x": "model", "F": "model", "P": "data"},
    now=loss_now,
    judged=False,
    experiments=EXPERIMENTS,
    data=USUAL,
    choose=choose_pictures,
    under=WEIGHTS,
    recordings=[Recording("style", USUAL, 240, pictures=16, minutes=0.4)],
)
