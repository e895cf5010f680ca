"""The room of recurrent nets for letters: names of villages."""

from engine.autoregressive.base import Ordered
from engine.autoregressive.letters import Letters
from lab.autoregressive.letters_tab import letters_tab, regions_tab
from lab.autoregressive.room_tab import writing_room

writing_room(
    Letters,
    sentence="A recurrent net reads a name letter by letter and says which letter comes **next**. So it learns how villages are called, and "
    "invents new ones.",
    formula=r"""
**A state instead of a window.** An n-gram knows the last $n - 1$ letters. A recurrent net keeps a state $h_t$ of all letters so far:

$$
h_t = \text{cell}(x_{t-1}, h_{t-1}), \qquad p(x_t \mid x_{<t}) = \text{softmax}(W h_t + b)
$$

The end of a name is a letter, too. So $p$ is a distribution over names of all lengths, and a name costs
$-\log_2 p(x)$ bits, which is measured per character.

**Bayes.** If the net is told the region $y$, it can be turned around: $p(y \mid x) \propto p(x \mid y) \, p(y)$.
""",
    code=[Letters.logits, Letters.log_probs, Letters.one_by_one, Ordered.written],
    tries=[
        (
            "By region",
            "Choose the region of the village that it invents.",
            "/letters?data=villages-by-region",
        ),
        (
            "LSTM or GRU?",
            "Two runs from one seed.",
            "/compare?family=letters&data=villages&knob=cell&left=LSTM&right=GRU",
        ),
        (
            "Without dropout",
            "The training loss falls, the test loss rises: names are learned by heart.",
            "/compare?family=letters&data=villages&knob=dropout&left=0.3&right=0",
        ),
    ],
    tools={"What comes next?": letters_tab, "Which region?": regions_tab},
)
