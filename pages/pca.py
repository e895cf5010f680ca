"""PCA's room: the best plane through the data, found batch by batch."""

from engine.codes.pca import PCA
from engine.space import Picture
from lab import kit
from lab.codes.codes_tab import use_codes
from lab.codes.draw_tab import draw
from lab.codes.plane_tab import latent_plane

room = kit.room(
    PCA,
    data_name="digits",
    sentence="PCA finds the plane, or subspace, through the data that loses least. It is the oldest code, and the best *linear* one.",
)
latent_plane(room)
kit.commentary(room)


def formula() -> None:
    kit.knob_table(PCA)
    kit.formula(
        PCA,
        r"""
Among all orthonormal $V$ with as many columns as the code has numbers, PCA's loses least:

$$
\min_{V^\top V = I} \; \mathbb{E}\,\bigl\lVert x - m - V V^\top (x - m) \bigr\rVert^2
= \sum_{i > \dim z} \lambda_i
$$

This is the sum of the eigenvalues of the covariance $S$ that $V$ leaves out. No gradient is needed: the columns are the
leading eigenvectors of $S$. Here each batch updates $m$ and $S$, and one step of orthogonal iteration turns $V$ towards
the eigenvectors, so you see the plane turn into place. Codes are divided by $\sqrt{\lambda_i}$. Then
$z \sim \mathcal N(0, I)$ is a sensible draw, and the model is a Gaussian whose density is known exactly.
""",
    )
    kit.source(PCA.turns, PCA.learn, PCA.e, PCA.d, PCA.log_prob)


def experiments() -> None:
    kit.experiments(
        [
            (
                "Thirty numbers",
                "The digits are restored far better, but a Gaussian of 30 dimensions still draws no digits.",
                "/pca?z=30",
            ),
            (
                "A line through points",
                "Two numbers become one: PCA finds the line of most variance.",
                "/pca?data=line",
            ),
            (
                "PCA, autoencoder and VAE side by side",
                "Three planes of codes for the same digits.",
                "/planes",
            ),
        ]
    )


pictures = {"Draw a digit": lambda: draw(room), "Use the codes": lambda: use_codes(room)}
kit.tabs(
    {
        **(pictures if isinstance(room.space, Picture) else {}),
        "Formula and code": formula,
        "Try this": experiments,
        "Check": lambda: kit.checks(room),
    },
    room,
)
