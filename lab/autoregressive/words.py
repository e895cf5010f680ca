"""What the lab says about autoregressive models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from engine.autoregressive.gated_pixelcnn import GatedPixelCNN
from engine.autoregressive.handwriting import COORDINATE, Handwriting
from engine.autoregressive.handwriting_synthesis import STEP, HandwritingSynthesis
from engine.autoregressive.letter_measures import FIVEGRAM, TEST_BITS
from engine.autoregressive.letters import BITS, Letters
from engine.autoregressive.made import MADE
from engine.autoregressive.pen_measures import GAUSSIANS, MEMORYLESS, TEST_COORDINATE, TEST_STEP
from engine.autoregressive.pixel_measures import BAR, TEST
from engine.autoregressive.pixelcnn import PixelCNN
from engine.autoregressive.pixelrnn import PixelRNN
from engine.autoregressive.pixels import NATS, Pixels
from engine.autoregressive.sequence_measures import BIGRAM, MARGINAL, TEST_SOUND
from engine.autoregressive.wavenet import SOUND, WaveNet
from lab.autoregressive.failures import (
    BLIND,
    LIMP,
    LIMP_WORDS,
    MADE_LEAK,
    PIXELCNN_LEAK,
    PIXELRNN_LEAK,
    SPIKES,
    WAVENET_LEAK,
)
from lab.kit.subject import Place, Recording, Row, Subject, legend
from lab.kit.verdict import newest
from lab.stage import Graph

GROUP = "Autoregressive models"


def graph_of(x: str, each: str, chart: str, drawn: str) -> Graph:
    """The graph of a model of numbers in an order."""
    return {
        "nodes": [
            {"id": "x", "title": "x", "says": x, "role": "data", "at": [0, 0]},
            {"id": "net", "title": "net", "says": "sees only what comes before", "role": "model",
             "at": [1, 0]},
            {"id": "p", "title": "p(xᵢ | x₁ … xᵢ₋₁)", "says": each, "role": "model", "at": [2, 0],
             "array": drawn},
            {"id": "log_p", "title": "log p(x)", "says": "the sum over all, exact", "role": "model",
             "at": [3, 0]},
            {"id": "loss", "title": "loss", "says": "−E[log p(x)]", "at": [4, 0],
             "arrays": [f"curve/{chart}/"]},
            {"id": "gradient", "title": "gradient", "says": "to all weights", "role": "gradient",
             "at": [2, 1]},
        ],
        "edges": [
            ["x", "net"], ["net", "p"], ["p", "log_p"], ["log_p", "loss"], ["loss", "gradient", "gradient"],
            ["gradient", "net", "gradient"],
        ],
    }  # fmt: skip


def loss_now(loss: str, says: str, test: str, beside: Callable[[Row], str], run: str, row: Row) -> str:
    """The present loss, and that on test data `beside` what it must pass. `says` is the loss in words, with
    a place for its value."""
    if loss not in row:
        return ""
    told = f"Around round {row['round']:,}: {says.format(row[loss])}"
    last: Row = newest(run, row["round"], (f'"{test}"'.encode(),), tail=32_768) or {}
    return told + (f", and {beside(last)}" if test in last else ".")


def beside_pixels(last: Row) -> str:
    """The loss on test pictures, and that of independent pixels."""
    return (
        f"{last[TEST]:.1f} on test pictures around round {last['round']:,}. Independent pixels, which know "
        f"only how often each is bright, need {last[BAR]:.1f}."
    )


def beside_entropies(last: Row) -> str:
    """The loss over all sounds, and the entropies of a sample."""
    return (
        f"{last[TEST_SOUND]:.2f} over all sounds. The entropy of a sample is {last[MARGINAL]:.2f} bits, and "
        f"{last[BIGRAM]:.2f} given the sample before it."
    )


def beside_ngrams(last: Row) -> str:
    """The loss on test names, and that of the 5-gram."""
    return f"{last[TEST_BITS]:.3f} on test names. The 5-gram needs {last[FIVEGRAM]:.3f}."


def beside_gaussians(last: Row) -> str:
    """The loss on test digits, and that of Gaussians."""
    return (
        f"{last[TEST_COORDINATE]:.2f} on test digits. Gaussians of whole digits need {last[GAUSSIANS]:.2f}."
    )


def beside_memoryless(last: Row) -> str:
    """The loss on test words, and that of steps without memory."""
    return f"{last[TEST_STEP]:.2f} on test words. Steps without memory need {last[MEMORYLESS]:.2f}."


NATS_SAY = r"$-\log p(x) = -\sum_i \log p(x_i \mid x_{{<i}})$ = {:.1f} nats"
BITS_SAY = r"$-\log_2 p(x_t \mid x_{{<t}})$ = "


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
    graph=graph_of("a picture as numbers", "a distribution for each pixel", NATS.chart, "images/samples"),
    now=partial(loss_now, NATS, NATS_SAY, TEST, beside_pixels),
    data="digits-14",
    recordings=[
        Recording("nade", "digits-14", 4000, slower=True, pictures=24),
        Recording("made", "digits-14", 4000, slower=True, pictures=24),
        Recording("pixelcnn", "digits", 3000, slower=True, pictures=24),
        Recording("gated-pixelcnn", "pixel-faces", 3000, slower=True, pictures=24),
        Recording("pixelrnn", "digits-14", 2000, slower=True, pictures=24),
    ],
)
OTHERS = [
    Recording("wavenet", "voices", rounds, True, 2, knobs=knobs, shows=shows)
    for rounds, knobs, shows in (
        (900, {"dilations": 5}, "field-33"),
        (900, {"levels": "16"}, "levels-16"),
        (900, {"dilations": 5, "levels": "16"}, "field-33-levels-16"),
        (600, {"dilations": 2}, "field-5"),
        (600, {"dilations": 2, "levels": "16"}, "field-5-levels-16"),
    )
]
"""Recordings that are heard beside the room's own: what a shorter field does, and fewer levels."""
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
    now=partial(loss_now, SOUND, BITS_SAY + "{:.2f} bits per sample", TEST_SOUND, beside_entropies),
    data="voices",
    failures=[WAVENET_LEAK],
    recordings=[Recording("wavenet", "voices", 3000, slower=True, pictures=12), *OTHERS],
)
OF_LETTERS = Subject(
    Letters,
    places=[Place("letters", "Names, letter by letter", GROUP, step=280, needs=["nade"])],
    legends={"text": legend("[Names](words/samples, model) that the model makes up.")},
    labels={"words/samples": "Names"},
    charts=(BITS.chart,),
    colours={"x": "data", "x_t": "data", "x_{<t}": "data", "x_{t-1}": "data", "h_t": "latent", "y": "latent"},
    graph=graph_of("a name as letters", "a distribution for each letter", BITS.chart, "words/samples"),
    now=partial(loss_now, BITS, BITS_SAY + "{:.3f} bits per character", TEST_BITS, beside_ngrams),
    data="villages",
    recordings=[
        Recording("letters", "villages", 4000, slower=True, pictures=24),
        Recording("letters", "villages-by-region", 4000, slower=True, pictures=24),
    ],
)
OF_MADE = Subject(MADE, failures=[MADE_LEAK])
OF_PIXELCNN = Subject(PixelCNN, data="digits", failures=[PIXELCNN_LEAK, BLIND])
OF_GATED = Subject(GatedPixelCNN, data="pixel-faces")
OF_PIXELRNN = Subject(PixelRNN, failures=[PIXELRNN_LEAK])
OF_HANDWRITING = Subject(
    Handwriting,
    places=[Place("handwriting", "A pen, place by place", GROUP, step=290, needs=["letters"])],
    legends={
        "pen": legend(
            "[Digits](strokes/real, data) by people, and [digits](strokes/samples, model) by the model."
        )
    },
    labels={"strokes/real": "Real digits", "strokes/samples": "The model's digits"},
    charts=(COORDINATE.chart,),
    colours={"x": "data", "x_t": "data", "x_{<t}": "data", "y": "latent"},
    graph=graph_of(
        "a digit as steps of a pen", "a mixture for each step", COORDINATE.chart, "strokes/samples"
    ),
    now=partial(
        loss_now, COORDINATE, BITS_SAY + "{:.2f} bits per coordinate", TEST_COORDINATE, beside_gaussians
    ),
    data="pen-digits",
    failures=[LIMP, SPIKES],
    recordings=[Recording("handwriting", "pen-digits", 4000, slower=True, pictures=24)],
)
OF_SYNTHESIS = Subject(
    HandwritingSynthesis,
    places=[
        Place(
            "handwriting-synthesis",
            "Words, letter by letter, by a pen",
            GROUP,
            step=300,
            needs=["handwriting"],
        )
    ],
    legends={
        "script": legend(
            "[Words](strokes/real, data) by hands, and [words](strokes/samples, model) by the model."
        )
    },
    labels={"strokes/real": "Real words", "strokes/samples": "The model's words"},
    charts=(STEP.chart,),
    colours={"x": "data", "x_t": "data", "x_{<t}": "data", "c_u": "data", "kappa_t": "latent"},
    graph=graph_of("a word as steps of a pen", "a mixture for each step", STEP.chart, "strokes/samples"),
    now=partial(
        loss_now, STEP, r"$-\log p(x_t \mid x_{{<t}})$ = {:.2f} nats per step", TEST_STEP, beside_memoryless
    ),
    data="words",
    failures=[LIMP_WORDS],
    recordings=[Recording("handwriting-synthesis", "words", 4000, slower=True, pictures=16)],
)
