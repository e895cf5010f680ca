"""What the lab says about autoregressive models."""

from __future__ import annotations

from engine.autoregressive.gated_pixelcnn import GatedPixelCNN
from engine.autoregressive.made import MADE
from engine.autoregressive.pixel_measures import BAR, TEST
from engine.autoregressive.pixelcnn import PixelCNN
from engine.autoregressive.pixelrnn import PixelRNN
from engine.autoregressive.pixels import NATS, Pixels
from lab.autoregressive.failures import BLIND, MADE_LEAK, PIXELCNN_LEAK, PIXELRNN_LEAK
from lab.kit.subject import Place, Recording, Row, Subject, legend
from lab.kit.verdict import newest
from lab.stage import Graph

GROUP = "Autoregressive models"
GRAPH: Graph = {
    "nodes": [
        {"id": "x", "title": "x", "says": "a picture as numbers", "role": "data", "at": [0, 0]},
        {"id": "net", "title": "net", "says": "sees only what comes before", "role": "model", "at": [1, 0]},
        {"id": "p", "title": "p(xᵢ | x₁ … xᵢ₋₁)", "says": "a distribution for each pixel", "role": "model",
         "at": [2, 0], "array": "images/samples"},
        {"id": "log_p", "title": "log p(x)", "says": "the sum over all pixels, exact", "role": "model",
         "at": [3, 0]},
        {"id": "loss", "title": "loss", "says": "−E[log p(x)]", "at": [4, 0],
         "arrays": [f"curve/{NATS.chart}/"]},
        {"id": "gradient", "title": "gradient", "says": "to all weights", "role": "gradient", "at": [2, 1]},
    ],
    "edges": [
        ["x", "net"], ["net", "p"], ["p", "log_p"], ["log_p", "loss"], ["loss", "gradient", "gradient"],
        ["gradient", "net", "gradient"],
    ],
}  # fmt: skip


def nats_now(run: str, row: Row) -> str:
    """The present loss beside that of independent pixels."""
    if NATS not in row:
        return ""
    says = rf"Around round {row['round']:,}: $-\log p(x) = -\sum_i \log p(x_i \mid x_{{<i}})$"
    says += f" = {row[NATS]:.1f} nats"
    last: Row = newest(run, row["round"], (b'"test ',), tail=32_768) or {}
    if TEST not in last or BAR not in last:
        return says + "."
    return (
        f"{says}, and {last[TEST]:.1f} on test pictures around round {last['round']:,}. Independent pixels, "
        f"which know only how often each is bright, need {last[BAR]:.1f}."
    )


SUBJECT = Subject(
    Pixels,
    places=[
        Place("nade", "A hidden layer for each pixel, by a running sum", GROUP, step=210),
        Place("made", "One masked net for all pixels at once", GROUP, step=220, needs=["nade"]),
        Place("pixelcnn", "Masked convolutions write pictures", GROUP, step=230, needs=["made"]),
        Place("gated-pixelcnn", "Two stacks, and no blind spot", GROUP, step=240, needs=["pixelcnn"]),
        Place("pixelrnn", "Row by row, or along diagonals", GROUP, step=250, needs=["pixelcnn"]),
    ],
    legends={"image": legend("These pictures were written by the model, one pixel after another.")},
    labels={"images/samples": "Samples"},
    charts=(NATS.chart,),
    colours={"x": "data", "x_i": "data", "x_d": "data", "x_{<i}": "data", "x_{<d}": "data"},
    graph=GRAPH,
    now=nats_now,
    data="digits-14",
    recordings=[
        Recording("nade", "digits-14", 4000, slower=True, pictures=24),
        Recording("made", "digits-14", 4000, slower=True, pictures=24),
        Recording("pixelcnn", "digits", 3000, slower=True, pictures=24),
        Recording("gated-pixelcnn", "pixel-faces", 3000, slower=True, pictures=24),
        Recording("pixelrnn", "digits-14", 2000, slower=True, pictures=24),
    ],
)
OF_MADE = Subject(MADE, failures=[MADE_LEAK])
OF_PIXELCNN = Subject(PixelCNN, data="digits", failures=[PIXELCNN_LEAK, BLIND])
OF_GATED = Subject(GatedPixelCNN, data="pixel-faces")
OF_PIXELRNN = Subject(PixelRNN, failures=[PIXELRNN_LEAK])
