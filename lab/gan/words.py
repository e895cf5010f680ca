"""What the rooms of games say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import data
from engine.gan.base import D_REAL, Game
from engine.gan.cgan import CGAN
from engine.gan.losses import LOSSES
from engine.metrics.measure import LOSS
from engine.metrics.ruler import JS
from engine.space import Line
from lab.gan.failures import FAILURES, FAILURES_WITH_LABELS
from lab.gan.formulas import latex
from lab.kit.subject import Place, Recording, Row, Subject, legend
from lab.runs import store
from lab.stage import Graph

GRAPH: Graph = {
    "nodes": [
        {"id": "z", "title": "z", "says": "noise", "role": "latent", "at": [0, 1], "array": "latent/fake"},
        {"id": "G", "title": "G", "says": "generator", "role": "model", "at": [1, 1],
         "array": "mesh/generator"},
        {"id": "fake", "title": "G(z)", "says": "fakes", "role": "model", "at": [2, 1],
         "arrays": ["points/fake", "images/samples", "line/model density"]},
        {"id": "real", "title": "x", "says": "real data", "role": "data", "at": [2, 0],
         "arrays": ["points/real", "line/truth density"]},
        {"id": "D", "title": "D", "says": "belief: real or fake?", "at": [3, 1],
         "arrays": [{"name": "belief/real", "role": "data"}, {"name": "belief/fake", "role": "model"}]},
        {"id": "loss", "title": "loss", "says": "what each descends", "at": [4, 1],
         "arrays": ["curve/loss/"]},
        {"id": "gradient", "title": "gradient", "says": "where D would have fakes go", "role": "gradient",
         "at": [2, 2], "array": "arrows/gradient"},
    ],
    "edges": [
        ["z", "G"], ["G", "fake"], ["fake", "D"], ["real", "D"], ["D", "loss"],
        ["loss", "gradient", "gradient"], ["gradient", "G", "gradient"],
    ],
}  # fmt: skip

LABEL = {"id": "y", "title": "y", "says": "label, told to both", "role": "data", "at": [0, 1]}


def with_label(graph: Graph) -> Graph:
    """The graph with the label, which has a row of its own below the data."""
    places = {node["id"]: node["at"] for node in graph["nodes"]}
    lower = {name: [column, row + (row > 0)] for name, (column, row) in places.items()}
    nodes = [{**node, "at": lower[node["id"]]} for node in graph["nodes"]]
    return {"nodes": [*nodes, LABEL], "edges": [*graph["edges"], ["y", "G"], ["y", "D"]]}


LEGENDS = {
    "points": legend(
        "The generator turns noise z into [fake points](points/fake, model) that should come to lie like the "
        "[real points](points/real, data). The [background](field/discriminator, field) is what the "
        "discriminator believes: blue where it takes a point for real, orange for fake, without colour where "
        "it cannot tell. The [arrows](arrows/gradient, gradient, off) show where D would have each fake go. "
        "G can only change its weights, which moves all fakes at once, so it follows the arrows on average. "
        "The [grid](mesh/generator, model, off) shows how G bends the plane of z. Press a fake (or the key "
        "z) to see the path of its z."
    ),
    "line": legend(
        "The [density of the fakes](line/model density, model) should come to match the [data's exact "
        "density](line/truth density, truth), which is dotted. The [discriminator](line/discriminator, "
        "critic), dashed and on the right-hand axis, chases the [best possible one](line/best discriminator, "
        "truth), with thin dashes. The generator sends each z below along a [line](links/generator, latent) "
        "to its x."
    ),
    "image": legend(
        "Each square is what the generator draws from one fixed noise vector z; watch it become a picture "
        "like the data. Below each is the [discriminator's belief](score/samples) that it is real."
    ),
    "points compared": legend(
        "On both sides: the generator's [fakes](points/fake, model), the [real points](points/real, data), "
        "in the [background](field/discriminator, field) what D believes, the [arrows](arrows/gradient, "
        "gradient, off) to where D would have fakes go, and the [grid](mesh/generator, model, off) into "
        "which it bends the plane of z."
    ),
    "line compared": legend(
        "On both sides: the [density of the fakes](line/model density, model), the [data's exact "
        "density](line/truth density, truth), the [discriminator](line/discriminator, critic) and the [best "
        "possible one](line/best discriminator, truth), and the [lines](links/generator, latent) from each z "
        "to its x."
    ),
    "image compared": legend(
        "On both sides each square is made of the same noise vector z. Below it is the [discriminator's "
        "belief](score/samples) that it is real."
    ),
}
OF_A_LABEL = {
    "image": legend(
        "One row for each label, and one noise vector z for each column: the label decides what is drawn, "
        "and z its style. Below each is the [discriminator's belief](score/samples) that it is a real "
        "picture of that label."
    ),
    "points": legend(
        "The generator is asked for a label and makes [fake points](points/fake, model) of it; they should "
        "lie like the [real points](points/real, data) of the same label. The [arrows](arrows/gradient, "
        "gradient, off) show where D would have each fake go. Choose one label below: then the "
        "[background](field/discriminator, field) is what the discriminator believes about a point that "
        "claims this label, and the [grid](mesh/generator, model, off) shows how the generator bends the "
        "plane of z for it."
    ),
}


def game_now(run: str, row: Row) -> str:
    """The losses of both players with the present numbers in them, and whether there is a best D to draw."""
    info = store.read_info(store.folder(run))
    on_a_line = isinstance(data.load(info.data).space, Line)
    return f"{losses_now(row)} {best_now(info.config) if on_a_line else ''}".rstrip()


def losses_now(row: Row) -> str:
    """The losses of both players with the numbers of a row in them."""
    when = f"Around round {row['round']:,}: "
    on_real, on_fake, _ = LOSSES["minimax"].terms
    if on_real in row:
        real, fake = -row[on_real], -row[on_fake]
        return when + (
            rf"$V = {latex('E[log D(x)] + E[log(1 - D(G(z)))]')} = {real:.3f} {fake:+.3f} = "
            rf"{real + fake:.3f}$. When the fakes are distributed exactly like the data, the best D says "
            r"$\tfrac12$ everywhere and $V = -\log 4 = -1.386$."
        )
    known = [(loss.smoothed or "", *loss.terms) for loss in LOSSES.values()]
    terms = dict.fromkeys(term for terms in known for term in terms if term in row)
    return when + ", ".join(f"${latex(term)} = {row[term]:.3f}$" for term in terms) + "."


def best_now(config: Mapping[str, Any]) -> str:
    """Why no best possible D is drawn beside D; nothing where one is."""
    reasons = {
        "the scores of a critic have no bound of their own": config["loss"] == "Wasserstein",
        "the slope of D is bounded or penalized": config["penalty"] != "none" or config["spectral"],
        "D sees noise": config["noise_x"],
        "D judges several examples at once": config.get("diversity") in ("packing", "minibatch std"),
    }
    why = [reason for reason, true in reasons.items() if true]
    return f"No formula gives the best possible D here, because {' and '.join(why)}." if why else ""


SUBJECT = Subject(
    Game,
    places=[
        Place("gan", "A forger and a detective train each other", "Direct", step=10),
        Place("cgan", "Ask for a digit and get that digit", "Direct", step=20, needs=["gan"]),
    ],
    leads=True,
    legends=LEGENDS,
    charts=(JS.chart, D_REAL.chart, LOSS),
    labels={
        "field": "D(x)",
        f"chart/{LOSS}": "What each player descends",
        # the charts measure other, and more, fakes
        "number/D at a real, mean": "D at 128 real examples, mean",
        "number/D at a fake, mean": "D at the fakes shown, mean",
        "number/mean gradient at a fake": "gradient at the arrows, mean",
    },
    colours={"x": "data", "z": "latent", "G": "model", "p_g": "model", "D": "critic", "D^*": "critic"},
    graph=GRAPH,
    now=game_now,
    failures=FAILURES,
    data="ring",
    recordings=[
        Recording("gan", "ring", 3000, slower=True, minutes=0.1, usable=1000),
        Recording("gan", "ring", 3000, knobs={"lr_D": 1e-4}, shows="collapse"),
        Recording("gan", "grid", 8000, minutes=0.5, usable=1200),
        Recording("gan", "moons", 3000, slower=True, minutes=0.1, usable=800),
        Recording("gan", "digits", 15_000, slower=True, minutes=1.8, usable=2500),
        Recording("gan", "two-bumps", 3000, minutes=0.1, usable=450),
        Recording("cgan", "digits", 15_000, minutes=1.2, usable=2500),
    ],
)  # fmt: skip
CONDITIONAL = Subject(
    CGAN, legends=LEGENDS | OF_A_LABEL, graph=with_label(GRAPH), failures=FAILURES_WITH_LABELS, data="digits"
)
