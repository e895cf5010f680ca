"""The words of the GAN's stage: legend sentences, the graph, labels, and the gallery of failures."""

from __future__ import annotations

from typing import Any

from engine.adversarial import LOSSES
from lab.kit.gallery import Cure, Failure
from lab.stage import Graph

GRAPH: Graph = {
    "nodes": [
        {"id": "z", "title": "z", "says": "noise", "role": "latent", "at": [0, 1],
         "array": "latent/fake", "lights": ["z"]},
        {"id": "G", "title": "G", "says": "generator", "role": "model", "at": [1, 1],
         "array": "mesh/generator"},
        {"id": "fake", "title": "G(z)", "says": "fakes", "role": "model", "at": [2, 1],
         "arrays": ["points/fake", "images/samples", "line/model density"], "lights": ["fake"]},
        {"id": "real", "title": "x", "says": "real data", "role": "data", "at": [2, 0],
         "arrays": ["points/real", "line/truth density"], "lights": ["batch.x", "x", "seen"]},
        {"id": "D", "title": "D", "says": "belief: real or fake?", "at": [3, 1],
         "arrays": [{"name": "belief/real", "role": "data"}, {"name": "belief/fake", "role": "model"}],
         "lights": ["real_score", "fake_score", "score"]},
        {"id": "loss", "title": "loss", "says": "what each descends", "at": [4, 1],
         "arrays": ["curve/loss/"],
         "lights": ["terms", *(term for loss in LOSSES.values() for term in loss.says)]},
        {"id": "gradient", "title": "gradient", "says": "where D would have fakes go", "role": "gradient",
         "at": [2, 2], "array": "arrows/gradient", "lights": ["gradient", "change"]},
    ],
    "edges": [
        ["z", "G"], ["G", "fake"], ["fake", "D"], ["real", "D"], ["D", "loss"],
        ["loss", "gradient", "gradient"], ["gradient", "G", "gradient"],
    ],
}  # fmt: skip

LEGENDS = {
    "points": [
        "The generator turns noise z into ",
        {"words": "fake points", "layer": "points/fake", "role": "model"},
        " that should come to lie like the ",
        {"words": "real points", "layer": "points/real", "role": "data"},
        ". The ",
        {"words": "background", "layer": "field/discriminator", "role": "field"},
        " is what the discriminator believes: blue where it takes a point for real, orange for fake. "
        "The generator moves each fake along an ",
        {"words": "arrow", "layer": "arrows/gradient", "role": "gradient", "off": True},
        "; its ",
        {"words": "grid", "layer": "mesh/generator", "role": "model", "off": True},
        " shows how it bends the plane of z. Press a fake (or the key z) to see the path of its z.",
    ],
    "line": [
        "The ",
        {"words": "density of the fakes", "layer": "line/model density", "role": "model"},
        " should come to match the ",
        {"words": "data's exact density", "layer": "line/truth density", "role": "truth"},
        ". The ",
        {"words": "discriminator", "layer": "line/discriminator", "role": "critic"},
        ", on the right-hand axis, chases the ",
        {"words": "best possible one", "layer": "line/best discriminator", "role": "truth"},
        ". The generator sends each z below along a ",
        {"words": "line", "layer": "links/generator", "role": "latent"},
        " to its x.",
    ],
    "image": [
        "Each square is what the generator draws from one fixed noise vector z; watch it become a digit. "
        "Below each is the ",
        {"words": "discriminator's belief", "layer": "score/samples"},
        " that it is real.",
    ],
}

LABELS = {
    "field": "D(x)",
    "chart/loss": "What each player descends",
    "chart/modes found": "Modes found",
    "chart/high-quality share": "Fakes near a mode",
    "chart/distance from the data": "Distance from the data",
    "chart/JS divergence, bits": "JS divergence, bits",
    "chart/belief of D": "What D believes",
    "chart/gradient at a fake": "Gradient at a fake",
    "number/V(D, G)": "V(D, G)",
    "number/above −log 4": "above −log 4",
    "number/2 JSD(p, p_g)": "2 JSD(p, p_g)",
    "number/D at a real, mean": "D at a real, mean",
    "number/D at a fake, mean": "D at a fake, mean",
    **{f"role/{term}": "critic" for loss in LOSSES.values() for term in loss.says[:2]},
    **{f"role/{loss.says[2]}": "model" for loss in LOSSES.values()},
    "role/λ E[(|∇D| - 1)²]": "gradient",
    "role/λ E[|∇D(x)|²]/2": "gradient",
    "role/D(x)": "data",
    "role/D(G(z))": "model",
    "role/gradient": "gradient",
}


def game_now(row: dict[str, Any]) -> str:
    """The players' losses with the present numbers in them."""
    when = f"Around round {row['round']:,}: "
    if "-E[log D(x)]" in row:
        real, fake = -row["-E[log D(x)]"], -row["-E[log(1 - D(G(z)))]"]
        return when + (
            rf"$V = \mathbb{{E}}[\log D(x)] + \mathbb{{E}}[\log(1 - D(G(z)))] = {real:.3f} {fake:+.3f} = "
            rf"{real + fake:.3f}$. When the fakes lie exactly like the data, the best D says $\tfrac12$ "
            r"everywhere and $V = -\log 4 = -1.386$."
        )
    known = [term for loss in LOSSES.values() for term in loss.says if term in row]
    parts = ", ".join(f"{term.replace('-', '−')} = {row[term]:.3f}" for term in dict.fromkeys(known))
    return when + parts.replace("[", "\\[").replace("]", "\\]") + "."


# fmt: off
FAILURES = [
    Failure(
        "Mode collapse",
        "Mode collapse",
        "D learns ten times more slowly than G, so G runs with all its fakes to wherever D is fooled at the "
        "moment. Most of the eight groups stay empty.",
        "ring",
        {"lr_D": 1e-4},
        1500,
        [
            Cure("Minibatch standard deviation", {"diversity": "minibatch std"},
                 "D sees how spread out the batch is, so fakes that are all alike are found out at once"),
            Cure("Packing", {"diversity": "packing"},
                 "D judges pairs: two fakes close together look wrong even where one alone looks right"),
            Cure("Equal learning rates", {"lr_D": 1e-3}, "D keeps up with G"),
            Cure("R1", {"penalty": "R1", "weight": 0.1}, "It flattens D but does not make it faster", False),
            Cure("Hinge loss with spectral normalization", {"loss": "hinge", "spectral": True},
                 "It bounds D's slope, which was not the trouble", False),
        ],
    ),
    Failure(
        "Vanishing gradient",
        "Vanishing gradient",
        "The game's own loss, and plain gradient descent for G: once D is sure of the fakes, "
        "log(1 − D(G(z))) is flat, G's steps shrink to nothing, and the fakes stand still.",
        "ring",
        {"loss": "minimax", "optimizer_G": "SGD", "lr_G": 0.02},
        2400,
        [
            Cure("The non-saturating loss", {"loss": "non-saturating"},
                 "−log D(G(z)) is steepest where D is sure of a fake"),
            Cure("Adam for G", {"optimizer_G": "Adam", "lr_G": 1e-3},
                 "It divides by the size of the gradient; the direction was right all along"),
        ],
    ),
    Failure(
        "Oscillation",
        "Oscillation",
        "Two bumps on a line and a slow D: all fakes jump to one bump, D learns to doubt it, they jump to "
        "the other, and so on for ever.",
        "two-bumps",
        {"lr_D": 1e-4},
        1200,
        [
            Cure("Minibatch standard deviation", {"diversity": "minibatch std"},
                 "A batch in one place is found out wherever it is"),
            Cure("Equal learning rates", {"lr_D": 1e-3}, "D is there when the fakes arrive"),
        ],
    ),
    Failure(
        "D too strong",
        "D too strong",
        "D learns three hundred times faster than G and has five turns a round: it is always right, and G's "
        "small steps hardly bring the fakes closer.",
        "ring",
        {"lr_D": 3e-3, "lr_G": 1e-5, "k": 5},
        900,
        [
            Cure("Equal learning rates, one turn each", {"lr_D": 1e-3, "lr_G": 1e-3, "k": 1},
                 "The two improve together"),
        ],
    ),
    Failure(
        "D too weak",
        "D too weak",
        "Plain gradient descent with a small step leaves D almost as it began: it says one half of "
        "everything, and G follows a D that knows nothing.",
        "ring",
        {"optimizer_D": "SGD", "lr_D": 1e-3},
        1200,
        [
            Cure("Adam for D", {"optimizer_D": "Adam"}, "The same learning rate goes much further"),
            Cure("A D without hidden layers, with Adam", {"optimizer_D": "Adam", "depth_D": 0},
                 "A linear D sees only where the mean lies", False),
        ],
    ),
]
# fmt: on
