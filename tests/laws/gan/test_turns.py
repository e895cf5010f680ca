"""Every turn of every game charges what the papers say, for every choice of every knob, and in due order."""

import itertools

import pytest
import torch

from engine.family import Batch
from engine.fit import fit, optimizers_of, retune
from engine.gan.base import TwoPlayers
from engine.gan.cgan import CGAN
from engine.gan.gan import GAN, GANConfig
from engine.space import Space
from tests.laws.gan import by_hand

pytestmark = pytest.mark.usefixtures("double")

LOSSES, PENALTIES, DIVERSITIES = (
    GANConfig.knobs()[name].choices for name in ("loss", "penalty", "diversity")
)
CLASSES, M = 3, by_hand.M
SMALL = {"width_G": 5, "width_D": 7, "depth_G": 1, "depth_D": 2, "lr_D": 0.05, "lr_G": 0.05}
# what changes from case to case, so that each value meets each game
OTHERS = [
    {"weight": 0.3, "smooth": 0.2, "noise_x": 0.4, "k": 2, "clip": 0.2},
    {"weight": 7.0, "smooth": 0.0, "noise_x": 0.0, "k_G": 2, "noise": "uniform", "spectral": True},
    {"weight": 2.0, "smooth": 0.5, "noise_x": 0.1, "k": 3, "k_G": 3, "spectral": True, "clip": 0.05},
]
CASES = [
    (family, {"loss": loss, "penalty": penalty} | more | OTHERS[(i + j) % 3])
    for i, loss in enumerate(LOSSES)
    for j, penalty in enumerate(PENALTIES)
    for family, more in [(CGAN, {}), *((GAN, {"diversity": diversity}) for diversity in DIVERSITIES)]
]


def told(family: type, knobs: dict) -> str:
    return "-".join([family.name, *map(str, knobs.values())])


def built(family: type, knobs: dict, shape: tuple = (2,)):
    space = Space.of(shape, CLASSES)
    return family(family.configure(space, SMALL | {"z": 3} | knobs), space)


def batches(shape: tuple = (2,)) -> list[Batch]:
    """Batches of one round, each with examples of its own: the one after the last is missing."""
    chain: list[Batch] = []
    for i in range(4):
        x = torch.randn(M, *shape) + i
        y = torch.randint(CLASSES, (M,))
        chain.append(Batch(0, x, y, lambda i=i: chain[i + 1]))
    return chain


def seed_of_turn(turn: int) -> None:
    torch.manual_seed(100 + turn)


def by_the_paper(model, batch: Batch, player: str) -> list:
    """The terms of a turn that is about to draw its noise."""
    c = model.config
    x, d = batch.x.flatten(1), batch.x[0].numel()
    z, eps, noise = by_hand.draws(c, M, d, player)
    hot = torch.eye(CLASSES)[batch.y] if model.labelled else None
    G, D = by_hand.net(model.player("G")), by_hand.net(model.D)
    fake = G(z if hot is None else torch.cat([z, hot], 1))
    if len(batch.x.shape) > 2:
        fake = fake.tanh()
    real, fake = x + noise[0], fake + noise[1]
    if player == "D":
        return by_hand.D_turn(D, real, fake, eps, c, hot)
    return by_hand.G_turn(D, real, fake, c, hot)


def check_round(model, shape: tuple = (2,)) -> None:
    """A round by hand: in each turn other noise, and weights that changed after the turn before."""
    c, chain, seen = model.config, batches(shape), []
    turns = model.turns(chain[0])
    for turn in range(c.k + c.k_G):
        seed_of_turn(turn)
        player, terms = next(turns)
        name = "D" if player is model.D else "G"
        seen.append(name)
        batch = chain[turn if name == "D" else c.k - 1]
        seed_of_turn(turn)
        expected = by_the_paper(model, batch, name)
        torch.testing.assert_close([*terms.values()], expected, rtol=1e-9, atol=1e-12)
        weights = [*player.parameters()]
        slopes = torch.autograd.grad(torch.stack([*terms.values()]).sum(), weights, allow_unused=True)
        by_paper = torch.autograd.grad(sum(expected), weights, allow_unused=True)
        for one, other in zip(slopes, by_paper, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-10)
        with torch.no_grad():
            for weight in weights:
                weight += 0.3 * torch.randn_like(weight)
    seed_of_turn(c.k + c.k_G)
    assert next(turns, None) is None
    assert seen == ["D"] * c.k + ["G"] * c.k_G


@pytest.mark.parametrize(("family", "knobs"), CASES, ids=itertools.starmap(told, CASES))
def test_the_terms_of_every_turn_and_their_gradients_are_those_of_the_paper(family, knobs):
    check_round(built(family, knobs))


@pytest.mark.parametrize("family", [GAN, CGAN])
@pytest.mark.parametrize("penalty", ["R1", "gradient penalty"])
def test_pictures_are_played_for_by_the_same_formulas(family, penalty):
    model = built(family, {"penalty": penalty, "noise_x": 0.2}, (1, 3, 4))
    check_round(model, (1, 3, 4))
    assert model.sample(5).shape == (5, 1, 3, 4)


@pytest.mark.parametrize("family", [GAN, CGAN])
def test_each_turn_draws_its_own_noise_from_the_stream(family):
    """Without a new seed for each turn: no noise comes twice."""
    model, chain = built(family, {"k": 3, "k_G": 3, "noise_x": 0.3, "penalty": "gradient penalty"}), batches()
    torch.manual_seed(5)
    seen = [[v.item() for v in terms.values()] for _, terms in model.turns(chain[0])]
    torch.manual_seed(5)
    for turn, values in enumerate(seen):
        name = "D" if turn < 3 else "G"
        expected = by_the_paper(model, chain[min(turn, 2)], name)
        assert values == pytest.approx([v.item() for v in expected])
    assert len({values[-1] for values in seen}) == 6


@pytest.mark.parametrize("family", [GAN, CGAN])
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("spectral", [False, True])
def test_what_follows_a_turn_of_d_bounds_it_and_no_more(family, penalty, spectral):
    model = built(family, {"penalty": penalty, "spectral": spectral, "clip": 0.02, "k": 2, "k_G": 2})
    turns, norms = model.turns(batches()[0]), [m for m in model.D.modules() if hasattr(m, "u")]
    assert len(norms) == (3 if spectral else 0)
    for turn in range(4):
        player, _ = next(turns)
        assert (player is model.D) == (turn < 2)
        with torch.no_grad():
            for weight in player.parameters():
                weight += torch.randn_like(weight)
        before = [w.clone() for w in model.player("G").parameters()]
        D = [w.clone() for w in model.D.parameters()]
        kept = [(n.u.clone(), n.v.clone()) for n in norms]
        if turn < 3:
            next_turns = next(turns)
            turns = itertools.chain([next_turns], turns)
        else:
            assert next(turns, None) is None
        assert all(map(torch.equal, before, model.player("G").parameters())), "G is never bounded"
        c = 0.02 if penalty == "weight clipping" and turn < 2 else float("inf")
        assert all(map(torch.equal, [w.clamp(-c, c) for w in D], model.D.parameters()))
        for norm, (u, v) in zip(norms, kept, strict=True):
            if turn < 2:  # one power iteration
                v = norm.weight.T @ u / (norm.weight.T @ u).norm()
                u = norm.weight @ v / (norm.weight @ v).norm()
            torch.testing.assert_close((norm.u, norm.v), (u, v))


def test_a_round_without_turns_of_g_leaves_g_as_it_is():
    for family in (GAN, CGAN):
        model = built(family, {"k_G": 0, "k": 2})
        before = [w.clone() for w in model.player("G").parameters()]
        assert [turn.player for turn in fit(model, batches()[:1])] == ["D", "D"]
        assert all(map(torch.equal, before, model.player("G").parameters()))


@pytest.mark.parametrize("family", [GAN, CGAN])
@pytest.mark.parametrize("player", ["D", "G"])
def test_each_player_has_the_optimizer_rate_and_memory_of_its_own(family, player):
    knobs = {"lr_D": 0.02, "lr_G": 0.003, "beta1": 0.3, "beta2": 0.7, "optimizer_D": "Adam"}
    own = {"D": 0.02, "G": 0.003}[player]
    model = built(family, knobs | {"optimizer_G": "Adam"})
    optimizer = model.optimizer(player)
    (group,) = optimizer.param_groups
    assert isinstance(optimizer, torch.optim.Adam)
    assert (group["lr"], group["betas"]) == (own, (0.3, 0.7))
    assert {*map(id, group["params"])} == {*map(id, model.player(player).parameters())}
    plain = built(family, knobs | {f"optimizer_{player}": "SGD"})
    assert type(plain.optimizer(player)) is torch.optim.SGD
    (group,) = plain.optimizer(player).param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (own, 0, 0)
    assert {*map(id, group["params"])} == {*map(id, plain.player(player).parameters())}
    other = "G" if player == "D" else "D"
    assert isinstance(plain.optimizer(other), torch.optim.Adam)


@pytest.mark.parametrize("shape", [(1,), (2,), (3, 2, 2)])
def test_the_nets_have_the_layers_that_the_knobs_say(shape):
    size = torch.Size(shape).numel()
    for knobs, extra in (({}, 1), ({"diversity": "packing"}, 2), ({"diversity": "minibatch std"}, 2)):
        small = {"z": 3, "width_G": 5, "width_D": 7, "depth_G": 2, "depth_D": 3}
        model = built(GAN, small | knobs, shape)
        sizes = [by_hand.net(model.player(name)).sizes for name in ("G", "D")]
        assert sizes == [[(5, 3), (5, 5), (size, 5)], [(7, extra * size), (7, 7), (7, 7), (1, 7)]]
    for diversity, spectral in itertools.product(DIVERSITIES, (False, True)):
        model = built(GAN, {"diversity": diversity, "spectral": spectral}, shape)
        norms = {name: by_hand.net(model.player(name)).norms for name in ("G", "D")}
        assert [one is not None for one in norms["D"]] == [spectral] * 3, "with any remedy beside it"
        assert norms["G"] == [None, None]
    if shape != (1,):
        model = built(CGAN, {"z": 3, "depth_G": 0, "depth_D": 0}, shape)
        sizes = [by_hand.net(model.player(name)).sizes for name in ("G", "D")]
        assert sizes == [[(size, 3 + CLASSES)], [(1, size + CLASSES)]]


BASE = {"penalty": "R1", "spectral": False, "k_G": 1}
OTHER = {
    "loss": "hinge", "penalty": "none", "lr_D": 1e-2, "lr_G": 1e-2, "k": 2, "weight": 3.0, "clip": 1e-3,
    "smooth": 0.3, "optimizer_D": "SGD", "optimizer_G": "SGD", "beta1": 0.1, "beta2": 0.1,
    "spectral": True, "noise_x": 0.5, "z": 4, "noise": "uniform", "width_G": 9, "depth_G": 2,
    "width_D": 9, "depth_D": 1, "k_G": 2, "diversity": "packing", "batch": 7,
}  # fmt: skip


def weights(knobs: dict, later: dict | None = None) -> torch.Tensor:
    """After two rounds, from the same seed, of a game with these knobs, of which some are set `later`."""
    torch.manual_seed(0)
    model = built(GAN, BASE | knobs)
    torch.manual_seed(1)
    chain, optimizers = batches(), optimizers_of(model)
    if later:
        retune(model, optimizers, model.config.change(later))
    torch.manual_seed(2)
    for _turn in fit(model, [chain[0], chain[0]], optimizers):
        pass
    return torch.nn.utils.parameters_to_vector(model.parameters())


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other)


@pytest.mark.parametrize("name", OTHER)
def test_a_knob_changes_a_round_and_is_live_if_it_may_be_set_later(name):
    """A knob without effect would leave the weights as they are; a live one has it without a new model."""
    knobs = {"penalty": "weight clipping"} if name == "clip" else {}
    changed = knobs | {name: OTHER[name]}
    assert same(weights(knobs), weights(changed)) == (name == "batch"), "the batch is what comes in"
    try:
        at_once = same(weights(changed), weights(knobs, later={name: OTHER[name]}))
    except RuntimeError:  # its nets are of another size
        at_once = False
    assert at_once == (GANConfig.knobs()[name].live or name == "noise"), "a game keeps its noise"


def test_all_knobs_of_a_game_are_tried():
    assert {*OTHER} == {*GANConfig.knobs()}
    assert {*TwoPlayers.knobs()} < {*GANConfig.knobs()}
