"""The room of PixelCNN: masked convolutions."""

from engine.autoregressive.pixelcnn import Head, PixelCNN
from engine.nets.masked import MaskedConv2d, causal
from lab.autoregressive.room_tab import pixels_room

pixels_room(
    PixelCNN,
    sentence="A stack of **masked convolutions** reads a picture as we read a page. Each pixel sees what is above it, and to its "
    "left, and the same small net serves all pixels.",
    formula=r"""
**PixelCNN** multiplies its kernels by masks. In the first layer, mask **A** hides the pixel itself and all that follows:

$$
A = \begin{pmatrix} 1 & 1 & 1 \\ 1 & 0 & 0 \\ 0 & 0 & 0 \end{pmatrix} \qquad
B = \begin{pmatrix} 1 & 1 & 1 \\ 1 & 1 & 0 \\ 0 & 0 & 0 \end{pmatrix}
$$

From the second layer on, mask **B** lets a place see its own features, because these hold nothing of the pixel itself. At the end, a
softmax over $K$ values gives $p(x_i \mid x_{<i})$.

**The blind spot.** A $3 \times 3$ kernel with mask B moves one step to the right for each row that it goes up. So whatever the depth,
pixels above and to the right of this diagonal are never seen. A [gated PixelCNN](./gated-pixelcnn) has no blind spot.
""",
    code=[PixelCNN.logits, MaskedConv2d, causal, Head],
    tries=[
        ("Mask B first", "A loss of 0, and pictures of one colour.", "/pixelcnn?tab=Failures+and+cures"),
        (
            "A small first kernel",
            "Choose a pixel on the right under Write and look: part of its past is hatched. It is blind there.",
            "/pixelcnn?data=digits-14&first=3",
        ),
        (
            "How deep?",
            "One layer or six: how much does a pixel gain from a larger field?",
            "/compare?family=pixelcnn&data=digits-14&knob=layers&left=1&right=6",
        ),
        (
            "Grey",
            "Sixteen levels of grey, and a softmax for each pixel.",
            "/pixelcnn?data=digits-14&levels=16",
        ),
        ("Faces", "Sixteen colours of a palette.", "/pixelcnn?data=pixel-faces"),
        ("Without a blind spot", "Two stacks see everything.", "/gated-pixelcnn"),
    ],
)
