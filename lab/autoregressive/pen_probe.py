"""Questions to a model of handwriting: write, go on in a hand's own drawing, and what a drawing costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, one_hot, pad

from engine.autoregressive.mixture import Mixture
from engine.autoregressive.writer import Drawn, Writer, places
from engine.config import Refused
from engine.data import Dataset, as_digit, as_steps
from engine.data.pens import looked_at, spaced
from engine.device import seed as set_seed
from engine.space import Script
from lab.autoregressive.asked import labels_of
from lab.probes import Answer, real, seed_of, whole
from lab.scenes.arrays import single

__all__ = ["hand", "judge", "limp", "write"]

BOLDEST = 5.0  # the largest bias
MOST = 8  # ways to write that are asked for at once
PARTS = 40  # of what is written, about
SOME = 400  # examples that say how large the data are
USUAL = 100  # test examples whose mean loss is told


def hand(model: Writer, data: Dataset) -> Answer:
    """What a page must know: `kind`, digits or words; the most steps `T`; the `labels`, if the model is told
    any; the `alphabet`, how many `letters` fit, and some `words`; the `box` of the data, the heights of
    `lines` to write on, the mean length of a `step`, and how far a letter is to `advance`; and `paces`, the
    mean step of each label."""
    x = model.steps(data.x[:SOME].to(model.device)).cpu()
    far, inked = x[..., :2].norm(dim=-1), model.inked(x)
    inked[:, 0] = False  # it leads from (0, 0), in the air
    answer: Answer = {
        "T": x.shape[1], "output": model.config.output, "step": float(far[inked].mean()), "labels": [],
        "alphabet": "", "letters": 0, "words": [], "lines": [], "advance": 0.0,
    }  # fmt: skip
    if isinstance(model.space, Script):
        assert data.y is not None
        at = places(x)[model.inked(x)]
        low, high = at[:, 1].quantile(torch.tensor([0.005, 0.995])).tolist()
        widths = places(x)[..., 0].amax(1) / (data.y[:SOME].cpu() > 0).sum(1)
        return answer | {
            "kind": "words", "alphabet": model.space.alphabet, "letters": model.space.letters, "lines": [0.0],
            "words": list(model.space.words), "advance": float(widths.mean()), "box": [0.0, 0.0, low, high],
        }  # fmt: skip
    labels = list(data.labels) if model.conditional else []
    return answer | {"kind": "digits", "labels": labels, "box": [-1.0, 1.0, -1.0, 1.0],
                     "paces": single(paces(model, data))}  # fmt: skip


def write(
    model: Writer, data: Dataset, seed: int = 0, bias: float = 0.0, label: int | None = None, text: str = "",
    strokes: Any = None, drawn: str = "", n: int = 1,
) -> Iterator[Answer]:  # fmt: skip
    """n ways to write a digit of this label, or a text, step by step. `strokes` is what a hand has drawn, as
    lists of places [x, y]: the model goes on from there. Of a word, `drawn` is what it says, and the text
    follows.

    A part has m new steps: `steps` (n, m, 3), dx, dy and the lift; what was known before each, `mixture`
    (n, m, M, 6), its components as weight, mean, standard deviations and correlation, and `lift` (n, m), the
    chance that the pen is lifted; with a text `phi` (n, m, U), the weights of its letters; and `loss` (n, m),
    -log p of each step under this mixture. `text` is all of the text, `given` how many steps were; `lengths`
    has the number of steps of each way, or None where it is not known yet.
    """
    n = whole(n, "n", 1, MOST)
    b = real(bias, "bias", 0, BOLDEST)
    y, given = asked(model, n, label, drawn, text), begun(model, data, strokes, label, drawn)
    set_seed(seed_of(seed))
    said = drawn + text if isinstance(model.space, Script) else ""
    T, steps = model.space.shape[0], []
    ahead = 0 if given is None else len(given)
    for done, now in enumerate(model.written(n, y, None if given is None else given.expand(n, -1, -1), b), 1):
        steps.append(now)
        if now.left and (done < ahead or done % max(1, T // PARTS)):
            continue
        lengths = ended_at(now.steps) if not now.left else [None] * n
        yield told(steps) | {"text": said, "given": ahead, "lengths": lengths}
        steps = []


def limp(
    model: Writer, data: Dataset, label: int | None = None, text: str = "", strokes: Any = None,
    drawn: str = "",
) -> Answer:  # fmt: skip
    """What a pen writes that always goes to the mean of the mixture, as a net does that was trained by
    squared error: `places` (t, 3), x, y and the lift. The arguments are those of `write`."""
    given = begun(model, data, strokes, label, drawn)
    given = None if given is None else given[None]
    *_, last = model.written(1, asked(model, 1, label, drawn, text), given, mean=True)
    return {"places": single(places(last.steps)[0, : ended_at(last.steps)[0]])}


def judge(model: Writer, data: Dataset, strokes: Any, label: int | None = None, text: str = "") -> Answer:
    """What a drawing costs: `losses` (t,) of its steps in nats, given the label or the text; its `places`
    (t, 2), where the steps end on the sheet; and `usual`, what test examples cost on average: digits of this
    label, or a step of a word. If the model is told labels, `bayes` (t, labels) is p(label | the steps so
    far), by the rule of Bayes."""
    path = np.concatenate(looked_at(drawing(strokes)))
    if isinstance(model.space, Script):
        x = as_script(model, strokes)
        losses = model.losses(pad(x, (0, 0, 0, model.space.shape[0] - len(x)))[None], texts(model, text))
        some, y = data.test_x[:USUAL].to(model.device), data.test_y
        usual = model.losses(some, None if y is None else y[:USUAL].to(model.device))
        at = places(x[None])[0, :, :2] + torch.tensor([path[:, 0].min(), 0.0]).to(x)
        return {"losses": single(losses[0, : len(x)]), "places": single(at),
                "usual": float(usual.sum() / model.inked(some).sum())}  # fmt: skip
    x, test, y = as_digit(drawing(strokes)).to(**model.like)[None], data.test_x, labels_of(model, label, 1)
    answer = {"places": spaced(path, x.shape[1]).astype(np.float32)}
    if y is None or data.y is None or data.test_y is None:
        usual = model.losses(test[:USUAL].to(model.device)).sum(1).mean()
        return answer | {"losses": single(model.losses(x)[0]), "usual": float(usual)}
    C = model.space.classes
    losses = model.losses(x.expand(C, -1, -1), torch.arange(C, device=model.device))
    log_prior = torch.bincount(data.y.to(model.device), minlength=C).log()
    bayes = (log_prior - losses.cumsum(1).T).softmax(-1)
    alike = test[data.test_y == int(y)][:USUAL].to(model.device)
    usual = model.losses(alike, y.expand(len(alike))).sum(1).mean()
    return answer | {"losses": single(losses[int(y)]), "bayes": single(bayes), "usual": float(usual)}


# --- what is asked for -----------------------------------------------------------------------------------


def asked(model: Writer, n: int, label: Any, drawn: Any, text: Any) -> Tensor | None:
    """The label or the text, n times. Raises `Refused`."""
    if not isinstance(model.space, Script):
        return labels_of(model, label, n)
    return texts(model, drawn, text).expand(n, -1)


def texts(model: Writer, *words: Any) -> Tensor:
    """Words that follow one another as one text (1, U) of whole numbers. Raises `Refused`."""
    assert isinstance(model.space, Script)
    if not all(isinstance(word, str) for word in words):
        raise Refused("What is to be written is text.")
    return model.space.coded(["".join(words)]).to(model.device)


def begun(model: Writer, data: Dataset, strokes: Any, label: Any, drawn: Any) -> Tensor | None:
    """The first steps (t, 3), as a hand has drawn them; None if it has drawn nothing. Raises `Refused`."""
    if strokes is None:
        return None
    if isinstance(model.space, Script):
        if not drawn:
            raise Refused("Say what you wrote: the net must know which letters are there already.")
        return as_script(model, strokes)
    path = np.concatenate(looked_at(drawing(strokes)))
    y = labels_of(model, label, 1)
    pace = float(paces(model, data)[0 if y is None else int(y)])
    length = np.hypot(*np.diff(path, axis=0).T).sum()
    k = int(np.clip(round(length / pace) + 1, 2, model.space.shape[0] - 1))
    return model.steps(torch.from_numpy(spaced(path, k)).to(**model.like)[None])[0]


def as_script(model: Writer, strokes: Any) -> Tensor:
    """A drawing as steps (t, 3). Raises `Refused` for one that leaves no step to the model."""
    strokes, T = drawing(strokes), model.space.shape[0]
    steps = as_steps(strokes, 1.0)
    steps[0, 1] += min(y for stroke in strokes for _, y in stroke)  # it was drawn on the line of the sheet
    if len(steps) >= T:
        raise Refused(f"This writing has {len(steps)} steps of the pen, and the net writes {T}; write less.")
    return steps.to(**model.like)


def drawing(strokes: Any) -> list[list[tuple[float, float]]]:
    """Strokes as they came. Raises `Refused` for anything else."""
    fine = isinstance(strokes, list) and all(isinstance(stroke, list) for stroke in strokes)
    if not fine or not all(isinstance(at, list) and len(at) == 2 for stroke in strokes for at in stroke):
        raise Refused("A drawing is a list of strokes, and a stroke a list of places [x, y].")
    looked_at(strokes)
    return [[(float(x), float(y)) for x, y in stroke] for stroke in strokes if stroke]


def paces(model: Writer, data: Dataset) -> Tensor:
    """The mean length of a step of each label, (labels,), or of all digits, (1,)."""
    far = data.x.diff(dim=1).norm(dim=-1).mean(1).cpu()
    if not model.conditional or data.y is None:
        return far.mean()[None]
    told = one_hot(data.y.cpu(), model.space.classes).to(far.dtype)
    return far @ told / told.sum(0)


# --- what is answered ------------------------------------------------------------------------------------


def told(steps: list[Drawn]) -> Answer:
    """The arrays of `write` for some steps that follow one another."""
    new = steps[-1].steps[:, -len(steps) :]
    p = Mixture(*(torch.stack(part, 1) for part in zip(*(now.p for now in steps), strict=True)))
    e = torch.stack([now.e for now in steps], 1)
    loss = -p.log_prob(new[..., :2]) + binary_cross_entropy(e, new[..., 2], reduction="none")
    mixture = torch.cat([p.pi[..., None], p.mu, p.sigma, p.rho[..., None]], -1)
    answer = {"steps": single(new), "mixture": single(mixture), "lift": single(e), "loss": single(loss)}
    if steps[-1].phi is None:
        return answer
    return answer | {"phi": single(torch.stack([now.phi for now in steps if now.phi is not None], 1))}


def ended_at(steps: Tensor) -> list[int]:
    """How many of the steps (n, t, 3) come before the end of each, where only zeros follow."""
    some = (steps != 0).any(-1)
    return (some.shape[1] - some.flip(1).int().argmax(1)).tolist()
