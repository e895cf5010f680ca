"""A tool that asks whether codes learned without labels help a classifier that has few labels."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

import streamlit as st

from lab.kit.answers import ask, ask_again
from lab.kit.numbers import in_a_row
from lab.kit.palette import ink
from lab.kit.pickers import wanted
from lab.kit.room import Room

NAMES = {"codes": "from codes", "pixels": "from pixels"}


def few_labels(room: Room) -> None:
    """The accuracy of classifiers on codes and on pixels, for a few sizes of the training set."""
    st.markdown(
        "This is the lecture's use of an encoder. The encoder has learned from many pictures **without "
        "labels**. A small classifier (logistic regression) then learns from the codes of a **few labelled** "
        "pictures. Does that beat the same classifier on the pixels themselves? Both get the same labelled "
        "digits, with equally many of each class."
    )
    wait = "This trains about eighty small classifiers, which takes some seconds."
    if not wanted(room, "few-go", "Train the classifiers", "school", wait):
        return
    with st.spinner("Training the classifiers …"):
        answer = ask(room, "few_labels")
    if answer:
        inks = f"--codes: {ink('latent')}; --pixels: {ink('data')}"
        bars = "".join(_group(answer, i) for i in range(len(answer["sizes"])))
        st.html(f'{_STYLE}<div style="{inks}">{bars}</div>')
        st.markdown(what_happened(answer))
        st.caption(
            f"Accuracy on {answer['tested']:,} test digits: mean and standard deviation of {answer['draws']} "
            f"choices of the labelled digits. The dashed line is guessing, {answer['chance']:.0%}."
        )
        ask_again(room, answer, "few-again")


def _group(answer: dict[str, Any], i: int) -> str:
    """Two bars, with whiskers of one standard deviation."""
    bars = []
    for name, words in NAMES.items():
        scores = answer["accuracy"][name][i]
        m, s = 100 * mean(scores), 100 * stdev(scores)
        low, high = max(0, m - s), min(100, m + s)
        whisker = f'<u style="left: {low:.1f}%; width: {high - low:.1f}%"></u>'
        chance = f'<b style="left: {100 * answer["chance"]:.1f}%"></b>'
        bar = f'<i style="width: {m:.1f}%"></i>{whisker}{chance}'
        bars.append(f'<span>{words}</span><div class="few-bar {name}">{bar}</div>')
        bars.append(f"<span>{m:.1f} ± {s:.1f} %</span>")
    return f'<p class="few-of">{answer["sizes"][i]:,} labels</p><div class="few">{"".join(bars)}</div>'


def what_happened(answer: dict[str, Any]) -> str:
    """One sentence for all sizes: where codes win, where pixels win, and where neither clearly does."""
    wins: dict[str, list[str]] = {"codes": [], "pixels": [], "": []}
    for size, codes, pixels in zip(answer["sizes"], *(answer["accuracy"][n] for n in NAMES), strict=True):
        # both have the same labelled digits, so their differences are paired
        gaps = [c - p for c, p in zip(codes, pixels, strict=True)]
        clear = abs(mean(gaps)) > 2 * stdev(gaps) / len(gaps) ** 0.5
        winner = ("codes" if mean(gaps) > 0 else "pixels") if clear else ""
        wins[winner].append(f"{size:,} ({100 * mean(gaps):+.1f} points)".replace("-", "−"))
    says = {"codes": "**codes are better**", "pixels": "**pixels are better**",
            "": "there is no clear difference"}  # fmt: skip
    parts = [f"{says[name]} with {in_a_row(sizes)} labels" for name, sizes in wins.items() if sizes]
    said = f"For this model, {'; '.join(parts)}."
    if not wins["codes"]:
        said += (
            " No label brings back what a code leaves out, and digits are easy to tell from their pixels. "
            "Codes of more dimensions, or of a model trained for longer, may do better."
        )
    return said


_STYLE = """<style>
.few-of { margin: 0.8rem 0 0.2rem; font-weight: 600 }
.few { display: grid; grid-template-columns: auto minmax(0, 32rem) auto; gap: 0.25rem 0.6rem;
  align-items: center;
  font-size: 0.875rem; font-variant-numeric: tabular-nums; white-space: nowrap }
.few-bar { position: relative; height: 1rem; background: rgb(128 128 128 / 15%) }
.few-bar i { display: block; height: 100% }
.few-bar.codes i { background: var(--codes) }
.few-bar.pixels i { background: var(--pixels) }
.few-bar u { position: absolute; top: 50%; border-top: 2px solid; margin-top: -1px }
.few-bar b { position: absolute; top: -2px; bottom: -2px; border-left: 1px dashed }
</style>"""
