"""Be the discriminator: visitors tell real pictures from fakes, and see their score beside D's."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import streamlit as st

from lab.kit.answers import Figure, ask, strip
from lab.kit.room import Room

SIDE = 224  # pixels
SHOWN = 10  # of the history


class Judged(NamedTuple):
    """A picture, the truth about it, and both verdicts: whether you and D said real."""

    picture: Any
    real: bool
    you: bool
    belief: float  # D(x)

    @property
    def D(self) -> bool:
        return self.belief > 0.5


def judge(room: Room) -> None:
    """One picture at a time. The truth stays with the worker until the visitor has answered."""
    game = _game(room)
    question = st.empty()
    slot = st.container(height=SIDE + 16, border=False)  # the buttons below never move
    with st.container(horizontal=True):
        said_real = st.button("Real", key="judge-real", icon=":material/photo_camera:")
        said_fake = st.button("Fake", key="judge-fake", icon=":material/auto_awesome:")
        if st.button("Start again", key="judge-reset", type="tertiary"):
            st.session_state.pop("_judge")
            game = _game(room)
    if (said_real or said_fake) and game["picture"] is not None:
        _answer(room, game, said_real)
    if game["picture"] is None:
        shown = ask(room, "jury", seed=game["seed"], turn=len(game["history"])) or {}
        game |= {"picture": shown.get("picture"), "label": shown.get("label")}
    question.markdown(_question(game["label"]))
    if game["picture"] is not None:
        with slot:
            strip([("", [Figure(game["picture"], "", "the picture to judge")])], 1, SIDE, SIDE)
    if game["history"]:
        _told(game["history"])


def _question(label: int | None) -> str:
    if label is None:
        return (
            "Is this a real picture, from the test data that D has never seen, or did G make it? Both are "
            "equally likely."
        )
    return (
        f"Is this a real picture **of label {label}**, from the test data that D has never seen, or did G "
        "make it for this label? Both are equally likely. D is told the label too."
    )


def _game(room: Room) -> dict[str, Any]:
    game = st.session_state.get("_judge")
    if game is None or game["of"] != (room.run, room.round):
        game = {
            "of": (room.run, room.round),
            "seed": random.randrange(2**32),
            "picture": None,
            "label": None,
            "history": [],
        }
        st.session_state["_judge"] = game
    return game


def _answer(room: Room, game: dict[str, Any], said_real: bool) -> None:
    turn, picture = len(game["history"]), game["picture"]
    if told := ask(room, "verdict", seed=game["seed"], turn=turn, picture=picture):
        game["history"].append(Judged(picture, told["real"], said_real, told["belief"]))
        game["picture"] = None


def _told(history: list[Judged]) -> None:
    """Whether the last answer was right, the score so far, and the last few pictures."""
    last = history[-1]
    st.markdown(
        f"{'✓ **Right:**' if last.you == last.real else '✗ **Wrong:**'} it was **{_word(last.real)}**. "
        f"D said {_word(last.D)}, with D(x) = {last.belief:.2f}, and was "
        f"{'right' if last.real == last.D else 'wrong'}."
    )
    n = len(history)
    you, D = sum(j.you == j.real for j in history), sum(j.real == j.D for j in history)
    st.markdown(
        f"**You: {you} of {n}** right ({you / n:.0%}). **D: {D} of {n}** right ({D / n:.0%}). "
        "Guessing gets half of them right."
    )
    figures = []
    for j in reversed(history[-SHOWN:]):
        verdicts = f"you {_mark(j.you == j.real)}\nD {j.belief:.2f} {_mark(j.real == j.D)}"
        figures.append(Figure(j.picture, f"{_word(j.real)}\n{verdicts}", _word(j.real)))
    strip([("The last pictures, newest first: what each was, and who was right", figures)], SHOWN, 52, 72)


def _word(real: bool) -> str:
    return "real" if real else "fake"


def _mark(right: bool) -> str:
    return "✓" if right else "✗"
