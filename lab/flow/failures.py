"""The gallery of flows: settings that fail for certain, and their cures."""

from __future__ import annotations

from lab.kit.subject import Cure, Failure

FLOW_FAILURES = [
    Failure(
        "Too few layers",
        "Bridges",
        "Two layers that scale and shift cannot even begin to divide the single blob of the base into eight "
        "groups: broad bridges stay between them, and the loss stays a whole nat above the entropy.",
        "ring",
        {"layers": 2},
        1024,
        [
            Cure(
                "Four layers of splines",
                {},
                "A curve can be steep between two groups and flat within them, so bridges become thin",
                family="spline-flow",
            ),
            Cure(
                "Eight layers",
                {"layers": 8},
                "The bridges become thinner, but scaling and shifting cannot remove them",
                False,
            ),
        ],
        family="real-nvp",
    ),
    Failure(
        "Wrong base",
        "Bridges",
        "Even eight layers leave bridges: the ring has eight pieces and the normal base one. A map that "
        "tears nothing cannot turn one piece into eight.",
        "ring",
        {},
        1024,
        [
            Cure(
                "A mixture of eight as the base",
                {"base": "mixture"},
                "The base already has several pieces, so the layers need not tear anything; in this time it "
                "works for two of three seeds",
            ),
        ],
        family="real-nvp",
    ),
    Failure(
        "No permutation",
        "Frozen half",
        "All eight layers keep the same number of x and change the other. So z₁ = x₁ exactly, and the model "
        "gives x₁ of the moons the density N(0, 1), a bell: half of the plane is frozen.",
        "moons",
        {"order": "none"},
        512,
        [
            Cure(
                "Swap the roles at every layer",
                {"order": "alternate"},
                "Each number now depends on the other, and both are changed",
            ),
        ],
        family="real-nvp",
    ),
    Failure(
        "Scaling and shifting a checkerboard",
        "",
        "Layers that scale and shift smear sharp edges and empty squares. They stay twice as far above the "
        "entropy as layers with curves.",
        "checkerboard",
        {},
        320,
        [
            Cure(
                "Splines", {}, "A curve may be flat over a square and steep at its edge", family="spline-flow"
            )
        ],
        family="real-nvp",
    ),
]

GREY = Failure(
    "No noise between the levels",
    "Spikes on grey levels",
    "Bytes are whole numbers, and a density may be as high as it likes on them. The bits per dimension fall "
    "far below those of any honest model, on test pictures too, and would fall for ever. Between the bytes "
    "there is hardly any density.",
    "digits-7",
    {"dequantize": False, "layers": 3, "width": 128, "batch": 64},
    384,
    [
        Cure(
            "Noise between the levels",
            {"dequantize": True},
            "The density of v + u, with fresh u, is spread over the whole level, so it says how likely v is",
        ),
    ],
    family="maf",
)
