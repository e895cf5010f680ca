"""Normalizing flows begin here: in one dimension a student bends a curve and watches the density follow."""

import streamlit as st

from engine.flow.spline import spline
from lab import kit
from lab.kit.address import strangers
from lab.kit.plain import complain
from lab.stage.alone import BASES, TARGETS, bend

left, right = kit.bench()
with left:
    kit.heading(
        "Change of variables",
        "Bend the curve $z = f(x)$, and a simple density of $z$ becomes any density of $x$: a short interval of $x$ "
        "has the same mass as its image under $f$.",
    )


def asked(name: str, known: tuple[str, ...]) -> str | None:
    """The value of this name in the address, if it is one of those known."""
    value = st.query_params.get(name)
    if value is None or value in known:
        return value
    complain(f"There is no {name} of that name; choose one of {', '.join(known)}.")
    return None


strangers([name for name in st.query_params if name not in ("base", "target")], ("base", "target"))
with left:
    bend(key="bend", base=asked("base", BASES) or "normal", target=asked("target", TARGETS))


def formula() -> None:
    st.markdown(
        r"""
Mass is preserved. What lies in a thin slice $[x, x + dx]$ lies in its image $[z, z + dz]$ as well, so

$$
p_x(x)\, |dx| = p_z(z)\, |dz|, \qquad z = f(x)
$$

$$
p_x(x) = p_z(f(x)) \left| \frac{df}{dx} \right|
$$

- **Steep** ($|df/dx| > 1$): a short interval of $x$ is mapped to a long one of $z$ and has all its mass, so $p_x$ is higher than $p_z$.
- **Flat** ($|df/dx| < 1$): a long interval of $x$ has only the mass of a short one of $z$, so $p_x$ is lower.
- **Monotone**: $f$ must never turn back. Then each $z$ comes from one $x$, samples are $x = f^{-1}(z)$ with $z \sim p_z$, and $p_x$ integrates
  to 1 for every such curve.

A flow is trained on the logarithm, where the product is a sum:

$$
\log p_x(x) = \log p_z(f(x)) + \log \left| \frac{df}{dx} \right| .
$$

The button minimizes $-\mathbb E[\log p_x(x)]$ over the target by moving the seven knots (Adam, with gradients by finite differences). The
lowest value is the entropy of the target; the amount above it is the KL divergence that you see:

$$
\mathrm{KL}(\text{target} \,\|\, p_x) = \mathbb E_{x \sim \text{target}}\, [\log \text{target}(x) - \log p_x(x)] .
$$

The uniform base on $[-2, 2]$ has soft edges: outside hard ones $\log p_z$ would be $-\infty$, and there would be no gradient to follow.
In more dimensions $|df/dx|$ becomes the absolute determinant of the Jacobian, $|\det \partial f / \partial x|$: the factor by which $f$ changes volume.

The curve is the rational-quadratic spline of [neural spline flows](https://arxiv.org/abs/1906.04032) (equations 4 and 5). There a net
places the knots and their slopes. Here you place the knots, and the slope at each is the harmonic mean of the slopes of the two adjacent chords.
This is the code of the spline flow, for many curves at once:
"""
    )
    kit.source(spline)


TRIES = [
    (
        "Two bumps from one",
        "The base has one bump, the target two. Make f steep where a bump should be and flat in between: the gap needs a long "
        "flat stretch. It can become low but never empty, because that would need slope 0.",
        "/change-of-variables?target=two-bumps",
    ),
    (
        "Three bumps",
        "Three steep steps and two flat stretches: the rise of each step gives the mass of its bump (5 : 3 : 2).",
        "/change-of-variables?target=three-bumps",
    ),
    (
        "A uniform base",
        "Now p_x is the slope of f itself, up to the factor 1/4: f is four times the distribution function of the target, "
        "minus 2. Choose the uniform target, and the straight line is the answer.",
        "/change-of-variables?base=uniform&target=skew",
    ),
    (
        "A base that already has two bumps",
        "With two normals as the base, two bumps need little bending, and one bump needs more.",
        "/change-of-variables?base=mixture&target=two-bumps",
    ),
    (
        "Let a flow learn the curve",
        "The spline flow learns such a curve from samples alone, by the same formula.",
        "/spline-flow?data=two-bumps",
    ),
]
with right:
    kit.tabs({"Formula and code": formula, "Try this": lambda: kit.experiments(TRIES)})
