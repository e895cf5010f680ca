"""The graphs of models with codes: what flows where, in slow motion and under the stage."""

from __future__ import annotations

from typing import Any

from lab.stage import Graph

Node = dict[str, Any]

X: Node = {"id": "x", "title": "x", "says": "an example", "role": "data", "array": "points/real"}
ENCODER: Node = {"id": "encoder", "title": "encoder", "says": "e(x)", "role": "latent"}
Z: Node = {"id": "z", "title": "z", "says": "the code of x", "role": "latent", "array": "codes/test"}
DECODER: Node = {
    "id": "decoder",
    "title": "decoder",
    "says": "d(z)",
    "role": "model",
    "array": "mesh/generator",
}
DECODED: Node = {
    "id": "reconstruction", "title": "x̂", "says": "decoded", "role": "model",
    "arrays": ["points/fake", "images/samples"],
}  # fmt: skip
LOSS: Node = {"id": "loss", "title": "loss", "says": "squared error", "arrays": ["curve/loss/"]}
GRADIENT: Node = {
    "id": "gradient", "title": "gradient", "says": "to encoder and decoder", "role": "gradient",
}  # fmt: skip
CHAIN = [
    ["x", "encoder"],
    ["encoder", "z"],
    ["z", "decoder"],
    ["decoder", "reconstruction"],
    ["reconstruction", "loss"],
]


def _placed(nodes: dict[tuple[int, int], Node]) -> list[Node]:
    """These nodes, each at its column and row."""
    return [node | {"at": list(place)} for place, node in nodes.items()]


PCA_GRAPH: Graph = {
    "nodes": _placed({(0, 0): X, (1, 0): ENCODER, (2, 0): Z, (3, 0): DECODER, (4, 0): DECODED, (4, 1): LOSS}),
    "edges": CHAIN,
}

AE_GRAPH: Graph = {
    "nodes": [*PCA_GRAPH["nodes"], *_placed({(2, 1): GRADIENT})],
    "edges": [*CHAIN, ["loss", "gradient", "gradient"]],
}

VARIATIONAL_GRAPH: Graph = {
    "nodes": _placed(
        {
            (0, 0): X,
            (1, 0): ENCODER | {"says": "q(z | x)"},
            (2, 0): {
                "id": "code", "title": "μ, σ", "says": "mean and spread of its code", "role": "latent",
                "array": "codes/test",
            },
            (2, 1): {"id": "eps", "title": "ε", "says": "noise N(0, 1)"},
            (3, 0): Z | {"says": "μ + σ ε", "array": "latent/fake"},
            (4, 0): DECODER | {"says": "p(x | z)"},
            (5, 0): DECODED,
            (5, 1): LOSS | {"says": "reconstruction, and KL from the prior"},
            (4, 1): GRADIENT,
        }
    ),
    "edges": [
        ["x", "encoder"], ["encoder", "code"], ["code", "z"], ["eps", "z"], ["z", "decoder"],
        ["decoder", "reconstruction"], ["reconstruction", "loss"], ["loss", "gradient", "gradient"],
    ],
}  # fmt: skip

VAE_GAN_GRAPH: Graph = {
    "nodes": _placed(
        {
            (0, 0): X,
            (1, 0): {"id": "Enc", "title": "Enc", "says": "q(z | x)", "role": "latent"},
            (2, 0): Z | {"says": "code, or draw from the prior"},
            (3, 0): {"id": "Dec", "title": "Dec", "says": "decodes z", "role": "model"},
            (4, 0): DECODED | {"title": "x~, x_p", "says": "restored, and sampled"},
            (4, 1): {"id": "Dis", "title": "Dis", "says": "real or not? and its layer l"},
            (3, 1): LOSS | {"says": "L_prior, L_like, L_GAN"},
            (1, 1): GRADIENT | {"says": "to the player whose turn it is"},
        }
    ),
    "edges": [
        ["x", "Enc"], ["Enc", "z"], ["z", "Dec"], ["Dec", "reconstruction"], ["reconstruction", "Dis"],
        ["x", "Dis"], ["Dis", "loss"], ["loss", "gradient", "gradient"],
    ],
}  # fmt: skip
