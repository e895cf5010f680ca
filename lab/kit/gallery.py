"""The gallery: settings that provably fail, each with its cures one click away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st


class Cure(NamedTuple):
    """What to change, and why it helps (or does not). `family` is that of the cured model, if another."""

    change: str
    knobs: Mapping[str, Any]
    why: str
    cures: bool = True
    family: str = ""


class Failure(NamedTuple):
    """A setting that fails in a known way. `symptom` is what the detector calls it."""

    title: str
    symptom: str
    seen: str
    data: str
    knobs: Mapping[str, Any]
    rounds: int  # by then it has failed, and a cure has cured
    cures: Sequence[Cure]
    family: str = "gan"

    def of(self, cure: Cure | None = None) -> tuple[str, dict[str, Any]]:
        """Family and knobs of the setting, or of its cure; another family keeps none of its knobs."""
        if cure is None:
            return self.family, dict(self.knobs)
        return cure.family or self.family, ({} if cure.family else dict(self.knobs)) | dict(cure.knobs)

    def address(self, cure: Cure | None = None) -> str:
        """The link that opens it, or its cure."""
        family, knobs = self.of(cure)
        words = [f"data={self.data}", *(f"{name}={value}" for name, value in knobs.items())]
        return f"/{family}?" + "&".join(words).replace(" ", "%20")


def gallery(failures: Sequence[Failure]) -> None:
    """A card for each failure: what will be seen, the link, and what cures it or does not."""
    for failure in failures:
        with st.container(border=True):
            st.markdown(f"**{failure.title}**  \n{failure.seen}")
            st.link_button("See it fail", failure.address(), icon=":material/open_in_new:")
            for cure in failure.cures:
                sign = ":green[:material/check:] Cure" if cure.cures else ":orange[:material/close:] No cure"
                st.markdown(f"{sign}: [{cure.change}]({failure.address(cure)}). {cure.why}.")
