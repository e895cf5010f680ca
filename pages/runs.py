"""All runs on this server: open one, or take one to the trash."""

from datetime import datetime

import streamlit as st

from engine.config import Refused
from lab.runs import store
from lab.runs.supervisor import supervisor
from lab.visitor import who

st.title("Runs")
st.markdown(
    "Every run is a directory on the server. Opening one shows it where it is; the owner can go on with it."
)

mine, others = [], []
for info in store.every():
    (mine if info.owner and info.owner == who() else others).append(info)


def table(runs: list[store.Info], own: bool) -> None:
    for info in runs[:50]:
        what, when, state, link, bin_ = st.columns([3, 2, 2, 1, 1], vertical_alignment="center")
        what.markdown(
            f"**{info.family}{' wall' if info.wall else ''}** on {info.data}, seed {info.seed}  \n`{info.id}`"
        )
        when.caption(datetime.fromtimestamp(info.created).strftime("%Y-%m-%d %H:%M"))
        kept = store.keyframes(store.folder(info.id))
        state.caption(f"{info.state}, kept to round {max(kept, default=0):,}")
        link.markdown(f"[Open](/{'wall' if info.wall else info.family}?run={info.id})")
        if own and bin_.button("Delete", key=f"delete-{info.id}", type="tertiary"):
            try:
                supervisor().delete(info.id, who())
            except Refused as refusal:
                st.error(str(refusal))
            st.rerun()


for title, runs, none in (("Yours", mine, "None yet. Press Train in a room."), ("Others'", others, "None.")):
    st.subheader(title)
    table(runs, runs is mine)
    if not runs:
        st.caption(none)
