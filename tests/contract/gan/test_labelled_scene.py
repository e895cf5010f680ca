"""The scene of a game with labels: each thing that is drawn is of its own label."""

import numpy as np
import pytest
import torch

from engine import data as datasets
from engine.gan.cgan import CGAN
from engine.gan.losses import LOSSES
from lab import scenes
from lab.gan.gan_scene import ARROWS, CELLS, NODES_OF_MESH
from lab.scenes.grid import lattice, plane_of_noise

RING, DIGITS = datasets.load("ring"), datasets.load("digits")
EACH = 63  # points of a label


def cgan(data, **values) -> CGAN:
    torch.manual_seed(0)
    return CGAN(CGAN.configure(data.space, {"width_G": 16, "width_D": 16} | values), data.space)


def look_at(label: int) -> dict:
    return {"label": {"x": float(label), "y": 0.0}}


def hot(model: CGAN, y) -> torch.Tensor:
    return torch.eye(model.space.classes)[torch.as_tensor(y)]


def drawn(model: CGAN, z: torch.Tensor, y) -> np.ndarray:
    return model.net(torch.cat([z, hot(model, y)], 1)).detach().numpy()


def scored(model: CGAN, x: torch.Tensor, y) -> torch.Tensor:
    return model.D.net(torch.cat([x, hot(model, y)], 1))[:, 0]


def floats(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype("float32"))


def test_all_labels_have_their_fakes_from_the_same_noise():
    model = cgan(RING)
    scene = scenes.draw(model, RING)
    z, y = floats(scene["latent/fake"]), np.repeat(np.arange(8), EACH)
    assert (z.reshape(8, EACH, 2) == z[:EACH]).all()
    assert len(z[:EACH].unique(dim=0)) == EACH, "no noise comes twice within a label"
    np.testing.assert_allclose(scene["points/fake"], drawn(model, z, y), atol=3e-3)
    fake = scored(model, floats(scene["points/fake"]), y).sigmoid()
    np.testing.assert_allclose(scene["belief/fake"], fake.detach(), atol=3e-3)
    x, labels = RING.some(128)
    np.testing.assert_allclose(scene["belief/real"], scored(model, x, labels).sigmoid().detach(), atol=3e-3)
    assert (scene["field/discriminator"] == 128).all(), "without a label there is no belief"
    assert scene["mesh/generator"].size == 0, "and no plane of z"
    assert len(scene["points/real"]) == 500


@pytest.mark.parametrize("label", [None, 5])
def test_an_arrow_points_where_the_loss_of_g_falls_for_the_fakes_own_label(label):
    model = cgan(RING)
    scene = scenes.draw(model, RING, pointer=None if label is None else look_at(label))
    x, way = floats(scene["arrows/gradient"]).split(2, 1)
    fakes = floats(scene["points/fake"])
    at = [int((fakes == one).all(1).nonzero()[0]) for one in x]
    y = [i // EACH for i in at] if label is None else [label] * len(at)
    assert len(x) <= ARROWS
    assert {*y} == ({*range(8)} if label is None else {label})
    x.requires_grad_()
    (slope,) = torch.autograd.grad(LOSSES["non-saturating"].G(scored(model, x, y)).sum(), x)
    cosine = -torch.nn.functional.cosine_similarity(slope, way)
    assert cosine.min() > 0.999
    assert scene["number/mean gradient at a fake"] == pytest.approx(slope.norm(dim=1).mean().item(), rel=0.01)


@pytest.mark.parametrize("z", [1, 2, 5])
def test_the_label_that_is_looked_at_has_its_fakes_its_data_its_belief_and_its_plane_of_z(z):
    model, label = cgan(RING, z=z), 5
    scene = scenes.draw(model, RING, pointer=look_at(label))
    of_label = [label] * EACH
    np.testing.assert_allclose(
        scene["points/fake"], drawn(model, floats(scene["latent/fake"]), of_label), atol=3e-3
    )
    grid = lattice(RING.box, CELLS)
    belief = scored(model, grid, [label] * len(grid)).sigmoid().detach().reshape(CELLS, CELLS)
    assert abs(scene["field/discriminator"] / 255 - belief.numpy()).max() < 0.003
    nodes = plane_of_noise(z, "Gaussian", torch.device("cpu"), NODES_OF_MESH, 201)[0]
    by_hand = drawn(model, nodes.flatten(0, 1), [label] * (nodes.shape[0] * nodes.shape[1]))
    np.testing.assert_allclose(scene["mesh/generator"], by_hand.reshape(*nodes.shape[:2], 2), atol=3e-3)
    assert scene["origin/generator"].shape == scene["mesh/generator"].shape
    own = RING.x[RING.y == label][:500].numpy().astype(np.float16)
    assert (scene["points/real"] == own).all()


@pytest.mark.parametrize("label", [-1, 8, 1e6])
def test_a_label_that_is_none_shows_all(label):
    model = cgan(RING)
    shown, usual = (scenes.draw(model, RING, pointer=p) for p in ({"label": {"x": label, "y": 0}}, None))
    assert all((shown[name] == usual[name]).all() for name in usual)


def test_pictures_have_a_row_for_each_label_and_a_column_for_each_z():
    model = cgan(DIGITS)
    scene = scenes.draw(model, DIGITS, pointer=look_at(3))
    z, y = floats(scene["latent/fake"]), np.repeat(np.arange(10), 10)
    assert (z.reshape(10, 10, -1) == z[:10]).all()
    pictures = (drawn(model, z, y)[:, 0] + 1) * 127.5
    assert abs(scene["images/samples"] - pictures).max() < 2
    x = torch.from_numpy(drawn(model, z, y)).flatten(1)
    np.testing.assert_allclose(scene["score/samples"], scored(model, x, y).sigmoid().detach(), atol=3e-3)


def test_a_game_with_labels_on_a_line_shows_its_density():
    data = datasets.load("two-bumps")
    model = cgan(data, z=1)
    scene = scenes.draw(model, data)
    assert scene["line/model density"].shape == scene["line/truth density"].shape
    assert "line/discriminator" not in scene
