"""The ELBO of a model on the test data, and its distance from log p(x)."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.codes.base import ELBO, KL, RECONSTRUCTION
from lab.kit.answers import ask, ask_again
from lab.kit.palette import ink
from lab.kit.pickers import wanted
from lab.kit.room import Room


@st.fragment
def bound(room: Room) -> None:
    """Two measurements, made on demand: the second decodes 50,000 pictures."""
    if not wanted(room, "bound-measure", "Measure on all test data", "straighten"):
        return
    if (answer := ask(room, "test_bound")) and (tight := ask(room, "tightness")):
        st.markdown(test_elbo(answer))
        st.html(_bars(tight))
        st.markdown(_says(tight))
        ask_again(room, answer, "bound-again")


def test_elbo(answer: dict[str, Any]) -> str:
    """The ELBO of all test examples in words and numbers."""
    error = "" if answer["error"] is None else f"± {answer['error']:.1f}, "
    return (
        rf"**Test ELBO: {answer[ELBO]:.1f} nats** ({error}over {answer['among']:,} test "
        rf"examples) $= {answer[RECONSTRUCTION]:.1f} - {answer[KL]:.1f}$: "
        r"$\mathbb{E}_q[\log p(x \mid z)] - \mathrm{KL}[q(z \mid x) \,\|\, p(z)]$."
    )


def _bars(tight: dict[str, Any]) -> str:
    """A bar for each k; the shortest is the lowest bound."""
    low, high = tight["bound"][0], max(tight["bound"])
    rows = []
    for k, value in zip(tight["k"], tight["bound"], strict=True):
        share = 12 + 88 * (value - low) / max(high - low, 1e-9)
        name = "ELBO (k = 1)" if k == 1 else f"k = {k}"
        bar = f'<i style="width: {share:.0f}%"></i>'
        rows.append(f"<div><span>{name}</span>{bar}<b>{value:.2f}</b></div>")
    named = f'role="img" aria-label="bounds, in nats" style="--ink: {ink("latent")}"'
    return f'{_STYLE}<div class="tight" {named}>{"".join(rows)}</div>'


def _says(tight: dict[str, Any]) -> str:
    gap, error = tight["bound"][-1] - tight["bound"][0], tight["error"][-1]
    within = "" if error is None else f" (± {error:.2f})"
    return (
        r"Each draw of z has a weight $w = p(x, z) / q(z \mid x)$. The logarithm of the mean weight of k "
        r"draws is a bound too, which rises to $\log p(x)$ as k grows (Burda et al. 2016). "
        rf"The ELBO lies **{gap:.2f} nats**{within} below that of "
        f"{tight['k'][-1]} draws, so at least as far below "
        r"$\log p(x)$. Its whole distance from $\log p(x)$ is "
        r"$\mathrm{KL}[q(z \mid x) \,\|\, p(z \mid x)]$, that of $q$ from the true posterior. "
        f"Measured on {tight['among']} test examples."
    )


_STYLE = """<style>
.tight { display: grid; gap: 0.25rem; max-width: 40rem; font-variant-numeric: tabular-nums }
.tight div { display: grid; grid-template-columns: 7.5rem 1fr 5rem; align-items: center; gap: 0.5rem }
.tight i { height: 0.9rem; border-radius: 2px; background: var(--ink) }
.tight b { text-align: right; font-weight: 600 }
</style>"""
