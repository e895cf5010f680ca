"""What the GAN's scene sends: names, shapes, and that the numbers beside the picture are true."""

import math

import pytest
import torch

from engine import data as datasets
from engine.gan.gan import GAN
from lab import scenes
from lab.gan.gan_scene import ARROWS
from lab.gan.gan_scene import NODES_OF_MESH as NODES
from lab.scenes.grid import nodes


def gan(data_name, **values):
    data = datasets.load(data_name)
    torch.manual_seed(0)
    return GAN(GAN.configure(data.space, values), data.space), data


@pytest.mark.parametrize("noise", ["Gaussian", "uniform"])
@pytest.mark.parametrize("z", [1, 2, 5])
def test_the_plane_has_a_grid_of_z_and_each_fakes_z(z, noise):
    model, data = gan("ring", z=z, noise=noise)
    scene = scenes.draw(model, data)
    grid, origin = scene["mesh/generator"], scene["origin/generator"]
    assert grid.shape == origin.shape == ((NODES, NODES, 2) if z > 1 else (1, 201, 2))
    assert abs(origin.astype(float)).max() <= max(data.box)
    fakes = model.G(torch.from_numpy(scene["latent/fake"].astype("float32"))).detach()
    assert torch.allclose(fakes, torch.from_numpy(scene["points/fake"].astype("float32")), atol=3e-3)
    static = {"origin/generator", "latent/fake", "points/real"}
    assert set(scene) - set(scenes.draw(model, data, full=False)) == static


def test_nodes_hold_equal_shares_of_the_noise():
    z = nodes(NODES, "Gaussian", torch.device("cpu")).double()
    assert torch.allclose(
        torch.special.ndtr(z).diff(), torch.full((NODES - 1,), 1 / NODES).double(), atol=1e-6
    )


def test_an_arrow_points_where_the_loss_of_g_falls():
    model, data = gan("ring")
    arrows = torch.from_numpy(scenes.draw(model, data)["arrows/gradient"].astype("float32"))
    assert arrows.shape == (ARROWS, 4)
    x, step = arrows.split(2, 1)
    before, after = model.value_to_descend(x), model.value_to_descend(x + 0.01 * step)
    assert (after < before).all()
    lengths = step.norm(dim=1)
    assert float(lengths.quantile(0.95)) == pytest.approx(0.12 * 6, rel=0.01)


class Perfect(GAN):
    """G(z) is distributed exactly as two bumps at -1 and 1, and D = 1/2."""

    def __init__(self, config, space):
        super().__init__(config, space)

        class Bumps(torch.nn.Module):
            def forward(self, z):
                u = torch.special.ndtr(z.double())
                left = u < 2 / 3
                within = torch.where(left, u * 1.5, (u - 2 / 3) * 3).clamp(1e-9, 1 - 1e-9)
                return (torch.where(left, -1.0, 1.0) + 0.4 * torch.special.ndtri(within)).float()

        self.G = Bumps()

    def p_z(self, n):
        return torch.randn(n, 1)

    def belief(self, x, y=None):
        return torch.full_like(x[:, 0], 0.5)


def test_a_perfect_generator_has_no_divergence_and_the_value_minus_log_4():
    data = datasets.load("two-bumps")
    scene = scenes.draw(Perfect(GAN.configure(data.space, {"z": 1}), data.space), data)
    assert scene["number/2 JSD(p, p_g)"] == pytest.approx(0, abs=2e-3)
    assert scene["number/V(D, G)"] == pytest.approx(-math.log(4), abs=2e-3)
    assert scene["number/above −log 4"] == pytest.approx(0, abs=2e-3)


def test_a_generator_far_away_has_the_largest_divergence():
    model, data = gan("two-bumps", z=1)
    with torch.no_grad():
        list(model.G.parameters())[-1].fill_(50.0)  # the last bias
    scene = scenes.draw(model, data)
    assert scene["number/2 JSD(p, p_g)"] == pytest.approx(math.log(4), abs=1e-3)


@pytest.mark.parametrize("z", [1, 2, 8])
def test_the_line_has_links_and_d_below_the_best_d(z):
    model, data = gan("two-bumps", z=z)
    scene = scenes.draw(model, data)
    assert scene["links/generator"].shape[1] == 2
    assert scene["number/above −log 4"] <= scene["number/2 JSD(p, p_g)"] + 1e-4
    for name in ("line/discriminator", "line/best discriminator"):
        assert scene[name][:, 1].min() >= 0
        assert scene[name][:, 1].max() <= data.box[3] + 1e-6


def test_pictures_come_with_their_scores():
    model, data = gan("digits")
    scene = scenes.draw(model, data)
    assert scene["score/samples"].shape == scene["images/samples"].shape[:1]
    assert ((scene["score/samples"] >= 0) & (scene["score/samples"] <= 1)).all()
    assert scene["latent/fake"].shape == (len(scene["score/samples"]), 100)
