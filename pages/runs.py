"""All runs on this server: open one, or take one to the trash."""

from datetime import datetime
from urllib.parse import quote

import streamlit as st

from engine.config import Refused
from lab.kit.address import strangers
from lab.kit.plain import complain, link, plain
from lab.runs import store
from lab.runs.supervisor import supervisor
from lab.visitor import who

st.title("Runs")
strangers(st.query_params, ())
st.markdown(
    "Every run is a directory on the server. Opening one shows it where it is; the owner can go on with it."
)

mine, others = [], []
every, damaged = store.listing()
for info in every:
    (mine if info.owner and info.owner == who() else others).append(info)


def table(runs: list[store.Info], own: bool) -> None:
    for info in runs[:50]:
        page = "wall" if info.wall else quote(info.family)
        what, when, state, place, bin_ = st.columns([3, 2, 2, 1, 1], vertical_alignment="center")
        what.markdown(
            f"**{plain(info.family)}{' wall' if info.wall else ''}** on {plain(info.data)}, seed {info.seed}  \n"
            f"`{plain(info.id)}`"
        )
        when.caption(datetime.fromtimestamp(info.created).strftime("%Y-%m-%d %H:%M"))
        kept = store.keyframes(store.home() / info.id)
        state.caption(f"{info.state}, kept to round {max(kept, default=0):,}")
        place.markdown(f"[Open]({link(f'/{page}?run={info.id}')})")
        if own and bin_.button("Delete", key=f"delete-{info.id}", type="tertiary"):
            try:
                supervisor().delete(info.id, who())
                st.rerun()
            except Refused as refusal:
                complain(refusal)


for title, runs, none in (("Yours", mine, "None yet. Press Train in a room."), ("Others'", others, "None.")):
    st.subheader(title)
    table(runs, runs is mine)
    if not runs:
        st.caption(none)

if damaged:
    st.subheader("Not readable")
    st.caption("These folders lie among the runs, and no run can be read from them.")
for name, why in sorted(damaged.items())[:50]:
    st.markdown(f"`{plain(name)}`  \n{plain(why)}")
