"""The GAN room: two networks play a game, and the student watches one of them learn to draw."""

from engine.gan.gan import GAN
from lab import kit
from lab.gan.room_tab import game_tabs

room = kit.room(
    GAN,
    sentence="A generator **G** makes fakes; a discriminator **D** tells them from real data. "
    "Each learns from the other until the fakes lie like the data.",
)
kit.commentary(room)


def formula() -> None:
    kit.knob_table(GAN)
    kit.formula(
        GAN,
        r"""
D's belief that $x$ is real is $D(x)$, a number between 0 and 1. The players fight over one value,
which D raises and G lowers:

$$
\begin{aligned}
\min_G \max_D \; V(D, G) &= \mathbb{E}_{x \sim p_{data}}[\log D(x)] \\
&\quad + \mathbb{E}_{z \sim p_z}[\log(1 - D(G(z)))]
\end{aligned}
$$

For a fixed G the best D is $D^* = p / (p + p_g)$, and then $V = 2\,\mathrm{JSD}(p, p_g) - \log 4$: G lowers
the Jensen-Shannon divergence, as long as D keeps up. At the Nash equilibrium the fakes are distributed like the
data and D says $\tfrac12$ everywhere: neither player gains by changing alone. On a line (choose *Two bumps* as data)
D and $D^*$ are drawn. With label smoothing the best D is $(1 - s)$ times as high; with the hinge loss it only says where $p > p_g$. Where D's
slope is bounded or penalized, or D sees noise or several examples at once, no formula gives it, and none is drawn.

A round is the paper's Algorithm 1: $k$ turns in which D climbs $V$ on fresh examples and fresh fakes,
then G's turn. What follows a `yield` runs after that player's step, so G always meets the D that has
just learned. **Slow motion**, under the picture, walks through these very lines.
""",
    )
    kit.source(GAN.turns, GAN.D_terms, GAN.G_terms)


game_tabs(
    room,
    formula=formula,
    tries=[
        (
            "Twenty-five groups",
            "Narrow groups on a grid. The default adds R1; set it to none and count what is left after 8,000 rounds.",
            "/gan?data=grid",
        ),
        (
            "Digits",
            "The same game on pictures of 784 pixels. Strokes come first, digits some thousand rounds later.",
            "/gan?data=digits",
        ),
        (
            "One dimension",
            "The figure of the 2014 paper: the density of the fakes, of the data, D, and the best possible D.",
            "/gan?data=two-bumps",
        ),
    ],
)
