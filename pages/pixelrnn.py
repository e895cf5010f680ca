"""The room of PixelRNN: recurrent layers over pictures."""

from engine.autoregressive.lstm import Diagonal, DiagonalBiLSTM, RowLSTM, cell, skewed
from engine.autoregressive.pixelrnn import PixelRNN
from lab.autoregressive.room_tab import pixels_room

pixels_room(
    PixelRNN,
    sentence="Recurrent layers carry what they have seen from pixel to pixel: **row by row**, or along both **diagonals**. So even the "
    "first pixel can matter for the last one.",
    formula=r"""
**An LSTM over pictures.** Gates are computed from the features of a pixel and from the states of its neighbours that come before:

$$
\begin{aligned}
[o, f, i, g] &= \sigma(K^{ss} * h_{i-1} \\
&\qquad + K^{is} * x_i) \\
c_i &= f \odot c_{i-1} + i \odot g \\
h_i &= o \odot \tanh(c_i)
\end{aligned}
$$

($g$ has a tanh instead of $\sigma$.)

**Row LSTM.** The neighbours are three pixels of the row above, so a pixel sees a triangle.

**Diagonal BiLSTM.** Each row is moved to the right by one place more than the row above it. Then the columns are diagonals, and one step
along them hands on the states of the pixel above and the pixel to the left. A second layer comes from the right. It is moved **down by
one row**, because a pixel may not know what is to its right.
""",
    code=[PixelRNN.logits, RowLSTM, Diagonal, DiagonalBiLSTM, skewed, cell],
    tries=[
        (
            "Row or diagonal?",
            "Two runs from one seed.",
            "/compare?family=pixelrnn&data=digits-14&knob=layer&left=Row%20LSTM&right=Diagonal%20BiLSTM",
        ),
        (
            "A triangle",
            "Choose a pixel under Write and look, then compare what each kind of net can see.",
            "/pixelrnn?layer=Row%20LSTM&first=3",
        ),
        ("Without the shift", "The future leaks in from the right.", "/pixelrnn?tab=Failures+and+cures"),
        ("Faces", "Sixteen colours.", "/pixelrnn?data=pixel-faces"),
    ],
)
