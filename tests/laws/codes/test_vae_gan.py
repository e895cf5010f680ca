"""Laws of the VAE-GAN (Larsen et al., 2016): algorithm 1 by hand, and what each knob does."""

import itertools

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from engine.codes.vae_gan import VAEGAN
from engine.config import Refused
from engine.family import Batch
from engine.fit import retune
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")

M, Z = 6, 3
SETTINGS = {
    "default": {},
    "weights": {"beta": 3.0, "gamma": 5.0, "weight": 7.0},
    "other weights": {"beta": 0.2, "gamma": 0.3, "weight": 0.4},
    "nothing weighs": {"beta": 0.0, "gamma": 0.0, "weight": 0.0},
    "tanh": {"activation": "tanh", "depth": 1, "gamma": 2.0, "weight": 2.0},
    "linear": {"activation": "linear", "beta": 2.0},
}
SHAPES = [(2,), (1, 4, 4)]
TERMS = {
    "Enc": ["β KL[q(z|x) || p(z)]", "L_like"],
    "Dec": ["γ L_like", "-E[log Dis(x~)]"],
    "Dis": ["-E[log Dis(x)]", "-E[log(1 - Dis(x~))]", "λ E[|∇Dis(x)|²]/2"],
}


def again() -> Batch:
    pytest.fail("a round asks for another batch")


def built(shape: tuple = (2,), **knobs) -> VAEGAN:
    space = Space.of(shape)
    return VAEGAN(VAEGAN.configure(space, {"z": Z, "width": 5} | knobs), space)


def layered(module: torch.nn.Module, h: Tensor, act: str) -> Tensor:
    """The linear layers of a module in turn, with the activation between them."""
    layers = [layer for layer in module.modules() if isinstance(layer, torch.nn.Linear)]
    for layer in layers[:-1]:
        h = h @ layer.weight.T + layer.bias
        if act != "linear":
            h = h.tanh() if act == "tanh" else torch.where(h > 0, h, 0.2 * h)
    return h @ layers[-1].weight.T + layers[-1].bias


class ByHand:
    """The three players of a model, and algorithm 1 with them."""

    def __init__(self, model: VAEGAN, x: Tensor) -> None:
        self.model, self.c, self.x = model, model.config, x.flatten(1)
        self.range = torch.tanh if x.dim() > 2 else lambda out: out

    def q(self) -> tuple[Tensor, Tensor]:
        mean, log_variance = layered(self.model.Enc, self.x, self.c.activation).chunk(2, 1)
        return mean, (log_variance / 2).exp()

    def Dec(self, z: Tensor) -> Tensor:
        return self.range(layered(self.model.Dec, z, self.c.activation))

    def Dis_l(self, x: Tensor) -> Tensor:
        h = layered(self.model.Dis.layers, x, self.c.activation)
        return torch.where(h > 0, h, 0.2 * h)

    def Dis(self, x: Tensor) -> Tensor:
        last = self.model.Dis.last
        return torch.sigmoid(self.Dis_l(x) @ last.weight[0] + last.bias)

    def L_like(self, restored: Tensor) -> Tensor:
        return sum(
            ((a - b) ** 2).sum() for a, b in zip(self.Dis_l(self.x), self.Dis_l(restored), strict=True)
        ) / (2 * len(self.x))

    def terms(self, player: str, eps: Tensor, z_p: Tensor) -> list[Tensor]:
        """What the player descends, with the present weights of all."""
        mean, deviation = self.q()
        restored, sampled = self.Dec(mean + deviation * eps), self.Dec(z_p)
        if player == "Enc":
            q = Independent(Normal(mean, deviation), 1)
            p = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
            return [self.c.beta * kl_divergence(q, p).mean(), self.L_like(restored)]
        on_fakes = [self.Dis(restored), self.Dis(sampled)]  # each kind weighs a half
        if player == "Dec":
            fool = sum(-D.log().mean() for D in on_fakes) / 2
            return [self.c.gamma * self.L_like(restored), fool]
        at = self.x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(self.Dis(at).logit().sum(), at, create_graph=True)
        return [
            -self.Dis(self.x).log().mean(),
            sum(-(1 - D).log().mean() for D in on_fakes) / 2,
            self.c.weight * (slope**2).sum(1).mean() / 2,
        ]


CASES = [*itertools.product(SETTINGS, SHAPES, [M]), ("default", SHAPES[0], 1), ("weights", SHAPES[1], 5)]


@pytest.mark.parametrize(("name", "shape", "m"), CASES)
def test_the_terms_of_every_turn_and_their_gradients_are_those_of_algorithm_1(name, shape, m):
    """With one noise for all three players, and weights that change after each turn; of any number of x."""
    model = built(shape, **SETTINGS[name])
    x = torch.randn(m, *shape)
    by_hand = ByHand(model, x)
    torch.manual_seed(4)
    turns = model.turns(Batch(0, x, None, again))
    seen = []
    for player, terms in turns:
        (who,) = (name for name in model.players if model.player(name) is player)
        if not seen:
            after = torch.get_rng_state()
            torch.manual_seed(4)
            eps, z_p = torch.randn(m, Z), torch.randn(m, Z)
            assert torch.equal(torch.get_rng_state(), after), "no other noise"
        expected = by_hand.terms(who, eps, z_p)
        assert [*terms] == TERMS[who]
        torch.testing.assert_close([*terms.values()], expected, rtol=1e-9, atol=1e-12)
        weights = [*player.parameters()]
        told, paper = (
            torch.autograd.grad(sum(losses), weights, allow_unused=True)
            for losses in (terms.values(), expected)
        )
        for one, other in zip(told, paper, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-11)
        with torch.no_grad():
            for weight in weights:
                weight += 0.3 * torch.randn_like(weight)
        seen.append(who)
    assert seen == ["Enc", "Dec", "Dis"]


@pytest.mark.parametrize("depth", [0, 2])
def test_the_layers_are_as_many_and_as_wide_as_the_knobs_say(depth):
    """The hidden layer of Dis that measures similarity is as wide as the others, whatever dim z is."""
    model, hidden = built((1, 4, 4), depth=depth, width=7), [7] * depth
    sizes = {"Enc": [16, *hidden, 2 * Z], "Dec": [Z, *hidden, 16], "Dis": [16, *hidden, 7, 1]}
    for name, wanted in sizes.items():
        layers = [layer for layer in model.player(name).modules() if isinstance(layer, torch.nn.Linear)]
        assert [(one.in_features, one.out_features) for one in layers] == [*itertools.pairwise(wanted)]
    assert model.Dis.features(torch.randn(M, 1, 4, 4)).shape == (M, 7)


def test_the_three_players_share_no_weight_and_have_all_of_them():
    model = built()
    own = [{*map(id, model.player(name).parameters())} for name in model.players]
    assert own[0] | own[1] | own[2] == {*map(id, model.parameters())}
    assert sum(map(len, own)) == len([*model.parameters()])


@pytest.mark.parametrize("name", ["Enc", "Dec", "Dis"])
def test_each_player_descends_by_adam_with_its_own_rate(name):
    model = built(lr=0.02, lr_D=0.003)
    optimizer = model.optimizer(name)
    (group,) = optimizer.param_groups
    assert isinstance(optimizer, torch.optim.Adam)
    assert group["lr"] == (0.003 if name == "Dis" else 0.02)
    assert group["betas"] == (0.5, 0.999)
    assert {*map(id, group["params"])} == {*map(id, model.player(name).parameters())}


def test_live_knobs_change_what_is_descended_in_the_next_round():
    model, x = built(), torch.randn(M, 2)
    optimizers = {name: model.optimizer(name) for name in model.players}

    def terms(**knobs) -> dict[str, float]:
        retune(model, optimizers, model.config.change(knobs))
        torch.manual_seed(4)
        turns = model.turns(Batch(0, x, None, again))
        return {name: term.item() for _, terms in turns for name, term in terms.items()}

    usual = terms()
    for knob, name in (("beta", TERMS["Enc"][0]), ("gamma", TERMS["Dec"][0]), ("weight", TERMS["Dis"][2])):
        assert terms(**{knob: 2 * getattr(model.config, knob)})[name] == pytest.approx(2 * usual[name])
    terms(lr_D=0.05)
    assert [o.param_groups[0]["lr"] for o in optimizers.values()] == [1e-3, 1e-3, 0.05]


def test_codes_samples_and_restored_examples_are_those_of_the_nets():
    for shape in SHAPES:
        model = built(shape)
        x = torch.randn(M, *shape)
        by_hand = ByHand(model, x)
        mean, deviation = by_hand.q()
        torch.testing.assert_close(model.encode(x), (mean, deviation))
        z = torch.randn(5, Z)
        torch.testing.assert_close(model.decode(z).flatten(1), by_hand.Dec(z))
        torch.testing.assert_close(model.Dis(x), by_hand.Dis(x.flatten(1)).logit())
        torch.manual_seed(2)
        samples = model.sample(5)
        torch.manual_seed(2)
        torch.testing.assert_close(samples, by_hand.Dec(torch.randn(5, Z)).view(5, *shape))
        error = (x.flatten(1) - by_hand.Dec(mean)).square().sum(1).mean().item()
        assert model.evaluate(x)["test error"] == pytest.approx(error)
        alone = [model.evaluate(one[None])["test error"] for one in x]
        assert sum(alone) / M == pytest.approx(error), "the mean over examples, of which there may be one"
        assert model.Dis(x[:1]).shape == (1,)


def test_pictures_begin_with_more_dimensions_and_a_smaller_weight_of_the_prior():
    config = VAEGAN.configure(Space.of((1, 28, 28)))
    assert (config.z, config.width, config.lr, config.lr_D, config.beta) == (10, 256, 4e-4, 4e-4, 0.2)
    assert (config.gamma, config.weight) == (0.1, 1.0)
    assert VAEGAN.configure(Space.of((2,))).beta == 1.0
    with pytest.raises(Refused, match="gamma"):
        VAEGAN.configure(Space.of((2,)), {"gamma": -1})


def test_a_convolutional_model_plays_by_the_same_rules():
    model = built((1, 8, 8), network="convolutional", width=4)
    x = torch.rand(M, 1, 8, 8) * 2 - 1
    torch.manual_seed(4)
    turns = model.turns(Batch(0, x, None, again))
    _, of_Enc = next(turns)
    torch.manual_seed(4)
    eps, z_p = torch.randn(M, Z), torch.randn(M, Z)
    mean, deviation = model.encode(x)
    restored = model.decode(mean + deviation * eps)
    fakes = torch.cat([restored, model.decode(z_p)])
    like = (model.Dis.features(x) - model.Dis.features(restored)).square().sum() / 2 / M
    assert of_Enc["L_like"].item() == pytest.approx(like.item())
    _, of_Dec = next(turns)
    assert of_Dec["-E[log Dis(x~)]"].item() == pytest.approx(-model.Dis(fakes).sigmoid().log().mean().item())
    assert fakes.shape == (2 * M, 1, 8, 8)
    assert fakes.abs().max() <= 1
