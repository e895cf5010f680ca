"""The room of the gated PixelCNN: two stacks, gates, and labels."""

from engine.autoregressive.gated_pixelcnn import GatedLayer, GatedPixelCNN, gate
from lab.autoregressive.room_tab import pixels_room

pixels_room(
    GatedPixelCNN,
    sentence="A **vertical** stack sees all rows above, a **horizontal** one the pixels to the left. Together they see the whole past, and "
    "gates decide what passes.",
    formula=r"""
**Two stacks.** The vertical stack needs no mask, because all rows above a pixel are known. It is moved down by one row and added to the
horizontal stack, which is masked. So there is no blind spot.

**Gates.** Each layer multiplies a tanh by a sigmoid, as an LSTM does:

$$
\begin{aligned}
y &= \tanh(W_f * x + V_f^{\top} h) \\
&\quad \odot \sigma(W_g * x + V_g^{\top} h)
\end{aligned}
$$

The label $h$ opens and closes the gates in the same way at every pixel: it says *what* is drawn, and not *where*.
""",
    code=[GatedPixelCNN.logits, GatedLayer, gate],
    tries=[
        (
            "With and without the label",
            "What does the label tell? Compare the losses.",
            "/compare?family=gated-pixelcnn&data=digits-14&knob=conditional&left=False&right=True",
        ),
        (
            "Digits on request",
            "Choose the digit on the desk.",
            "/gated-pixelcnn?data=digits-14&conditional=True",
        ),
        (
            "One stack",
            "PixelCNN: choose a pixel and compare what both see.",
            "/pixelcnn?data=digits-14&first=3",
        ),
        ("Recurrent layers", "PixelRNN remembers what is far away.", "/pixelrnn"),
    ],
)
