"""The gallery of flows: settings that provably fail, and cures."""

from __future__ import annotations

from lab.kit.subject import Cure, Failure

FEW_LAYERS = Failure(
    "Too few layers",
    "Bridges",
    "Two layers that scale and shift cannot even begin to part the one blob of the base into eight groups: "
    "broad bridges lie between them, and the loss stays a whole nat above the entropy.",
    "ring",
    {"layers": 2},
    1024,
    [
        Cure(
            "Four layers of splines",
            {},
            "A curve can be steep between two groups and flat in them, so bridges become thin",
            family="spline-flow",
        ),
        Cure(
            "Eight layers",
            {"layers": 8},
            "Thinner bridges, but scaling and shifting cannot squeeze them away",
            False,
        ),
    ],
    family="real-nvp",
)


BASE = Failure(
    "Wrong base",
    "Bridges",
    "Eight layers, and still bridges: the ring is eight pieces and the normal base one. A map that tears "
    "nothing cannot make eight of one.",
    "ring",
    {},
    1024,
    [
        Cure(
            "A mixture of eight as the base",
            {"base": "mixture"},
            "The base is in pieces already, and the "
            "layers need not tear anything; for two seeds of three in this time",
        ),
    ],
    family="real-nvp",
)


AFFINE = Failure(
    "Scaling and shifting a checkerboard",
    "",
    "Sharp edges and empty squares: layers that scale and shift smear them, and stay twice as far above the "
    "entropy as layers of curves.",
    "checkerboard",
    {},
    320,
    [
        Cure("Splines", {}, "A curve may be flat over a square and steep at its edge", family="spline-flow"),
    ],
    family="real-nvp",
)


NO_ORDER = Failure(
    "No permutation",
    "Frozen half",
    "In all eight layers the same number of x is kept and the same is changed. So z₁ = x₁ exactly, and the "
    "model takes the moons' x₁ for a bell N(0, 1): half of the plane is frozen.",
    "moons",
    {"order": "none"},
    512,
    [
        Cure(
            "Change the roles at every layer",
            {"order": "alternate"},
            "Each number sees the other one, and each is changed",
        ),
    ],
    family="real-nvp",
)

FLOW_FAILURES = [FEW_LAYERS, BASE, NO_ORDER, AFFINE]
