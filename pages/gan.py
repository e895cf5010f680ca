"""The GAN room: two networks play a game, and the student watches one of them learn to draw."""

import streamlit as st

from engine.adversarial import discriminator_terms, generator_terms
from engine.families.gan import GAN
from lab import kit
from lab.stage import Graph

GRAPH: Graph = {
    "nodes": [
        {"id": "z", "title": "z", "says": "noise", "role": "latent", "at": [0, 1],
         "array": "latent/fake", "lights": ["z"]},
        {"id": "G", "title": "G", "says": "generator", "role": "model", "at": [1, 1],
         "array": "mesh/generator"},
        {"id": "fake", "title": "G(z)", "says": "fakes", "role": "model", "at": [2, 1],
         "arrays": ["points/fake", "images/samples", "line/model density"], "lights": ["fake", "fake_logit"]},
        {"id": "real", "title": "x", "says": "real data", "role": "data", "at": [2, 0],
         "arrays": ["points/real", "line/truth density"], "lights": ["batch.x", "x", "real", "real_logit"]},
        {"id": "D", "title": "D", "says": "belief: real or fake?", "at": [3, 1],
         "arrays": [{"name": "belief/real", "role": "data"}, {"name": "belief/fake", "role": "model"}],
         "lights": ["real_logit", "fake_logit", "logit"]},
        {"id": "loss", "title": "loss", "says": "what each descends", "at": [4, 1],
         "arrays": ["curve/loss/"],
         "lights": ["-E[log D(x)]", "-E[log(1 - D(G(z)))]", "-E[log D(G(z))]", "E[log(1 - D(G(z)))]"]},
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

room = kit.room(
    GAN,
    data_name="ring",
    sentence="A generator **G** makes fakes; a discriminator **D** tells them from real data. "
    "Each learns from the other until the fakes lie like the data.",
    legends=LEGENDS,
    labels={
        "field": "D(x)",
        "chart/loss": "What each player descends",
        "number/V(D, G)": "V(D, G)",
        "number/above −log 4": "above −log 4",
        "number/2 JSD(p, p_g)": "2 JSD(p, p_g)",
        "number/D at a real, mean": "D at a real, mean",
        "number/D at a fake, mean": "D at a fake, mean",
        "role/-E[log D(x)]": "critic",
        "role/-E[log(1 - D(G(z)))]": "critic",
        "role/-E[log D(G(z))]": "model",
        "role/E[log(1 - D(G(z)))]": "model",
    },
    graph=GRAPH,
)

formula, experiments, check = st.tabs(["Formula and code", "Try this", "Check"])

with formula:
    st.markdown(
        r"""
D's belief that $x$ is real is $D(x)$, a number between 0 and 1. The players fight over one value,
which D raises and G lowers:

$$
\min_G \max_D \; V(D, G)
= \mathbb{E}_{x \sim p_{data}}[\log D(x)] + \mathbb{E}_{z \sim p_z}[\log(1 - D(G(z)))]
$$
"""
    )

    def with_numbers(row: dict[str, float]) -> str:
        real, fake = -row["-E[log D(x)]"], -row["-E[log(1 - D(G(z)))]"]
        return (
            rf"Now, around round {row['round']:,}: "
            rf"$V = {real:.3f} {fake:+.3f} = {real + fake:.3f}$. "
            r"When the fakes lie exactly like the data, the best D says $\tfrac12$ everywhere and "
            r"$V = -\log 4 = -1.386$."
        )

    kit.live_formula(room, with_numbers)
    st.markdown(
        r"""
A round is the lecture's Algorithm 1: $k$ turns in which D climbs $V$ on fresh real points and fresh fakes,
then one turn of G. What follows a `yield` runs after that player's step, so G always meets the D that has
just learned.
"""
    )
    kit.source(GAN.turns)
    st.markdown(
        r"""
**Two losses for G.** The game's own loss $\log(1 - D(G(z)))$ is flat where D is sure of a fake, just where G
has most to learn. The *non-saturating* loss $-\log D(G(z))$ has the same direction, but is steep there: its
gradient is $(1 - D)/D$ times as strong. Both are computed from D's logit $a$, with $D = \sigma(a)$, because
$\log D = -\mathrm{softplus}(-a)$ cannot overflow.
"""
    )
    kit.source(discriminator_terms, generator_terms)
    kit.knob_table(GAN)

with experiments:
    kit.experiments(
        [
            (
                "A discriminator that is too slow: the generator collapses",
                "D learns ten times more slowly than G, so G runs to wherever D is fooled at the moment "
                "and D never catches up. Most of the eight groups stay empty.",
                "/gan?lr_D=0.0001",
            ),
            (
                "The cure: more turns for D",
                "The same slow D, but five turns for each turn of G: most groups are found again.",
                "/gan?lr_D=0.0001&k=5",
            ),
            (
                "The game's own loss",
                "On this ring it works nearly as well: it fades only when D is almost always right.",
                "/gan?loss=minimax",
            ),
            (
                "Twenty-five groups",
                "A grid of narrow groups takes longer: count how many are found after 3,000 rounds.",
                "/gan?data=grid",
            ),
            (
                "Digits",
                "The same game on pictures of 784 pixels. Strokes appear in half a minute, digits in two.",
                "/gan?data=digits",
            ),
            (
                "One dimension",
                "The figure of the 2014 paper: the density of the fakes, of the data, and D between them.",
                "/gan?data=two-bumps",
            ),
        ]
    )

with check:
    kit.checks(room)
