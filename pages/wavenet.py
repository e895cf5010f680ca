"""The room of WaveNet: sound, sample by sample."""

from engine.autoregressive.base import Ordered
from engine.autoregressive.wavenet import WaveNet
from engine.nets.dilated import Dilated
from lab.autoregressive.room_tab import writing_room
from lab.autoregressive.sound_tab import sound_tab

writing_room(
    WaveNet,
    sentence="Sound is one number after another, four thousand of them a second. **Dilated convolutions** look back 1, 2, 4, 8, … "
    "samples, so that a few layers hear a long past.",
    formula=r"""
**The $\mu$-law.** Quiet sounds get more levels than loud ones: $f(x) = \operatorname{sign}(x) \frac{\ln(1 + \mu |x|)}{\ln(1 + \mu)}$.
Each sample then is one of $K$ levels, and a softmax gives $p(x_t \mid x_{<t})$.

**Dilations.** A layer combines two samples that lie $d$ apart, with $d = 1, 2, 4, \dots$ Together they see

$$
\text{field} = 1 + \sum_d d \, (k - 1), \qquad k = 2
$$

samples. All padding is on the left, so that a sample never sees itself or the future.

**Gates.** As in the gated PixelCNN, with a label $h$ that says which digit is spoken:

$$
\begin{aligned}
z &= \tanh(W_f * x + V_f h) \\
&\quad \odot \sigma(W_g * x + V_g h)
\end{aligned}
$$
""",
    code=[WaveNet.logits, WaveNet.net, Dilated, WaveNet.one_by_one, Ordered.written],
    tries=[
        ("A short memory", "Four doublings: a buzz without a pitch.", "/wavenet?dilations=4"),
        (
            "Half of the padding on the right",
            "The loss falls to 0, and the sound is noise.",
            "/wavenet?padding=same",
        ),
        ("Sixteen levels", "Each sample is coarse: hear the hiss.", "/wavenet?levels=16"),
        ("Drums", "Strokes of a tabla.", "/wavenet?data=drums"),
    ],
    tools={"Sound": sound_tab},
)
