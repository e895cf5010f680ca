"""The gallery: settings that provably fail, each with its cures one click away."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lab.kit.subject import Failure


def gallery(failures: Sequence[Failure]) -> None:
    """A card for each failure: what will be seen, the link, and what cures it or does not."""
    for failure in failures:
        with st.container(border=True):
            st.markdown(f"**{failure.title}**  \n{failure.seen}")
            st.link_button("See it fail", failure.address(), icon=":material/open_in_new:")
            for cure in failure.cures:
                sign = ":green[:material/check:] Cure" if cure.cures else ":orange[:material/close:] No cure"
                st.markdown(f"{sign}: [{cure.change}]({failure.address(cure)}). {cure.why}.")
