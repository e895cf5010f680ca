"""What the lab says about diffusions."""

from __future__ import annotations

from engine.diffusion.base import OBJECTIVES, TEST_LOSS, Denoiser
from engine.diffusion.ddpm import DDPM
from engine.diffusion.flow_matching import FlowMatching
from engine.diffusion.measures import SCORE_ERROR
from engine.metrics.measure import LOSS
from lab.diffusion.failures import DDPM_FAILURES
from lab.kit.subject import Legend, Place, Recording, Row, Subject
from lab.stage import Graph

LEGENDS: dict[str, Legend] = {
    "points": [
        "From the same noise in every frame, ",
        {"words": "paths", "layer": "paths/reverse", "role": "model"},
        " of at most ten steps lead to these ",
        {"words": "samples", "layer": "points/fake", "role": "model"},
        ", which should come to lie like the ",
        {"words": "data", "layer": "points/real", "role": "data"},
        ". ",
        {"words": "Arrows", "layer": "arrows/gradient", "role": "gradient", "off": True},
        " show the score at the level t below: the direction in which data with that much noise are denser.",
    ],
    "line": [
        "The ",
        {"words": "density of the samples", "layer": "line/model density", "role": "model"},
        " should become the ",
        {"words": "exact density of the data", "layer": "line/truth density", "role": "truth"},
        ".",
    ],
    "image": [
        "Samples from the same noise in every frame, in at most ten steps. Beside them are six test pictures "
        "at three noise levels, and below each the picture that the net predicts from it."
    ],
}  # fmt: skip


def graph(out: str, says: str) -> Graph:
    """What flows where in Algorithm 1, for a net that predicts `out`."""
    return {
        "nodes": [
            {"id": "x0", "title": "x₀", "says": "an example", "role": "data", "at": [0, 0],
             "array": "points/real"},
            {"id": "t", "title": "t", "says": "a random noise level", "at": [0, 1]},
            {"id": "eps", "title": "ε", "says": "noise N(0, I)", "role": "latent", "at": [0, 2]},
            {"id": "x_t", "title": "x_t", "says": "the example, noised in one jump", "at": [1, 1]},
            {"id": "net", "title": "net", "says": "sees x_t and t", "role": "model", "at": [2, 1],
             "arrays": ["points/fake", "images/samples"]},
            {"id": "out", "title": out, "says": says, "role": "model", "at": [3, 1]},
            {"id": "loss", "title": "loss", "says": "the mean squared error", "at": [4, 1],
             "arrays": ["curve/loss/"]},
            {"id": "gradient", "title": "gradient", "says": "to the weights of the net",
             "role": "gradient", "at": [3, 2]},
        ],
        "edges": [
            ["x0", "x_t"], ["t", "x_t"], ["eps", "x_t"], ["x_t", "net"], ["net", "out"], ["out", "loss"],
            ["loss", "gradient", "gradient"], ["gradient", "net", "gradient"],
        ],
    }  # fmt: skip


def loss_now(run: str, row: Row) -> str:
    """The loss with its present value."""
    letters = {"eps": (r"\varepsilon", r"\varepsilon"), "x0": ("x_0", "x"), "v": ("v", "v"), "u": ("u", "u")}
    for name, loss in OBJECTIVES.items():
        if (value := row.get(loss)) is not None:
            target, net = letters[name]
            error = rf"\lVert {target} - {net}_\theta(x_t, t) \rVert^2"
            return (
                f"Around round {row['round']:,}: ${error} = {value:.3f}$, averaged over the numbers of $x_0$."
            )
    return ""


SUBJECT = Subject(
    Denoiser,
    places=[
        Place("ddpm", "Learn to remove noise, step by step", "Variational", step=180, needs=["vae"]),
        Place(
            "flow-matching", "Learn the velocity from noise to data; its ODE has an exact p(x)",
            "Normalizing flows", step=190, needs=["continuous-flow", "ddpm"],
        ),
    ],
    charts=(SCORE_ERROR.chart, TEST_LOSS.chart, LOSS),
    legends=LEGENDS,
    labels={
        "world": "Data space",
        "images/samples": "Samples",
        "images/denoised": "Noised test pictures, and what the net predicts from them",
        f"chart/{LOSS}": "Loss",
    },
    colours={
        "x_0": "data", r"\hat x_0": "model", r"\varepsilon": "latent", r"\varepsilon_\theta": "model",
        r"\hat\varepsilon": "model", r"u_\theta": "model", "u": "model", r"\nabla_x": "gradient",
    },
    graph=graph("ε_θ(x_t, t)", "the predicted noise"),
    now=loss_now,
    data="digits",
    recordings=[
        Recording("ddpm", "digits", 10_000, slower=True, minutes=34, usable=1800),
        Recording("ddpm", "moons", 3000, slower=True, minutes=0.3, usable=700),
        Recording("ddpm", "ring", 3000, slower=True, minutes=0.3, usable=1300),
        Recording("flow-matching", "moons", 6000, slower=True, minutes=0.5, usable=1100),
    ],
)  # fmt: skip
OF_DDPM = Subject(DDPM, failures=DDPM_FAILURES)
OF_FLOW_MATCHING = Subject(
    FlowMatching, graph=graph("u_θ(x_t, t)", "the predicted velocity ε − x₀"), data="moons"
)
