"""The room of handwriting by mixture density: digits, place by place."""

from engine.autoregressive.handwriting import Handwriting
from engine.autoregressive.mixture import Mixture, of_output
from engine.autoregressive.writer import Writer
from lab.autoregressive.pen_tab import hand_tab
from lab.autoregressive.room_tab import writing_room

writing_room(
    Handwriting,
    sentence="A pen may go many ways. A recurrent net says **where it goes next** as a mixture of Gaussians, and one place is drawn.",
    formula=r"""
**A mixture of Gaussians.** The net's output for step $t$ has weights, means, standard deviations and correlations:

$$
p(x_t \mid x_{<t}) = \sum_{j=1}^{M} \pi_t^j \, \mathcal{N}(x_t \mid \mu_t^j, \sigma_t^j, \rho_t^j)
$$

**Bias.** $\sigma \to \sigma e^{-b}$ and $\hat\pi \to \hat\pi (1 + b)$: a larger $b$ makes the writing neater and less varied.

**Squared error** has one Gaussian of a fixed width. It learns the mean only, and at a fork the mean is none of the ways.
""",
    code=[Handwriting.said, of_output, Mixture.log_prob, Mixture.biased, Writer.losses_of, Writer.written],
    tries=[
        ("Squared error", "Each digit is the same, and limp.", "/handwriting?output=squared error"),
        ("No noise", "The loss is too good to be true.", "/handwriting?dequantize=false"),
        ("One Gaussian", "A mixture of one cannot fork.", "/handwriting?M=1"),
        ("No label", "It chooses the digit itself.", "/handwriting?conditional=false"),
    ],
    tools={"Write and draw": hand_tab},
    leaks=False,
)
