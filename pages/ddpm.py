"""The diffusion room: data dissolve in noise, and a net that has learned to remove noise walks back."""

from collections.abc import Callable

import streamlit as st

from engine.average import Averaged
from engine.diffusion import samplers, schedule
from engine.diffusion.base import Denoiser
from engine.diffusion.ddpm import DDPM
from engine.space import Plane
from lab import kit
from lab.diffusion.films_tab import forward_film, reverse_film, score_film
from lab.diffusion.noising_tab import hard, noise_slips, schedules
from lab.diffusion.remake_tab import remake
from lab.diffusion.steps_tab import steps

room = kit.room(
    DDPM,
    data_name="digits",
    sentence="A fixed **forward process** adds noise to the data, a little at each step, until nothing else is left. A "
    "**net** learns to predict the noise in what it sees. By removing it step by step, the **reverse process** makes "
    "new data from pure noise.",
)
kit.commentary(room)


def forward() -> None:
    kit.formula(
        DDPM,
        r"""
Each step adds noise of variance $\beta_t$. The same is possible in one jump, with $\alpha_t = 1 - \beta_t$ and
$\bar\alpha_t = \prod_{s=1}^t \alpha_s$:

$$
q(x_t \mid x_{t-1}) = \mathcal N(\sqrt{1 - \beta_t}\; x_{t-1},\; \beta_t \mathbf I)
\qquad
q(x_t \mid x_0) = \mathcal N(\sqrt{\bar\alpha_t}\; x_0,\; (1 - \bar\alpha_t)\, \mathbf I)
$$

So $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\; \varepsilon$ with $\varepsilon \sim \mathcal N(0, \mathbf I)$:
training can use any level directly. The two films use different noise, so single points differ, but their distribution is
the same.
""",
    )
    forward_film(room)
    schedules(room)


def reverse() -> None:
    st.markdown(
        r"The walk begins at $x_T \sim \mathcal N(0, \mathbf I)$. At each level the net predicts the noise in $x_t$, and from it "
        r"follows a prediction of $x_0$: $\hat x_0 = (x_t - \sqrt{1 - \bar\alpha_t}\; \varepsilon_\theta) / \sqrt{\bar\alpha_t}$."
    )
    reverse_film(room)


def score() -> None:
    kit.formula(
        DDPM,
        r"""
The **score** $\nabla_x \log p_t(x)$ points to where noised data are more likely. The net knows it, because its predicted noise is
the score in other units. So is the mean of all $x_0$ from which $x_t$ may have come (Tweedie's formula):

$$
\nabla_x \log p_t(x_t) = -\frac{\mathbb E[\varepsilon \mid x_t]}{\sqrt{1 - \bar\alpha_t}}
\qquad
\mathbb E[x_0 \mid x_t] = \frac{x_t + (1 - \bar\alpha_t)\, \nabla_x \log p_t(x_t)}{\sqrt{\bar\alpha_t}}
$$

For a mixture of Gaussians both are known exactly, because noise turns it into another mixture of Gaussians. The same holds for the moons and
the other curves, whose density is computed as a sum of many narrow Gaussians. Let the model train
and press play again: the error shrinks first where the noised data lie. Far from them the net was never trained.
""",
    )
    score_film(room)


def training() -> None:
    left, right = st.columns([2, 3])
    with left:
        kit.formula(
            DDPM,
            r"""
**Algorithm 1, Training**

1. **repeat**
2. $\quad x_0 \sim q(x_0)$
3. $\quad t \sim \text{Uniform}(\{1, \dots, T\})$
4. $\quad \varepsilon \sim \mathcal N(0, \mathbf I)$
5. $\quad$ take a gradient step on
   $\nabla_\theta \lVert \varepsilon - \varepsilon_\theta(\sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \varepsilon,\, t) \rVert^2$
6. **until** converged

Lines 2 to 4 are in `turns`, line 5 is in `terms`. The lab takes the mean over numbers, not their sum. After the step, `follow`
updates a moving average of the weights, which draws the samples.

**To go through these lines one by one**, press Train, then Pause, and open *Slow motion* under the picture.
""",
        )
    with right:
        kit.source(Denoiser.turns, Denoiser.terms, Averaged.follow)
    kit.formula(
        DDPM,
        r"""
**Which levels are hard?** At a small $t$ the noise is faint and hard to distinguish from the data, so the error of $\varepsilon$ is
largest. At a large $t$ there is hardly anything but noise, and the error is near 0. That does not make large $t$ easy: there a tiny
error of $\varepsilon$ means a large error of $\hat x_0$, by the factor $\sqrt{(1 - \bar\alpha_t) / \bar\alpha_t}$.
""",
    )
    hard(room)


def formula() -> None:
    kit.knob_table(DDPM)
    kit.formula(
        DDPM,
        r"""
**Algorithm 2, Sampling**, goes back from $x_T \sim \mathcal N(0, \mathbf I)$; for $t = T, \dots, 1$, with
$z \sim \mathcal N(0, \mathbf I)$, but $z = 0$ in the last step:

$$
x_{t-1} = \frac{1}{\sqrt{\alpha_t}} \left( x_t - \frac{1 - \alpha_t}{\sqrt{1 - \bar\alpha_t}}\;
\varepsilon_\theta(x_t, t) \right) + \sigma_t z
$$

Its mean is that of $q(x_{t-1} \mid x_t, x_0)$ at the predicted $x_0$. For $\sigma_t^2$ there are two choices: $\beta_t$, or the
variance of that posterior, $\tilde\beta_t = \frac{1 - \bar\alpha_{t-1}}{1 - \bar\alpha_t}\, \beta_t$. **DDIM** instead noises the
predicted $x_0$ to an earlier level $s$, with the predicted noise and, for $\eta > 0$, some new noise. It may skip levels:

$$
x_{s} = \sqrt{\bar\alpha_s}\; \hat x_0 + \sqrt{1 - \bar\alpha_s - \sigma^2}\; \varepsilon_\theta + \sigma z, \qquad
\sigma^2 = \eta^2\, \frac{1 - \bar\alpha_s}{1 - \bar\alpha_t} \left( 1 - \frac{\bar\alpha_t}{\bar\alpha_s} \right)
$$

**Guidance**: a net that sees the label only most of the time learns both $\varepsilon_\theta(x_t, y)$ and $\varepsilon_\theta(x_t)$. It
is used as $\varepsilon_\theta(x_t) + s\, (\varepsilon_\theta(x_t, y) - \varepsilon_\theta(x_t))$.
""",
    )
    kit.source(samplers.ddpm, samplers.ddim, Denoiser.predict, schedule.linear)


def failures() -> None:
    st.markdown(
        "**See it fail** trains a setting on the stage, and the sentence under the picture says what goes wrong. Then apply a cure. The tests of this lab "
        "train them all."
    )
    kit.gallery(room, kit.words_of(room.family).failures)


EXPERIMENTS = [
    (
        "Points in the plane",
        "The same code on two moons, from the beginning: usable samples within 1,500 rounds, and walks drawn as paths.",
        "/ddpm?data=moons&tab=Reverse",
    ),
    (
        "One noise, two walks",
        "DDPM adds new noise at every step, DDIM adds none: from the same start they end in different places.",
        "/ddpm?tab=Reverse&walks=Stochastic+and+deterministic",
    ),
    (
        "A tenth of the steps",
        "The same model with fifty steps and with five.",
        "/ddpm?tab=Reverse&walks=Many+steps+and+few",
    ),
    (
        "The exact score beside the learned one",
        "For a ring of Gaussians the truth is known at every noise level; for the moons as well.",
        "/ddpm?data=ring&tab=Score+field",
    ),
    (
        "Two classes, guided",
        "Points with two labels, each in its colour: with s = 4 they go beyond their class. Press Pause once the model has learned.",
        "/ddpm?data=two-gaussians&conditional=true&sampler=DDIM&tab=Reverse&walks=Guided+and+not",
    ),
    (
        "A schedule for 1,000 steps, cut at 100",
        "ᾱ is still 0.36 at the end, so walks begin where there are no noised data. Look at *Forward*.",
        "/ddpm?data=moons&schedule=linear&scaled=false&tab=Forward",
    ),
    (
        "Linear or cosine?",
        "Two runs from one seed that differ only in the schedule.",
        "/compare?family=ddpm&data=ring&knob=schedule&left=linear&right=cosine",
    ),
    (
        "Noise, data or v?",
        "Three ways to say the same: the net may predict any of them, and the others follow.",
        "/compare?family=ddpm&data=moons&knob=predicts&left=eps&right=x0",
    ),
    (
        "Straight paths",
        "Flow matching learns the velocity along straight lines from noise to data.",
        "/flow-matching",
    ),
]

back: dict[str, Callable[[], None]] = {"Reverse": reverse, "Do more with it": lambda: remake(room)}
if isinstance(room.space, Plane):  # where arrows can be drawn
    back["Score field"] = score
kit.tabs(
    {
        "Forward": {"Forward": forward, "Training, slow": training},
        "Reverse": back,
        "Steps and guidance": lambda: steps(room),
        "Formula and code": {
            "Formula and code": formula,
            "Slips in the slides": lambda: noise_slips(room),
        },
        "Failures and cures": failures,
        "Try this": lambda: kit.experiments(EXPERIMENTS),
        "Check": lambda: kit.checks(room),
    },
    room,
)
