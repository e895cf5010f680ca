"""The sweep wall: many models trained as one, each with a setting of its own."""

import streamlit as st

from engine.stack import StackedOptimizer, stack
from lab import kit
from lab.kit.subject import legend

LEGENDS = {
    "points": legend(
        "Each panel is a model of its own: its [fakes](wall/points, model) over the [real points](wall/real, "
        "data), on the [belief of its D](wall/field, field): blue where it takes a point for real, orange for "
        "fake, without colour where it cannot tell. The stronger a panel's frame, the better its score. Press a "
        "panel to open it."
    ),
    "points without D": legend(
        "Each panel is a model of its own: its [samples](wall/points, model) over the [real "
        "points](wall/real, data). The stronger a panel's frame, the better its score. Press a panel to "
        "open it."
    ),
    "image": legend(
        "Each panel is a model of its own, and shows what it makes of the same noise. Where there are scores, a "
        "stronger frame means a better one. Press a panel to open it."
    ),
}

shown = kit.wall_room(
    legends=LEGENDS,
    sentence="Which settings work, and where is the border to those that fail? Train them all at once on the "
    "same data, and look.",
)


def members() -> None:
    if "belief" in shown.family.stacked:
        st.markdown(
            "**How to read it.** Find the region of panels that reach all modes, and the border where they begin to "
            "be lost: a model near the border works by luck, and one in the middle of the region for a reason."
        )
    else:
        st.markdown(
            "**How to read it.** The table shows each member's score. Compare pictures of "
            "neighbours: where they change at once, the setting matters; where they do not, it does not."
        )
    kit.scores(shown)


def tries() -> None:
    kit.experiments(
        [
            (
                "Two learning rates",
                "The map of collapse. In the upper right D learns slowly and G quickly: G runs to one mode "
                "after another, and D comes too late. In the lower right both are quick: all modes are found.",
                "/wall",
            ),
            (
                "VAEs from β 0.1 to 32",
                "The same nets on the digits. With a small β the codes tell much and fill their space badly; with a large one the "
                "samples turn into one average digit. The curve under the table shows what each member pays and gets.",
                "/wall?family=vae&data=digits",
            ),
            (
                "Is it luck? Nine seeds",
                "The same setting nine times, with other first weights, data and noise. What differs here is "
                "luck: compare settings only by more than this.",
                "/wall?rows=seed&columns=none",
            ),
            (
                "Weight of R1 on the grid of 25",
                "From row to row the penalty on D's slope grows ten-thousandfold, from column to column only "
                "the seed changes. For the first thousands of rounds the panels of one row differ as much as "
                "the rows do, so one run of each would mislead you.",
                "/wall?data=grid&rows=weight&row_values=0.001,+0.01,+0.1,+1,+10&columns=seed"
                "&column_values=0,+1,+2,+3",
            ),
        ]
    )


def code() -> None:
    st.markdown(
        "The members of a wall are stacked: each weight is one array with a first dimension for the member, "
        "and every operation works on all of them at once. In exact arithmetic each member is the single run of "
        "its setting, because the members never meet: the sum of their losses has for each weight the gradient "
        "of its own member's loss, and Adam treats every number by itself. Computers round, here to about seven "
        "digits and in another order than in a single run. Training magnifies that: after a thousand rounds a "
        "member can look slightly different from its single run, as another seed would, and is as good."
    )
    kit.source(stack, StackedOptimizer)


kit.tabs({"Scores": members, "Try this": tries, "Code": code}, shown)
