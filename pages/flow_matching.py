"""The room of flow matching: a relative of diffusion whose paths are straight."""

from engine.diffusion.base import Denoiser
from engine.diffusion.flow_matching import FlowMatching
from lab import kit
from lab.diffusion.films_tab import forward_film, reverse_film, score_film
from lab.diffusion.remake_tab import remake

room = kit.room(
    FlowMatching,
    data_name="moons",
    sentence="A straight line joins each example to a draw of noise. A **net** learns the **velocity** along these lines; following "
    "that velocity from noise leads to data.",
)
kit.commentary(room)


def reverse() -> None:
    kit.formula(
        FlowMatching,
        r"""
Many lines cross at a place $x_t$, and the net learns their mean velocity, $u_\theta(x_t, t) \approx \mathbb E[\varepsilon - x_0 \mid x_t]$. So
the paths of samples curve where lines cross. Two of them are never at one place at one time, because $u_\theta(x, t)$ is one velocity
there; in the picture, which shows all times at once, one may run across the trace of another. From $u$ and $x_t$ both predictions follow:
$\hat x_0 = x_t - \tfrac tT u$ and $\hat\varepsilon = x_t + (1 - \tfrac tT)\, u$.
""",
    )
    reverse_film(room)


def forward() -> None:
    kit.formula(
        FlowMatching,
        r"""
No noise is added step by step. A line leads from $x_0$ to $\varepsilon$, and $t$ says how far along this line $x_t$ is.

$$
x_t = \left(1 - \tfrac tT\right) x_0 + \tfrac tT\, \varepsilon, \qquad \varepsilon \sim \mathcal N(0, \mathbf I)
$$
""",
    )
    forward_film(room)


def velocity() -> None:
    kit.formula(
        FlowMatching,
        r"""
The velocity and the score are equivalent. With $\tau = t / T$, $\hat\varepsilon = \mathbb E[\varepsilon \mid x_t]$ and
$\hat x_0 = \mathbb E[x_0 \mid x_t]$:

$$
u = \hat\varepsilon - \hat x_0, \qquad \nabla_x \log p_t(x_t) = -\frac{\hat\varepsilon}{\tau}
\qquad\Rightarrow\qquad u = -\frac{x_t + \tau\, \nabla_x \log p_t(x_t)}{1 - \tau}
$$

The arrows below are the score that follows from the velocity.
""",
    )
    score_film(room)


def formula() -> None:
    kit.knob_table(FlowMatching)
    kit.formula(
        FlowMatching,
        r"""
$$
\min_\theta\; \mathbb E_{x_0,\, \varepsilon,\, t}\; \lVert u_\theta(x_t, t) - (\varepsilon - x_0) \rVert^2
$$

A sample follows $dx / d\tau = u_\theta$ from $\tau = 1$, where $x \sim \mathcal N(0, \mathbf I)$, to $\tau = 0$. Training is Algorithm 1 of
DDPM with another $x_t$ and another target. These are the differences:

| | DDPM | flow matching |
|---|---|---|
| $x_t$ | $\sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\; \varepsilon$ | $(1 - \tau)\, x_0 + \tau\, \varepsilon$ |
| the net learns | $\varepsilon$ | $\varepsilon - x_0$ |
| sampling | adds noise, or solves an ODE | solves an ODE |
| at $t = T$ | almost pure noise: $\bar\alpha_T > 0$ | exactly pure noise |
| the schedule | must be chosen | none |

Straighter paths need fewer steps: compare five steps here with five steps of Euler or DDIM in the room of DDPM.
""",
    )
    kit.source(FlowMatching.__init__, FlowMatching.way, Denoiser.turns, Denoiser.terms)


EXPERIMENTS = [
    (
        "Digits",
        "The same method on pictures: a small U-Net learns the velocity.",
        "/flow-matching?data=digits",
    ),
    (
        "Fifty steps and five",
        "Almost straight paths need few steps.",
        "/flow-matching?data=moons&tab=Reverse&walks=Many+steps+and+few",
    ),
    (
        "The same data by DDPM",
        "Its paths are curved, so it needs more steps.",
        "/ddpm?data=moons&tab=Reverse&walks=Many+steps+and+few",
    ),
    (
        "Euler or Heun?",
        "Two runs from one seed that differ only in the sampler.",
        "/compare?family=flow-matching&data=moons&knob=sampler&left=Euler&right=Heun",
    ),
]

kit.tabs(
    {
        "Reverse": reverse,
        "Forward": forward,
        "Velocity and score": velocity,
        "Do more with it": lambda: remake(room),
        "Formula and code": formula,
        "Try this": lambda: kit.experiments(EXPERIMENTS),
        "Check": lambda: kit.checks(room),
    },
    room,
)
