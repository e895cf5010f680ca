"""All runs on this server: find one, open it, throw it away, and fetch it back."""

from datetime import datetime
from urllib.parse import quote

import streamlit as st

from engine.config import Refused
from lab import classroom
from lab.kit.address import strangers
from lab.kit.layout import heading
from lab.kit.plain import complain, link, plain
from lab.kit.told import setting_of, title_of
from lab.runs import inventory, store
from lab.runs.supervisor import supervisor
from lab.stage import still
from lab.visitor import who

PAGE = 20  # runs on a page: only their pictures are read
ALL, YOURS, OTHERS, TRASH = "All", "Yours", "Others'", "Trash"

strangers(st.query_params, ())
heading(
    "Runs",
    "Every run is a directory on the server. Anybody can open it to look; its owner can also train it on.",
)

every, damaged = inventory.listing()
thrown = inventory.trash(who())


def restore(name: str) -> None:
    try:
        st.session_state["_undone"] = inventory.restore(name, who())
    except Refused as refusal:
        st.session_state["_refused"] = refusal


def delete(run_id: str) -> None:
    try:
        supervisor().delete(run_id, who())
        st.session_state["_deleted"] = run_id
    except Refused as refusal:
        st.session_state["_refused"] = refusal


def first_page() -> None:
    st.session_state["runs-page"] = 1


def is_mine(info: store.Info) -> bool:
    return bool(info.owner) and info.owner == who()


def row(info: store.Info, run_id: str, when: float) -> None:
    """A run with its picture, or one in the trash without."""
    page, in_trash = "wall" if info.wall else quote(info.family), run_id != info.id
    picture, what, state, place, bin_ = st.columns([1, 6, 3, 1, 1.4], vertical_alignment="center")
    if not in_trash:
        with picture:
            still(run_id, key=f"still-{run_id}", says=f"Last picture of {title_of(info)}")
    name = classroom.called(info.owner)
    by = f" by {plain(name)}" if name else ""
    what.markdown(f"**{plain(title_of(info))}**{by}  \n{plain(setting_of(info))}  \n:gray[`{plain(run_id)}`]")
    moment = datetime.fromtimestamp(when).strftime("%Y-%m-%d %H:%M")
    if in_trash:
        state.markdown(f":small[deleted {inventory.ago(when)}]")
        bin_.button("Undo", key=f"undo-{info.id}", on_click=restore, args=(info.id,))
        return
    kept = max(store.keyframes(store.home() / run_id), default=0)
    state.markdown(f":small[{info.state}, kept to round {kept:,}  \n{moment}]")
    place.markdown(f"[Open]({link(f'/{page}?run={run_id}')})")
    if is_mine(info):
        bin_.button("Delete", key=f"delete-{run_id}", type="tertiary", on_click=delete, args=(run_id,))


if refused := st.session_state.pop("_refused", None):
    complain(refused)
if gone := st.session_state.pop("_deleted", ""):
    with st.container(horizontal=True, vertical_alignment="center", key="deleted"):
        st.markdown(f"Deleted `{plain(gone)}`.")
        for one in [one for one in thrown if one.run_id == gone][:1]:
            st.button("Undo", key="undo", on_click=restore, args=(one.name,))
if back := st.session_state.pop("_undone", ""):
    st.markdown(f"Run `{plain(back)}` is back.")

whose, model, on, words = st.columns([2, 2, 2, 3])
shown = whose.selectbox("Whose", [ALL, YOURS, OTHERS, TRASH], key="runs-whose", on_change=first_page)
families = sorted({info.family for info in every})
family = model.selectbox("Model", [ALL, *families], key="runs-family", on_change=first_page)
names = sorted({info.data for info in every})
chosen = on.selectbox("Data", [ALL, *names], key="runs-data", on_change=first_page)
text = words.text_input("Words in title, setting, id or state", key="runs-text", on_change=first_page)


def is_wanted(info: store.Info) -> bool:
    if (shown == YOURS and not is_mine(info)) or (shown == OTHERS and is_mine(info)):
        return False
    if family not in (ALL, info.family) or chosen not in (ALL, info.data):
        return False
    if not text:
        return True
    told = [title_of(info), setting_of(info), info.id, info.family, info.state, classroom.called(info.owner)]
    return all(word in " ".join(told).lower() for word in text.lower().split())


if shown == TRASH:
    rows = [(one.info, one.run_id, one.when) for one in thrown if is_wanted(one.info)]
else:
    rows = [(info, info.id, info.created) for info in every if is_wanted(info)]
pages = max(1, -(-len(rows) // PAGE))
if st.session_state.get("runs-page", 1) > pages:
    first_page()
number = 1
if pages > 1:
    number = st.columns([2, 7])[0].selectbox(
        "Page", range(1, pages + 1), key="runs-page",
        format_func=lambda n: f"{(n - 1) * PAGE + 1} to {min(n * PAGE, len(rows))} of {len(rows)}",
    )  # fmt: skip
for one in rows[(number - 1) * PAGE : number * PAGE]:
    row(*one)
if not rows:
    empty = "The trash is empty." if shown == TRASH else "No run matches. Press Train in a room to make one."
    st.caption(empty)

if damaged:
    st.subheader("Not readable")
    st.caption("These folders lie among the runs, and no run can be read from them.")
for name, why in sorted(damaged.items())[:50]:
    st.markdown(f"`{plain(name)}`  \n{plain(why)}")
