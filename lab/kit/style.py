"""The words of the style room, and the weights of its loss."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab.kit.pictures import Chosen
from lab.kit.room import Under

LAYERS = [f"w{i}" for i in range(1, 6)]

LABELS = {
    "chart/loss of the layers": "Loss, split by term",
    "number/pixels seen": "pixels that the losses see",
}

LEGENDS = {
    "transfer": [
        "Each round moves all pixels of the result at once. Drag the handle on it to compare it with the "
        "content."
    ]
}


def rows() -> list[list[str]]:
    """The live weights; that of a second style only where there is one."""
    second = Chosen.of(st.session_state["data"]).second
    return [["alpha", "beta", *(["blend"] if second else []), "tv"], LAYERS]


WEIGHTS = Under(
    "Weights of the loss: they may change while it runs", ["alpha", "beta", "blend", "tv", *LAYERS], rows
)


def loss_now(row: dict[str, Any]) -> str:
    """The loss with its present numbers in it."""
    if "content" not in row:
        return ""
    style = sum(row[f"style {i}"] for i in range(1, 6))
    content, smooth = row["content"], row["total variation"]
    return (
        f"Around round {row['round']:,}: "
        r"$\alpha\, L_{content} + \beta \sum_l w_l E_l + tv\, V"
        f" = {content:.3f} + {style:.3f} + {smooth:.3f} = {content + style + smooth:.3f}$."
    )
