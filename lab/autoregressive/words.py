"""What the lab says about autoregressive models."""

from __future__ import annotations

from engine.autoregressive.gated_pixelcnn import GatedPixelCNN
from engine.autoregressive.letter_measures import FIVEGRAM, TEST_BITS
from engine.autoregressive.letters import BITS, Letters
from engine.autoregressive.made import MADE
from engine.autoregressive.pixel_measures import BAR, TEST
from engine.autoregressive.pixelcnn import PixelCNN
from engine.autoregressive.pixelrnn import PixelRNN
from engine.autoregressive.pixels import NATS, Pixels
from engine.autoregressive.sequence_measures import BIGRAM, MARGINAL, TEST_SOUND
from engine.autoregressive.wavenet import SOUND, WaveNet
from lab.autoregressive.failures import BLIND, MADE_LEAK, PIXELCNN_LEAK, PIXELRNN_LEAK, WAVENET_LEAK
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


def sound_now(run: str, row: Row) -> str:
    """The present loss of WaveNet beside the entropies."""
    if SOUND not in row:
        return ""
    says = (
        rf"Around round {row['round']:,}: $-\log_2 p(x_t \mid x_{{<t}})$ = {row[SOUND]:.2f} bits per sample"
    )
    last: Row = newest(run, row["round"], (b'"bits per sample, all',), tail=32_768) or {}
    if TEST_SOUND not in last:
        return says + "."
    return (
        f"{says}, and {last[TEST_SOUND]:.2f} over all sounds. The entropy of a sample is "
        f"{last[MARGINAL]:.2f} bits, and {last[BIGRAM]:.2f} given the sample before it."
    )


def letters_now(run: str, row: Row) -> str:
    """The present loss of a model of letters beside the 5-gram."""
    if BITS not in row:
        return ""
    says = (
        rf"Around round {row['round']:,}: $-\log_2 p(x_t \mid x_{{<t}})$ = {row[BITS]:.3f} bits per character"
    )
    last: Row = newest(run, row["round"], (b'"test ',), tail=32_768) or {}
    if TEST_BITS not in last:
        return says + "."
    return f"{says}, and {last[TEST_BITS]:.3f} on test names. The 5-gram needs {last[FIVEGRAM]:.3f}."


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


def graph_of(x: str, each: str, chart: str, drawn: str) -> Graph:
    """The graph of a model of numbers in an order."""
    nodes = [dict(node) for node in GRAPH["nodes"]]
    by_id = {node["id"]: node for node in nodes}
    by_id["x"]["says"], by_id["p"]["says"], by_id["p"]["array"] = x, each, drawn
    by_id["loss"]["arrays"] = [f"curve/{chart}/"]
    return {"nodes": nodes, "edges": GRAPH["edges"]}


SUBJECT = Subject(
    Pixels,
    places=[
        Place("nade", "A hidden layer for each pixel, by a running sum", GROUP, step=210),
        Place("made", "One masked net for all pixels at once", GROUP, step=220, needs=["nade"]),
        Place("pixelcnn", "Masked convolutions write pictures", GROUP, step=230, needs=["made"]),
        Place("gated-pixelcnn", "Two stacks, and no blind spot", GROUP, step=240, needs=["pixelcnn"]),
        Place("pixelrnn", "Row by row, or along diagonals", GROUP, step=250, needs=["pixelcnn"]),
        Place(
            "lie-detector",
            "Losses that are too good to be true",
            GROUP,
            "Lie detector",
            "tractable",
            260,
            ["pixelcnn"],
            ["made-digits-14"],
        ),
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
OF_WAVENET = Subject(
    WaveNet,
    places=[Place("wavenet", "Sound, sample by sample", GROUP, step=270, needs=["gated-pixelcnn"])],
    legends={
        "wave": legend("[Sounds](wave/samples, model) that the model writes, one sample after another.")
    },
    labels={"wave/samples": "The model's sounds"},
    charts=(SOUND.chart,),
    colours={"x": "data", "x_t": "data", "x_{<t}": "data"},
    graph=graph_of("a sound as levels", "a distribution for each sample", SOUND.chart, "wave/samples"),
    now=sound_now,
    data="voices",
    failures=[WAVENET_LEAK],
    recordings=[Recording("wavenet", "voices", 3000, slower=True, pictures=12)],
)
OF_LETTERS = Subject(
    Letters,
    places=[Place("letters", "Names, letter by letter", GROUP, step=280, needs=["nade"])],
    legends={"text": legend("[Names](words/samples, model) that the model makes up.")},
    labels={"words/samples": "Names"},
    charts=(BITS.chart,),
    colours={"x": "data", "x_t": "data", "x_{<t}": "data", "x_{t-1}": "data", "h_t": "latent", "y": "latent"},
    graph=graph_of("a name as letters", "a distribution for each letter", BITS.chart, "words/samples"),
    now=letters_now,
    data="villages",
    recordings=[Recording("letters", "villages", 4000, slower=True, pictures=24)],
)
OF_MADE = Subject(MADE, failures=[MADE_LEAK])
OF_PIXELCNN = Subject(PixelCNN, data="digits", failures=[PIXELCNN_LEAK, BLIND])
OF_GATED = Subject(GatedPixelCNN, data="pixel-faces")
OF_PIXELRNN = Subject(PixelRNN, failures=[PIXELRNN_LEAK])
