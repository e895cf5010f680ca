"""The conditional VAE's room: the label says which digit it is, and z how it is written."""

from engine.codes.cvae import CVAE
from engine.space import Picture
from lab import kit
from lab.codes.bound_tab import bound
from lab.codes.codes_tab import use_codes
from lab.codes.draw_tab import draw
from lab.codes.plane_tab import label_of_plane, latent_plane

room = kit.room(
    CVAE,
    data_name="digits",
    sentence="Encoder and decoder of this VAE are both told the **label**. The code z need not say which digit it is, and keeps "
    "the handwriting. Fix z and change the label, and the same hand writes another digit.",
)
label_of_plane(room)
latent_plane(room)
kit.commentary(room)


def formula() -> None:
    kit.knob_table(CVAE)
    kit.formula(
        CVAE,
        r"""
Every distribution of the VAE is conditioned on the label $c$:

$$
\begin{aligned}
\log p(x \mid c) &- \mathrm{KL}[q(z \mid x, c) \,\Vert\, p(z \mid x, c)] \\
&= \mathbb{E}_q[\log p(x \mid z, c)] \\
&\quad - \mathrm{KL}[q(z \mid x, c) \,\Vert\, p(z \mid c)]
\end{aligned}
$$

The prior is $p(z \mid c) = \mathcal N(0, I)$ for every label. In code the change is small: the label enters both nets as a
one-hot vector, $[x, c]$ for the encoder and $[z, c]$ for the decoder.
""",
    )
    kit.source(CVAE.turns, CVAE.terms, CVAE.q, CVAE.p)


def experiments() -> None:
    kit.experiments(
        [
            (
                "Nothing is left to say",
                "The label says to which of eight groups a point belongs. A group is a plain Gaussian, so z rightly falls asleep.",
                "/cvae?data=ring",
            ),
            (
                "Two moons",
                "The label says which moon a point lies on, and z says where along it.",
                "/cvae?data=moons&z=1",
            ),
            ("Without labels", "The plane of the plain VAE has to make room for all ten digits.", "/vae"),
        ]
    )


pictures = {"Use the codes": lambda: use_codes(room), "Draw a digit": lambda: draw(room)}
kit.tabs(
    {
        **(pictures if isinstance(room.space, Picture) else {}),
        "How tight is the bound?": lambda: bound(room),
        "Formula and code": formula,
        "Try this": experiments,
        "Check": lambda: kit.checks(room),
    },
    room,
)
