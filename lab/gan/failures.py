"""The galleries of games, without labels and with them: settings that provably fail, and cures."""

from __future__ import annotations

from lab.kit.subject import Cure, Failure

# fmt: off
FAILURES = [
    Failure(
        "Mode collapse", "Mode collapse",
        "D learns ten times more slowly than G, so G runs with all its fakes to wherever D is fooled at the "
        "moment. Most of the eight groups stay empty.",
        data="ring", knobs={"lr_D": 1e-4}, rounds=1500, family="gan", cures=[
            Cure("Minibatch standard deviation", {"diversity": "minibatch std"},
                 "D sees how spread out the batch is, so it notices at once when all fakes are alike"),
            Cure("Packing", {"diversity": "packing"},
                 "D judges pairs: two fakes close together look wrong even where one alone looks right"),
            Cure("Equal learning rates", {"lr_D": 1e-3}, "D keeps up with G"),
            Cure("R1", {"penalty": "R1", "weight": 0.1}, "It flattens D but does not make it faster", False),
            Cure("Hinge loss with spectral normalization", {"loss": "hinge", "spectral": True},
                 "It bounds D's slope, which was not the problem", False),
        ],
    ),
    Failure(
        "Vanishing gradient", "Vanishing gradient",
        "The game's own loss, and plain gradient descent for G: once D is sure of the fakes, "
        "log(1 − D(G(z))) is flat, G's steps shrink to nothing, and the fakes stand still.",
        data="ring", knobs={"loss": "minimax", "optimizer_G": "SGD", "lr_G": 0.02}, rounds=2400, family="gan",
        cures=[
            Cure("The non-saturating loss", {"loss": "non-saturating"},
                 "−log D(G(z)) is steepest where D is sure of a fake, so the fakes move again; with plain "
                 "descent, though, G goes on losing some groups and finding others", share=1 / 2),
            Cure("Adam for G", {"optimizer_G": "Adam", "lr_G": 1e-3},
                 "It divides by the size of the gradient, whose direction was right all along"),
        ],
    ),
    Failure(
        "Oscillation", "Oscillation",
        "Two bumps on a line and a slow D: all fakes jump to one bump, D learns to doubt it, they jump to "
        "the other, and so on for ever.",
        data="two-bumps", knobs={"lr_D": 1e-4}, rounds=1200, family="gan", cures=[
            Cure("Minibatch standard deviation", {"diversity": "minibatch std"},
                 "D notices a batch in one place wherever that is"),
            Cure("Equal learning rates", {"lr_D": 1e-3}, "D is there when the fakes arrive"),
        ],
    ),
    Failure(
        "D too strong", "D too strong",
        "D learns three hundred times faster than G and has five turns a round: it is always right, and G's "
        "small steps hardly bring the fakes closer.",
        data="ring", knobs={"lr_D": 3e-3, "lr_G": 1e-5, "k": 5}, rounds=900, family="gan", cures=[
            Cure("Equal learning rates, one turn each", {"lr_D": 1e-3, "lr_G": 1e-3, "k": 1},
                 "The two improve together; begun too late, G finds its way only slowly", heals=False),
        ],
    ),
    Failure(
        "D too weak", "D too weak",
        "Plain gradient descent with a small step leaves D almost as it began: it says one half about "
        "everything, and G follows a D that knows nothing.",
        data="ring", knobs={"optimizer_D": "SGD", "lr_D": 1e-3}, rounds=1200, family="gan", cures=[
            Cure("Adam for D", {"optimizer_D": "Adam"}, "The same learning rate goes much further"),
            Cure("A D without hidden layers, with Adam", {"optimizer_D": "Adam", "depth_D": 0},
                 "A linear D sees only where the mean lies", False),
        ],
    ),
]

COLLAPSE, VANISHING, _, STRONG, WEAK = FAILURES
# with labels no group is lost; the other failures remain, and so do their cures
FAILURES_WITH_LABELS = [
    COLLAPSE._replace(
        seen="Without labels, G runs with all its fakes to wherever a slow D is fooled at the moment. Most "
        "of the eight groups stay empty.",
        cures=[
            Cure("Tell both players the label", {"lr_D": 1e-4},
                 "G is asked for every group in turn, and even a slow D doubts a fake in the wrong group",
                 family="cgan"),
        ],
    ),
    *(failure._replace(family="cgan") for failure in (VANISHING, STRONG, WEAK)),
]
