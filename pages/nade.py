"""The room of NADE: a hidden layer for each pixel, by a running sum."""

from engine.autoregressive.nade import NADE
from lab.autoregressive.room_tab import pixels_room

pixels_room(
    NADE,
    sentence="The probability that a pixel is white depends on the pixels **before** it, through a hidden layer of its own. All these "
    "layers share their weights, and a running sum makes them cheap.",
    formula=r"""
**NADE** gives every pixel a hidden layer $h_d$ of the pixels before it:

$$
p(x_d = 1 \mid x_{<d}) = \sigma(b_d + V_d h_d), \qquad h_d = \sigma(c + W_{\cdot,<d} \, x_{<d})
$$

The sum in $h_d$ contains that of $h_{d-1}$. So a **running sum** $a \leftarrow a + W_{\cdot,d} \, x_d$ needs one column of $W$ for
each pixel, and all $D$ layers together cost $O(DH)$ instead of $O(D^2 H)$. With more than two values, the sigmoid becomes a softmax.
""",
    code=[NADE.logits, NADE.one_by_one],
    tries=[
        (
            "Which order?",
            "Row by row, or from the centre outwards: predict which order has the lower loss before you run both.",
            "/compare?family=nade&data=digits-14&knob=order&left=raster&right=spiral",
        ),
        (
            "A random order",
            "The original paper used one. Neighbours come late, and yet it learns.",
            "/nade?data=digits-14&order=random",
        ),
        ("All 784 pixels", "Each round takes four times as long.", "/nade?data=digits"),
        ("Only 49 pixels", "Fast enough to watch each pixel.", "/nade?data=digits-7"),
        ("The same with masks", "MADE computes all pixels in one pass of one net.", "/made"),
    ],
)
