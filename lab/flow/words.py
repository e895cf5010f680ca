"""What the lab says about normalizing flows."""

from __future__ import annotations

from typing import Any

from engine.flow.base import BITS, NLL, TEST, Flow
from engine.flow.maf import MAF
from engine.flow.measures import KL
from engine.flow.real_nvp import RealNVP
from engine.flow.spline_flow import SplineFlow
from lab.flow.failures import FLOW_FAILURES, GREY
from lab.kit.numbers import signed
from lab.kit.subject import Legend, Place, Recording, Row, Subject
from lab.kit.verdict import judged_by, newest
from lab.runs import store
from lab.stage import Graph

DENSITY: list[Any] = [
    "The model's exact ",
    {"words": "density", "layer": "field/density", "role": "model"},
    " should become that of the ",
    {"words": "data", "layer": "points/real", "role": "data"},
    ". ",
    {"words": "Samples", "layer": "points/fake", "role": "model", "off": True},
    " are noise z sent back through all layers, and so is the ",
    {"words": "grid", "layer": "mesh/generator", "role": "latent", "off": True},
    ", whose cells all hold the same share of the noise. ",
]
LEGENDS: dict[str, Legend] = {
    "points": [
        *DENSITY,
        "Beside it are the ",
        {"words": "exact density", "layer": "side/target", "role": "truth"},
        " of the data and the ",
        {"words": "difference", "layer": "side/error", "role": "field"},
        ": blue where the model has too little, orange where it has too much.",
    ],
    "points alone": [
        *DENSITY,
        "Nobody knows the density behind a table, so there is no entropy and no error to show.",
    ],
    "line": [
        "The model's exact ",
        {"words": "density", "layer": "line/model density", "role": "model"},
        " should become that of the ",
        {"words": "data", "layer": "line/truth density", "role": "truth"},
        ". Each ",
        {"words": "line", "layer": "links/generator", "role": "latent"},
        " leads from a z below to its x; any two neighbours have the same share of the noise between them.",
    ],
    "image": ["These pictures are x = f⁻¹(z), with the same noise z in every frame."],
}

GRAPH: Graph = {
    "nodes": [
        {"id": "x", "title": "x", "says": "an example", "role": "data", "at": [0, 0],
         "array": "points/real"},
        {"id": "f", "title": "f = f_L ∘ … ∘ f₁", "says": "invertible layers", "role": "model", "at": [1, 0],
         "array": "mesh/generator"},
        {"id": "z", "title": "z", "says": "the example as noise", "role": "latent", "at": [2, 0]},
        {"id": "base", "title": "log p_z(z)", "says": "how likely this noise is", "role": "latent",
         "at": [3, 0]},
        {"id": "det", "title": "log |det ∂f/∂x|", "says": "how much f stretches here", "role": "model",
         "at": [2, 1]},
        {"id": "sum", "title": "log p_x(x)", "says": "the sum of both, exact", "role": "model",
         "at": [3, 1], "arrays": ["field/density", "line/model density"]},
        {"id": "loss", "title": "loss", "says": "−E[log p_x(x)]", "at": [4, 1],
         "arrays": [f"curve/{NLL.chart}/", f"curve/{BITS.chart}/"]},
        {"id": "gradient", "title": "gradient", "says": "to the weights of all layers",
         "role": "gradient", "at": [2, 2]},
    ],
    "edges": [
        ["x", "f"], ["f", "z"], ["z", "base"], ["f", "det"], ["base", "sum"], ["det", "sum"], ["sum", "loss"],
        ["loss", "gradient", "gradient"], ["gradient", "f", "gradient"],
    ],
}  # fmt: skip


def loss_now(run: str, row: Row) -> str:
    """The lecture's loss with its present value, and that on test data beside the lowest possible one."""
    when = rf"Around round {row['round']:,}: $L = -\frac1m \sum_i \log p_x(x_i)"
    at = store.folder(run)
    last: Row = newest(run, row["round"], (b'"test ',), tail=32_768) or {}
    if BITS in row:
        says = when + rf"$ is {row[BITS]:.3f} bits per dimension"
        if (bits := last.get(TEST[BITS])) is not None:
            says += f", and {bits:.3f} on test data around round {last['round']:,}"
        return says + ". A model that gives all 256 levels the same probability needs 8 bits."
    if NLL not in row:
        return ""
    says = when + f" = {row[NLL]:.3f}$ nats"
    if TEST[NLL] not in last:
        return says + "."
    says += f". On test data, around round {last['round']:,}, it is {signed(last[TEST[NLL]], 3)}"
    if KL not in last:
        return says + ". Nobody knows how low it can get, because the density behind a table is unknown."
    known = judged_by(store.read_info(at).data)
    if not known.done():
        return says + "."
    return says + (
        f": **{signed(last[KL], 3)} nat above the entropy** of the data, "
        f"{known.result().entropy:.3f}, which is the lowest possible loss."
    )


_GROUP, _FIRST = "Normalizing flows", "change-of-variables"
_SHIPPED = {
    "planar": (4000, 0.4), "nice": (3000, 0.2), "real-nvp": (3000, 0.3), "maf": (3000, 0.3),
    "iaf": (3000, 0.7), "glow": (3000, 0.4), "continuous-flow": (1500, 1.5),
}  # fmt: skip
SUBJECT = Subject(
    Flow,
    places=[
        Place(
            _FIRST, "Bend a curve, and the density follows", _GROUP, "Change of variables",
            "tractable", 90, films=["spline-flow-two-bumps"],
        ),
        Place("nice", "Shift one half, and keep volume the same", _GROUP, step=100, needs=[_FIRST]),
        Place(
            "real-nvp", "Scale and shift one half, depending on the other", _GROUP, step=110, needs=["nice"]
        ),
        Place(
            "planar", "Push the plane along one direction, again and again", _GROUP, step=120, needs=[_FIRST]
        ),
        Place("maf", "Each number depends on those before it", _GROUP, step=130, needs=["real-nvp"]),
        Place("iaf", "The inverse map, for fast samples", _GROUP, step=140, needs=["maf"]),
        Place("glow", "Learn which half is kept", _GROUP, step=150, needs=["real-nvp"]),
        Place(
            "spline-flow", "Curves instead of scaling and shifting", _GROUP, step=160, needs=["real-nvp"]
        ),
        Place(
            "continuous-flow", "Infinitely many layers: a continuous movement", _GROUP, step=170,
            needs=["planar"],
        ),
    ],
    legends=LEGENDS,
    labels={
        "world": "Data space",
        "images/samples": "Samples",
        "side/target": "exact density of the data",
        "side/error": "data minus model",
    },
    charts=(NLL.chart, BITS.chart),
    colours={"x": "data", "z": "latent", "f": "model"},
    graph=GRAPH,
    now=loss_now,
    data="moons",
    recordings=[
        *(
            Recording(name, "moons", rounds, slower=True, minutes=minutes, usable=450)
            for name, (rounds, minutes) in _SHIPPED.items()
        ),
        Recording("spline-flow", "ring", 3000, slower=True, minutes=0.4, usable=450),
        Recording("spline-flow", "two-bumps", 1000, slower=True, minutes=0.1, usable=400),
        Recording("real-nvp", "digits", 2500, slower=True, minutes=1.6, usable=450),
    ],
)  # fmt: skip
OF_REAL_NVP = Subject(RealNVP, failures=FLOW_FAILURES)
OF_MAF = Subject(MAF, failures=[GREY])
OF_SPLINE_FLOW = Subject(SplineFlow, data="ring")
