"""What a page may ask every model that denoises. All but one answer in parts: they are films."""

from lab.probes.denoising import between, guided, reverse
from lab.probes.edits import inpaint, redraw
from lab.probes.noising import forward
from lab.probes.scores import score
from lab.probes.tradeoff import tradeoff

__all__ = ["between", "forward", "guided", "inpaint", "redraw", "reverse", "score", "tradeoff"]
