"""A tool that shows the purpose of reparameterization: the noise of a gradient with and without it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab.kit.answers import Figure, ask, ask_again, strip
from lab.kit.palette import ink
from lab.kit.pickers import latent_dimensions, test_picture_number
from lab.kit.room import Room

METHODS = {
    "pathwise": ("With the trick", "z = μ + σ ε: the slope of log p(x|z) at the drawn z"),
    "score": ("Without it: score function", "log p(x|z) · ε / σ: draws are weighted, and no slope is needed"),
    "baseline": ("Score function with a baseline", "(log p(x|z) − mean of the other draws) · ε / σ"),
}


def trick(room: Room) -> None:
    """Three estimates of one gradient, as histograms."""
    st.markdown(
        r"""
**Two views of z.** In the first, z is a random node between encoder and decoder. A draw has no derivative, so
nothing flows back to $\mu$ and $\sigma$. In the second, the randomness enters as an input
$\varepsilon \sim N(0, I)$. Then $z = \mu + \sigma \varepsilon$ is an ordinary function, and the gradient
of the loss passes through it.

There is a gradient without the trick as well: $\nabla_\mu \mathbb{E}_q[f(z)] = \mathbb{E}_q[f(z)\,
\nabla_\mu \log q(z)]$, estimated with the *score function* (REINFORCE). All estimates below have the **same
mean**; the trick buys **less noise**. Here $f(z) = \log p(x \mid z)$, and each estimate uses one draw.
"""
    )
    left, right = st.columns(2)
    with left:
        index = test_picture_number(room, "Test picture", "trick-index", 500)
    dims = latent_dimensions(room)
    dimension = int(right.number_input("Dimension of μ", 1, dims, 1, key="trick-dimension"))
    answer = ask(room, "trick", index=index, dimension=dimension - 1)
    if not answer:
        return
    says = f"μ = {_number(answer['mu'])}, σ = {_number(answer['sigma'])}"
    strip([("", [Figure(answer["picture"], says, "the test digit")])], columns=1, least=90, most=120)
    inks = f"--pull: {ink('gradient')}; --rest: {ink('critic')}"
    bars = "".join(_histogram(answer, name) for name in METHODS)
    st.html(f'{_STYLE}<div style="{inks}">{bars}</div>')
    st.markdown(what_it_buys(answer))
    st.caption(
        f"{answer['draws']:,} draws, the same for all three estimates. All share one axis; the outermost "
        "bars also count what lies beyond it. The dashed line is 0; ± is the standard error of a mean."
    )
    ask_again(room, answer, "trick-again")


def _histogram(answer: dict[str, Any], name: str) -> str:
    one, (title, formula) = answer[name], METHODS[name]
    counts = one["histogram"]
    bars = "".join(f'<i style="height: {100 * count / max(counts):.1f}%"></i>' for count in counts)
    says = (
        f"mean {_number(one['mean'])} ± {_number(one['error'])}, standard deviation {_number(one['sd'])}; "
        f"variance over all dimensions {_number(one['total'])}"
    )
    ends, colour = answer["edges"], "pull" if name == "pathwise" else "rest"
    axis = f"<span>{_number(ends[0])}</span><span>0</span><span>{_number(ends[-1])}</span>"
    return (
        f'<p class="tri-of"><strong>{title}</strong>: {formula}<br>{says}</p>'
        f'<div class="tri {colour}" role="img" aria-label="{title}: {says}">'
        f'{bars}<b></b></div><div class="tri-axis">{axis}</div>'
    )


def what_it_buys(answer: dict[str, Any]) -> str:
    """The ratio of variances, and whether the means agree within their errors."""
    trick, score, baseline = (answer[name] for name in METHODS)
    if not trick["total"] > 0:
        return "The decoder ignores z (its gradient is 0), so there is nothing to estimate."
    plain, helped = (other["total"] / trick["total"] for other in (score, baseline))
    apart = abs(trick["mean"] - baseline["mean"])
    error = (trick["error"] ** 2 + baseline["error"] ** 2) ** 0.5
    agree = "within their errors" if apart <= 3 * error else f"{apart / error:.1f} standard errors apart"
    return (
        f"Over all dimensions, the variance of the score function is **{_number(plain)} times** that of the "
        f"reparameterized gradient; with a baseline it is still **{_number(helped)} times**. For an equally "
        "exact mean, each needs that many times the draws. The means with the trick and with the baseline "
        f"are {agree}."
    )


def _number(value: float) -> str:
    """Three significant digits, without an exponent."""
    rounded = float(f"{value:.3g}")
    text = f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}"
    return text.replace("-", "−")


_STYLE = """<style>
.tri-of { margin: 0.9rem 0 0.3rem }
.tri { position: relative; display: flex; align-items: end; height: 5rem; max-width: 40rem;
  border-bottom: 1px solid }
.tri i { flex: 1 }
.tri.pull i { background: var(--pull) }
.tri.rest i { background: var(--rest) }
.tri b { position: absolute; left: 50%; top: 0; bottom: 0; border-left: 1px dashed }
.tri-axis { display: flex; justify-content: space-between; max-width: 40rem; font-size: 0.8rem;
  font-variant-numeric: tabular-nums }
</style>"""
