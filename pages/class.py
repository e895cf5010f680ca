"""The teacher's page: who runs what, what it costs, and pause and stop for one or for all."""

import os
from html import escape
from urllib.parse import quote

import streamlit as st

from engine.config import Refused
from lab import classroom
from lab.kit.address import strangers
from lab.kit.layout import heading
from lab.kit.numbers import short
from lab.kit.plain import complain, link
from lab.kit.told import title_of
from lab.runs import status, store, teacher
from lab.runs.machine import machine, used
from lab.runs.supervisor import supervisor

EVERY = 3.0  # seconds between two looks
SHEET = """<style>
.st-key-class-rows { gap: 0 }
.st-key-class-rows .stHtml { flex: 1 1 16rem; min-width: 0 }
.st-key-class-rows > * { border-bottom: 1px solid rgb(128 128 128 / 25%) }
.st-key-class-rows > .stHorizontalBlock, .st-key-class-rows > * > .stHorizontalBlock { flex-wrap: nowrap; gap: 0.5rem }
.st-key-class-rows .stButton, .st-key-class-rows .stButton * { width: 4.2rem }
.st-key-class-rows .stElementContainer:has(> .stButton) { width: 4.2rem; flex: none }
.st-key-class-rows button { min-height: 1.8rem; padding: 0 0.2rem }
.st-key-class-head .run-row { padding-right: 9.4rem }
.run-row { display: grid; align-items: baseline; gap: 0 0.8rem; padding: 0.2rem 0; font-variant-numeric: tabular-nums;
  grid-template-columns: minmax(7rem, 1.2fr) minmax(10rem, 2fr) 4.6rem 5.6rem 6.2rem 3.2rem 4.8rem 4.8rem }
.run-row > * { min-width: 0; overflow-wrap: anywhere }
.run-row > :nth-child(n + 4) { text-align: right }
.run-row a { color: inherit }
.run-row.training > :nth-child(3) { font-weight: 600 }
.run-row.head { font-size: 0.875rem; opacity: 0.8 }
.machine { display: flex; flex-wrap: wrap; gap: 0.3rem 2.2rem; font-variant-numeric: tabular-nums }
@media (max-width: 900px) {
  .run-row { display: flex; flex-wrap: wrap; gap: 0 0.7rem; font-size: 0.925rem }
  .run-row > :nth-child(-n + 2) { flex: 1 0 100%; text-align: left }
  .run-row > [data-is]:not([data-is=""])::after { content: " " attr(data-is); opacity: 0.8 }
  .st-key-class-rows :is(.stButton, .stButton *, .stElementContainer:has(> .stButton)) { width: 3.6rem }
  .run-row > :empty, .st-key-class-head { display: none !important }
}
</style>"""


def megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 2**20:,.0f} MB"


def gigabytes(size: int | None) -> str:
    return "not known" if size is None else f"{size / 2**30:,.1f} GB"


def done(what: str, number: int) -> None:
    st.session_state["_done"] = f"{what} {number} {'run' if number == 1 else 'runs'}."


def order(run_id: str, do: str) -> None:
    """In a callback."""
    try:
        teacher.order(run_id, do).result(teacher.PATIENCE)
    except (Refused, TimeoutError) as error:
        st.session_state["_refused"] = str(error) or "The run is busy. Try again."


def pause_all() -> None:
    done("Paused", teacher.pause_all())


def resume_all() -> None:
    done("Resumed", teacher.resume_all())


def cells(row: status.Status) -> str:
    """A run in a line: what others have written is text and nothing else."""
    page = "wall" if row.wall else quote(row.family)
    address = escape(link(f"/{page}?run={row.run_id}"))
    name = classroom.called(row.owner) or (f"visitor {row.owner[:6]}" if row.owner else "nobody")
    share = "" if row.share is None else f"{100 * row.share:.0f} %"
    rate = "" if row.rate is None else short(row.rate)
    watchers = str(row.watchers or "")
    told = [
        ("", f"<strong>{escape(name)}</strong>"),
        ("", f'<a href="{address}">{escape(title_of(row))}</a>'),
        ("", row.state),
        ("rounds", f"{row.round:,}"),
        ("rounds/s", rate),
        ("of a core", share),
        ("watching", watchers),
        ("", megabytes(row.memory)),
    ]
    inner = "".join(f'<span data-is="{says}">{value}</span>' for says, value in told)
    return f'<div class="run-row {row.state}" title="{escape(row.why)}">{inner}</div>'


def show_machine(rows: list[status.Status]) -> None:
    now, working, own = machine(store.home()), status.workers(supervisor()), used(os.getpid())
    held = sum(one.used.memory for one in working if one.used) + (own.memory if own else 0)
    training = sum(row.state == "training" for row in rows)
    told = {
        "Trains": f"{training} of {len(rows)}",
        "Load": f"{now.load:.1f} on {now.cores} cores",
        "The lab's memory": gigabytes(held),
        "Free memory": f"{gigabytes(now.memory_free)} of {gigabytes(now.memory)}",
        "Free disk": f"{gigabytes(now.disk_free)} of {gigabytes(now.disk)}",
        "Workers": f"{sum(one.up for one in working)} of {len(working)} up",
    }
    facts = "".join(f"<span>{name} <strong>{value}</strong></span>" for name, value in told.items())
    st.html(f'<div class="machine">{facts}</div>')


@st.fragment(run_every=EVERY)
def board() -> None:
    """What changes, again every few seconds."""
    rows = supervisor().status()
    rows.sort(key=lambda row: (row.state != "training", classroom.called(row.owner).casefold(), row.run_id))
    show_machine(rows)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Pause all", on_click=pause_all, icon=":material/pause:")
        st.button("Resume all", on_click=resume_all, icon=":material/play_arrow:")
        if said := st.session_state.pop("_done", ""):
            st.markdown(said)
    if refused := st.session_state.pop("_refused", ""):
        complain(refused)
    if not rows:
        st.caption("Nobody trains or watches a run.")
        return
    with st.container(key="class-rows"):
        heads = ["Student", "Run", "State", "Round", "Rounds/s", "Core", "Watching", "Worker"]
        with st.container(key="class-head"):
            st.html(f'<div class="run-row head">{"".join(f"<span>{head}</span>" for head in heads)}</div>')
        for row in rows:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.html(cells(row))
                trains = row.state == "training"
                do, label = ("pause", "Pause") if trains else ("play", "Resume")
                st.button(
                    label, key=f"do-{row.run_id}", type="tertiary", on_click=order, args=(row.run_id, do)
                )
                st.button(
                    "Stop", key=f"stop-{row.run_id}", type="tertiary", disabled=not trains,
                    on_click=order, args=(row.run_id, "stop"),
                )  # fmt: skip


strangers(st.query_params, ())
heading("Class", "Who runs what, and what it costs.")
if not classroom.teaches(st.context.cookies):
    complain(
        "This page is for the teacher of a class: open it by the teacher's link, which `genlab class` prints."
    )
    st.stop()
st.html(SHEET)
board()
