"""Normalizing flows begin here: in one dimension a student bends the curve and sees the density follow."""

import streamlit as st

from engine.flow.spline import spline
from lab import kit
from lab.stage.bend import BASES, TARGETS, bend

st.title("Change of variables")
st.markdown(
    "Bend the curve $z = f(x)$, and a simple density of $z$ becomes any density of $x$: a short piece of $x$ "
    "has the mass of the piece of $z$ that $f$ sends it to."
)


def asked(name: str, known: tuple[str, ...]) -> str | None:
    """What the address says, if it is known."""
    value = st.query_params.get(name)
    if value is None or value in known:
        return value
    st.error(f"There is no {name} of that name; choose one of {', '.join(known)}.")
    return None


bend(key="bend", base=asked("base", BASES) or "normal", target=asked("target", TARGETS))


def formula() -> None:
    st.markdown(
        r"""
Mass is kept. What lies in a thin slice $[x, x + dx]$ lies in its image $[z, z + dz]$ too, so

$$
p_x(x)\, |dx| = p_z(z)\, |dz|, \qquad z = f(x)
$$

$$
p_x(x) = p_z(f(x)) \left| \frac{df}{dx} \right|
$$

- **Steep** ($|df/dx| > 1$): a short interval of $x$ is spread over a long one of $z$ and gets all its mass; $p_x$ is higher than $p_z$.
- **Flat** ($|df/dx| < 1$): a long interval of $x$ shares the mass of a short one of $z$; $p_x$ is lower.
- **Monotone**: $f$ must never turn back. Then each $x$ has one $z$, samples are $x = f^{-1}(z)$ with $z \sim p_z$, and $p_x$ integrates to 1
  whatever the curve.

A flow is trained on the logarithm, where the product is a sum:

$$
\log p_x(x) = \log p_z(f(x)) + \log \left| \frac{df}{dx} \right| .
$$

The button descends $-\mathbb E[\log p_x(x)]$ over the target by the places of the seven knots (Adam; slopes by differences). Its least
value is the target's entropy, and what is above it is the KL divergence that you see:

$$
\mathrm{KL}(\text{target} \,\|\, p_x) = \mathbb E_{x \sim \text{target}}\, [\log \text{target}(x) - \log p_x(x)] .
$$

The uniform base on $[-2, 2]$ has soft edges: outside of hard ones $\log p_z$ would be $-\infty$, and nothing could be descended.
In more dimensions $|df/dx|$ becomes the absolute determinant of the Jacobian, $|\det \partial f / \partial x|$: by how much $f$ changes volume.

The curve is the rational-quadratic spline of [neural spline flows](https://arxiv.org/abs/1906.04032) (equations 4 and 5). There a net
places the knots and their slopes; here you place the knots, and the slope at each is the harmonic mean of the slopes of the chords beside it.
The spline flow's own code, for many curves at once:
"""
    )
    kit.source(spline)


def tries() -> None:
    kit.experiments(
        [
            (
                "Two bumps from one",
                "The base has one bump, the target two. Make f steep where a bump is to be and flat between: the gap needs a long flat "
                "stretch. It can be low, but never empty: that would need slope 0.",
                "/change-of-variables?target=two-bumps",
            ),
            (
                "Three bumps",
                "Three steep steps, two flat stretches; how high each step rises is the mass of its bump (5 : 3 : 2).",
                "/change-of-variables?target=three-bumps",
            ),
            (
                "A uniform base",
                "Now p_x is the slope of f itself, up to the factor 1/4: f is four times the distribution function of the target, "
                "less 2. Choose the target uniform, and the straight line is the answer.",
                "/change-of-variables?base=uniform&target=skew",
            ),
            (
                "A base that has the bumps already",
                "With two normals as the base, two bumps need little bending; one bump needs more.",
                "/change-of-variables?base=mixture&target=two-bumps",
            ),
            (
                "Let a flow learn the curve",
                "The spline flow learns such a curve from samples alone, by the same formula.",
                "/spline-flow?data=two-bumps",
            ),
        ]
    )


kit.tabs({"Formula and code": formula, "Try this": tries})
