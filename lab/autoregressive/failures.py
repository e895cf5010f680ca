"""The gallery of models of pixels: losses that are too good to be true, and what mends them."""

from __future__ import annotations

from lab.kit.subject import Cure, Failure

MADE_LEAK = Failure(
    "The mask ≥ at the output",
    "Sees itself",
    "One sign is wrong: an output may also see the hidden units of its own degree, and these see its own "
    "pixel. The loss falls towards 0 within seconds. The samples are noise, because a pixel that is not yet "
    "drawn cannot be copied.",
    "digits-14",
    {"mask": ">="},
    320,
    [Cure("The strict mask >", {"mask": ">"}, "An output then sees only what comes before its pixel")],
    family="made",
)
PIXELCNN_LEAK = Failure(
    "Mask B in the first layer",
    "Sees itself",
    "Mask B shows the pixel itself. Later layers need it, because their inputs know only earlier pixels. In "
    "the first layer the input is the picture, so the net copies each pixel. The loss falls to 0, and the "
    "pictures that it writes are noise or one colour.",
    "digits-14",
    {"mask": "B"},
    256,
    [Cure("Mask A first", {"mask": "A"}, "The first layer hides the pixel, and all others are B as before")],
    family="pixelcnn",
)
BLIND = Failure(
    "A blind spot",
    "",
    "Stacked 3 × 3 kernels never see the pixels above and to the right of a diagonal, however deep the net "
    "is. Choose a pixel under Write and look: the hatched part of its past cannot reach it.",
    "digits-14",
    {"first": "3"},
    256,
    [Cure("Two stacks", {}, "A vertical stack sees whole rows above, and tells the horizontal one",
          family="gated-pixelcnn")],
    family="pixelcnn",
)  # fmt: skip
PIXELRNN_LEAK = Failure(
    "Both directions in the same row",
    "Sees the future",
    "What comes from the right is added in its own row, and not one row lower. So each pixel is told of the "
    "pixels to its right, which are not drawn yet when a picture is written.",
    "digits-14",
    {"shift": False},
    256,
    [Cure("A row lower", {"shift": True}, "From the row above, everything is known already")],
    family="pixelrnn",
)
WAVENET_LEAK = Failure(
    "Half of the padding on the right",
    "Sees the future",
    "Usual convolutions pad on both sides, so that each output lies in the middle of what it sees. Here that "
    "is half of the future. The loss falls below any honest one, and the sound that the net writes is noise.",
    "voices",
    {"padding": "same"},
    192,
    [
        Cure(
            "All padding on the left",
            {"padding": "causal"},
            "Then the newest sample that is seen is the last",
        )
    ],
    family="wavenet",
)
LEAKS = [MADE_LEAK, PIXELCNN_LEAK, PIXELRNN_LEAK, WAVENET_LEAK]
LIMP = Failure(
    "Squared error instead of a density",
    "Limp mean",
    "A net that is trained by squared error says one place, the mean of all places where the pen may go. At "
    "a fork that is none of them. Without a label this net draws one and the same limp stroke.",
    "pen-digits",
    {"output": "squared error", "conditional": False},
    320,
    [Cure("A mixture", {"output": "mixture"}, "Each way on has a Gaussian of its own, and one is drawn")],
    family="handwriting",
)
SPIKES = Failure(
    "A density of whole numbers",
    "Spikes",
    "The coordinates are whole numbers. A density may be as high as it likes on them, and 0 between them. So "
    "the loss falls below that of any honest model, and says nothing of how well it draws.",
    "pen-digits",
    {"dequantize": False},
    640,
    [
        Cure(
            "Noise as wide as a level",
            {"dequantize": True},
            "Then a level is as wide as its share of the square",
        )
    ],
    family="handwriting",
)
LIMP_WORDS = Failure(
    "Words by squared error",
    "Limp mean",
    "The mean of all steps is a short one to the right. What is written is a line that trembles, whatever "
    "the text.",
    "words",
    {"output": "squared error"},
    96,
    [Cure("A mixture", {"output": "mixture"}, "Each way on has a Gaussian of its own, and one is drawn")],
    family="handwriting-synthesis",
)
HANDS = [LIMP, SPIKES, LIMP_WORDS]
