"""Laws of the stack: N models trained as one are the N models that single runs would train."""

import copy
import itertools

import pytest
import torch

from engine.adam import Adam
from engine.config import Refused
from engine.data import load
from engine.family import Family
from engine.fit import fit, optimizers_of, retune
from engine.gan.cgan import CGAN
from engine.gan.gan import GAN
from engine.stack import StackedOptimizer, batch_of, check_stackable, stack

pytestmark = pytest.mark.usefixtures("double")

RING = load("ring")
SMALL = {"width_G": 8, "width_D": 8, "depth_G": 2, "depth_D": 2, "batch": 12, "z": 2}
ROUNDS = 30
SETTINGS = {
    "default": ({}, [{}, {}], [0, 0]),
    "learning rates": (
        {},
        [{"lr_D": 1e-3, "lr_G": 1e-2}, {"lr_D": 1e-2, "lr_G": 1e-4}, {"beta1": 0.9, "beta2": 0.9}],
        [3, 3, 3],
    ),
    "seeds": ({}, [{}, {}, {}], [5, 1, 5]),
    "three turns of D": ({"k": 3}, [{"lr_D": 1e-2}, {}], [0, 4]),
    "WGAN-GP": (
        {"loss": "Wasserstein", "penalty": "gradient penalty"},
        [{"weight": 0.1}, {"weight": 10.0}],
        [0, 1],
    ),
    "R1, packing, smoothing": (
        {"penalty": "R1", "diversity": "packing"},
        [{"weight": 0.1}, {"smooth": 0.2}],
        [2, 2],
    ),
    "hinge, spectral": ({"loss": "hinge", "spectral": True}, [{"lr_G": 1e-2}, {}], [0, 1]),
    "minibatch std, noise": ({"diversity": "minibatch std", "noise_x": 0.3}, [{}, {"lr_D": 1e-2}], [0, 1]),
    "unrolling": ({"diversity": "unrolling"}, [{"lr_D": 1e-2}, {}], [0, 0]),
    "clipping, plain descent": (
        {"loss": "Wasserstein", "penalty": "weight clipping", "optimizer_D": "SGD", "optimizer_G": "SGD"},
        [{"lr_D": 0.1}, {"lr_G": 0.3}],
        [0, 1],
    ),
}


def setting(name: str) -> tuple[list, list[int]]:
    base, own, seeds = SETTINGS[name]
    return [GAN.configure(RING.space, SMALL | base | values) for values in own], seeds


def single(config, seed: int, rounds: int = ROUNDS) -> tuple[Family, list]:
    """A model trained alone, and the terms of each of its turns."""
    torch.manual_seed(seed)
    model = GAN(config, RING.space)
    batches = (RING.batch(config.batch, seed, round) for round in range(rounds))
    return model, [turn.terms for turn in fit(model, batches)]


def together(model: Family, optimizers: dict, rounds: range) -> list:
    batches = (batch_of(RING, model.config.batch, model.seeds, round) for round in rounds)
    return [turn.terms for turn in fit(model, batches, optimizers)]


def tensors(model: Family) -> dict:
    return dict([*model.named_parameters(), *model.named_buffers()])


def apart(one: dict, other: dict) -> float:
    assert one.keys() == other.keys()
    return max((one[name] - other[name]).abs().max().item() for name in one)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_stack_trains_each_member_as_a_run_of_its_own_would(name):
    configs, seeds = setting(name)
    stacked = stack(GAN, configs, RING.space, seeds)
    terms = together(stacked, optimizers_of(stacked), range(ROUNDS))
    for i, (config, seed) in enumerate(zip(configs, seeds, strict=True)):
        alone, alone_terms = single(config, seed)
        assert apart({k: t[i] for k, t in tensors(stacked).items()}, tensors(alone)) < 1e-9
        assert len(terms) == len(alone_terms) == ROUNDS * (configs[0].k + 1)
        for ours, theirs in zip(terms, alone_terms, strict=True):
            # a term is named after its smoothing where any member has some
            pairs = zip(ours.values(), theirs.values(), strict=True)
            assert max((t[i] - own).abs().item() for t, own in pairs) < 1e-8


def test_a_stack_of_conditional_gans_is_exact_too():
    """Each labelled family with `stacked` methods keeps the same promise."""
    configs = [CGAN.configure(RING.space, SMALL | {"lr_D": lr}) for lr in (1e-3, 1e-2)]
    stacked = stack(CGAN, configs, RING.space, [0, 1])
    together(stacked, optimizers_of(stacked), range(ROUNDS))
    for i, config in enumerate(configs):
        torch.manual_seed(i)
        alone = CGAN(config, RING.space)
        list(fit(alone, [RING.batch(config.batch, i, round) for round in range(ROUNDS)]))
        assert apart({k: t[i] for k, t in tensors(stacked).items()}, tensors(alone)) < 1e-9


def test_members_differ_where_their_settings_do():
    """So that the law above cannot hold because nothing moved."""
    configs, seeds = setting("learning rates")
    stacked = stack(GAN, configs, RING.space, seeds)
    together(stacked, optimizers_of(stacked), range(ROUNDS))
    for weight in stacked.parameters():
        assert all((weight[i] - weight[j]).abs().max().item() > 1e-5 for i, j in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.parametrize("name", ["seeds", "learning rates", "hinge, spectral"])
def test_a_stack_that_is_stored_and_loaded_goes_on_exactly(name):
    configs, seeds = setting(name)
    whole, part, fresh = (stack(GAN, configs, RING.space, seeds) for _ in range(3))
    together(whole, optimizers_of(whole), range(20))
    optimizers, again = optimizers_of(part), optimizers_of(fresh)
    together(part, optimizers, range(9))
    kept = {k: t.clone() for k, t in part.state_dict().items()}
    fresh.load_state_dict(kept)
    for player, optimizer in optimizers.items():
        again[player].load_state_dict(copy.deepcopy(optimizer.state_dict()))
    together(part, optimizers, range(9, 13))  # it must not move what was stored
    together(fresh, again, range(9, 20))
    assert all(torch.equal(one, other) for one, other in zip(*map(list_of, (whole, fresh)), strict=True))


def list_of(model: Family) -> list:
    return [*tensors(model).values(), model.get_extra_state()]


def test_drawing_noise_leaves_the_streams_of_others_alone():
    configs, _ = setting("seeds")
    stacked = stack(GAN, configs, RING.space, [5, 1, 5])
    torch.manual_seed(9)
    before = torch.get_rng_state()
    stacked.get_extra_state()
    assert torch.equal(torch.get_rng_state(), before)
    z = stacked.p_z(4)
    assert torch.equal(torch.get_rng_state(), before)
    assert z.shape == (3, 4, 2)
    assert torch.equal(z[0], z[2])
    assert not torch.equal(z[0], z[1])


def test_a_live_knob_is_set_for_all_members_and_swept_ones_keep_their_own():
    configs, seeds = setting("learning rates")
    stacked = stack(GAN, configs, RING.space, seeds)
    optimizers = optimizers_of(stacked)
    together(stacked, optimizers, range(3))
    retune(stacked, optimizers, stacked.config.change({"k": 2, "lr_G": 0.5, "penalty": "R1"}))
    assert optimizers["D"].param_groups[0]["lr"].tolist() == [c.lr_D for c in configs]
    assert optimizers["G"].param_groups[0]["lr"].tolist() == [c.lr_G for c in configs]  # swept: not 0.5
    made = together(stacked, optimizers, range(3, 4))
    assert len(made) == 3
    assert "λ E[|∇D(x)|²]/2" in made[0]


@pytest.mark.parametrize("name", ["three turns of D", "default"])  # where a knob is swept, and where none is
@pytest.mark.parametrize(
    "change",
    [
        {"lr_G": 0.02, "beta1": 0.1, "beta2": 0.5}, {"loss": "Wasserstein", "penalty": "R1", "weight": 3.0},
        {"loss": "hinge", "noise_x": 0.2}, {"smooth": 0.3, "k": 2},
        {"penalty": "weight clipping", "clip": 0.02},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_live_knob_that_is_not_swept_reaches_every_members_steps(change, name):
    configs, seeds = setting(name)
    stacked = stack(GAN, configs, RING.space, seeds)
    optimizers = optimizers_of(stacked)
    retune(stacked, optimizers, stacked.config.change(change))
    together(stacked, optimizers, range(ROUNDS))
    for i, (config, seed) in enumerate(zip(configs, seeds, strict=True)):
        alone, _ = single(config.change(change), seed)
        assert apart({k: t[i] for k, t in tensors(stacked).items()}, tensors(alone)) < 1e-9


def test_a_member_that_is_not_a_number_leaves_the_others_alone():
    configs, seeds = setting("hinge, spectral")
    well, ill = (stack(GAN, configs, RING.space, seeds) for _ in range(2))
    with torch.no_grad():
        next(ill.G.parameters())[0] = torch.nan
    for model in (well, ill):
        together(model, optimizers_of(model), range(10))
    for one, other in zip(well.parameters(), ill.parameters(), strict=True):
        assert torch.equal(one[1], other[1])
    assert not any(torch.isfinite(weight[0]).any() for weight in ill.G.parameters())


@pytest.mark.parametrize("knob", sorted(set(GAN.Config.model_fields) - set(GAN.stackable)))
def test_a_knob_that_may_not_differ_is_refused_by_its_name(knob):
    declared = GAN.Config.knobs()[knob]
    configs = [GAN.configure(RING.space, {knob: end}) for end in declared.ends()[:2]]
    with pytest.raises(Refused, match=rf"^{knob} cannot differ within a wall\..*lr_D, lr_G"):
        check_stackable(GAN, configs)


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(GAN.stackable, 2)])
def test_every_pair_of_knobs_that_may_differ_can(one, other):
    knobs = GAN.Config.knobs()
    more = {"penalty": "R1"}
    ends = itertools.product(knobs[one].ends(), knobs[other].ends())
    configs = [GAN.configure(RING.space, SMALL | more | {one: a, other: b}) for a, b in ends]
    stacked = stack(GAN, configs, RING.space, [0] * 4)
    terms = together(stacked, optimizers_of(stacked), range(2))
    assert all(term.shape == (4,) for turn in terms for term in turn.values())


def test_a_family_that_cannot_be_stacked_says_so():
    class Other(GAN):
        title, stacked = "Another model", ()

    with pytest.raises(Refused, match="Another model cannot be trained as a wall yet"):
        check_stackable(Other, [])


def test_methods_named_as_stacked_and_samples_work_on_all_members():
    configs, seeds = setting("WGAN-GP")
    stacked = stack(GAN, configs, RING.space, seeds)
    x = stacked.sample(7)
    assert x.shape == (2, 7, 2)
    assert stacked.belief(x).shape == (2, 7)
    alone, _ = single(configs[1], seeds[1], 0)
    torch.manual_seed(3)
    mine = alone.sample(7)
    torch.manual_seed(3)
    torch.testing.assert_close(stacked.sample(7)[1], mine)


def test_a_stack_of_one_is_that_one_and_each_config_needs_a_seed():
    (config, *_), _ = setting("learning rates")
    stacked = stack(GAN, [config], RING.space, [7])
    assert (stacked.members, stacked.seeds, stacked.config) == (1, [7], config)
    together(stacked, optimizers_of(stacked), range(3))
    alone, _ = single(config, 7, 3)
    assert apart({k: t[0] for k, t in tensors(stacked).items()}, tensors(alone)) < 1e-9
    for seeds in ([], [0, 1]):
        with pytest.raises(ValueError, match="zip"):
            stack(GAN, [config], RING.space, seeds)


def test_the_weights_of_a_stack_are_leaves_and_its_members_keep_theirs():
    configs, seeds = setting("hinge, spectral")
    stacked = stack(GAN, configs, RING.space, seeds)
    assert all(weight.is_leaf and weight.requires_grad for weight in stacked.parameters())
    assert not any(buffer.requires_grad for buffer in stacked.buffers())


def test_a_stack_samples_with_the_labels_that_it_is_given():
    configs = [CGAN.configure(RING.space, SMALL | {"lr_D": lr}) for lr in (1e-3, 1e-2)]
    stacked, y = stack(CGAN, configs, RING.space, [0, 1]), torch.tensor([3, 3, 0, 7])
    for labels in (y, None):
        torch.manual_seed(3)
        x = stacked.sample(4, labels)
        for i, config in enumerate(configs):
            torch.manual_seed(i)
            alone = CGAN(config, RING.space)
            torch.manual_seed(3)
            torch.testing.assert_close(x[i], alone.sample(4, labels))


def test_noise_of_another_number_of_seeds_is_not_taken():
    configs, seeds = setting("learning rates")
    with pytest.raises(ValueError, match="zip"):
        stack(GAN, configs, RING.space, seeds).set_extra_state(torch.zeros(2, 5056, dtype=torch.uint8))


@pytest.mark.parametrize(
    "kinds", [[Adam, torch.optim.SGD], *([kind] * 2 for kind in (torch.optim.RMSprop, torch.optim.AdamW))]
)
def test_members_with_other_optimizers_are_refused(kinds):
    weights = [torch.nn.Parameter(torch.ones(3)) for _ in kinds]
    singles = [kind([weight], lr=0.1) for kind, weight in zip(kinds, weights, strict=True)]
    with pytest.raises(Refused, match="need the same optimizer, Adam or SGD"):
        StackedOptimizer([torch.nn.Parameter(torch.ones(2, 3))], singles)


def test_so_are_members_with_none():
    class Still(GAN):
        def optimizer(self, player):
            return None

    configs, seeds = setting("default")
    with pytest.raises(Refused, match="need the same optimizer, Adam or SGD"):
        stack(Still, configs, RING.space, seeds).optimizer("D")


@pytest.mark.parametrize("shapes", [[(3,), (2, 2), (5,)], [(4,)]], ids=["many", "one"])
@pytest.mark.parametrize("kind", [Adam, torch.optim.SGD])
def test_a_stacked_step_is_that_of_torch_and_a_weight_without_a_gradient_stays(kind, shapes):
    rates = [0.1, 0.003]
    alone = [[torch.nn.Parameter(torch.randn(shape)) for shape in shapes] for _ in rates]
    singles = [kind(weights, lr=rate) for weights, rate in zip(alone, rates, strict=True)]
    weights = [torch.nn.Parameter(torch.stack([*one]).detach().clone()) for one in zip(*alone, strict=True)]
    optimizer = StackedOptimizer(weights, singles)
    for _ in range(4):
        for j in range(len(shapes[:2])):
            weights[j].grad = torch.randn_like(weights[j])
            for i, one in enumerate(alone):
                one[j].grad = weights[j].grad[i].clone()
        optimizer.step()
        [single.step() for single in singles]
    for j, weight in enumerate(weights):
        for i, one in enumerate(alone):
            torch.testing.assert_close(weight[i], one[j], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_another_batch_of_a_stack_is_the_other_batches_of_its_members(name):
    data, seeds = load(name), [5, 1, 5]
    batch = batch_of(data, 6, seeds, 3)
    for draw in range(3):
        assert batch.round == 3
        for i, seed in enumerate(seeds):
            one = data.batch(6, seed, 3, draw)
            assert torch.equal(batch.x[i], one.x)
            assert (batch.y is None) == (one.y is None)
            assert one.y is None or torch.equal(batch.y[i], one.y)
        batch = batch.again()
