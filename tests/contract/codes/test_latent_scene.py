"""What the scene of families with codes sends: names, shapes, sizes, and that what is shown is true."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load as load_arrays
from torch.distributions import MultivariateNormal

from engine import data as datasets
from engine.codes.base import ACTIVE, ELBO, KL, KL_EACH, LOG_P, RECONSTRUCTION
from engine.codes.pca import principal_directions
from engine.families import find
from lab import scenes
from lab.codes import codes_scene as latent
from lab.codes.plane_scene import plane_of
from lab.runs import store
from lab.runs.run import Run
from lab.scenes.grid import square

SMALL = {"width": 16, "batch": 32}


def coder(family, data_name, **values):
    data = datasets.load(data_name)
    kind = find(family)
    return kind(kind.configure(data.space, values), data.space), data


def trained(tmp_path, data_name="digits", rounds=60, family="vae", **values):
    given = SMALL | values
    run = Run(store.create({"family": family, "data": data_name, "seed": 0, "config": given}, tmp_path))
    run.play()
    run.train(rounds=rounds)
    return run


def everything(model, data, pointer=None):
    rare = scenes.rarely(model, data, pointer=pointer)
    return scenes.draw(model, data, pointer=pointer) | rare | scenes.once(model, data)


def tiles(arrays):
    """The atlas as pictures (rows, columns, H, W), from its bytes."""
    columns, rows, h, w = arrays["atlas/size"].astype(int)
    whole = np.asarray(Image.open(io.BytesIO(arrays["atlas/decoder"].tobytes())).convert("L"))
    return whole.reshape(h, rows, w, columns).transpose(1, 3, 0, 2).astype(float)


def place(box, rows, columns, i, j):
    """The middle of cell (i, j), row 0 at the top."""
    x0, x1, y0, y1 = box
    return [x0 + (x1 - x0) * (j + 0.5) / columns, y1 - (y1 - y0) * (i + 0.5) / rows]


@pytest.mark.parametrize("z", [1, 2, 20])
@pytest.mark.parametrize("family", ["ae", "vae", "pca", "cvae", "vae-gan"])
def test_every_family_with_codes_has_its_plane(family, z):
    model, data = coder(family, "digits", z=z)
    arrays = everything(model, data)
    rows, columns = (latent.SIDE, latent.SIDE) if z > 1 else (1, latent.STRIP)
    assert arrays["codes/test"].shape == (500, 2)
    assert arrays["codes/spread"].shape == (500, 3)
    assert sorted(set(arrays["codes/label"].tolist())) == list(range(10))
    assert arrays["circle/prior"].shape == (3, 4)
    assert arrays["images/samples"].shape == (25, 28, 28)
    assert arrays["atlas/size"].tolist() == [columns, rows, 28, 28]
    assert tiles(arrays).shape == (rows, columns, 28, 28)
    assert np.isnan(arrays["axes/plane"]).tolist() == [False, z == 1, False]
    assert arrays["axes/plane"][2] == z
    x0, x1, y0, y1 = arrays["box/plane"]
    assert x0 < x1
    assert (y0, y1) == (-1, 1) if z == 1 else y1 - y0 == pytest.approx(x1 - x0)
    quick = set(scenes.draw(model, data, full=False))
    assert quick == {"codes/test", "codes/spread", "circle/prior", "images/samples"}
    assert set(scenes.once(model, data)) == {"atlas/tests"}
    assert "atlas/tests" not in scenes.rarely(model, data)


@pytest.mark.parametrize("axes", [None, (-1, -2), (2, 0)])
@pytest.mark.parametrize(("family", "z"), [("vae", 1), ("vae", 2), ("vae", 20), ("ae", 1), ("ae", 20)])
@pytest.mark.exhaustive
def test_a_tile_is_what_is_decoded_at_its_place_in_the_plane(tmp_path, family, z, axes):
    run = trained(tmp_path, family=family, z=z)
    pointer = axes and {"axes": {"x": float(axes[0]), "y": float(axes[1])}}
    arrays = everything(run.model, run.data, pointer)
    seen = tiles(arrays)
    rows, columns = seen.shape[:2]
    with torch.no_grad():
        mu = run.model.encode(run.data.some(latent.CODES, test=True)[0])[0]
        if axes == (-1, -2) and z > 1:
            directions = principal_directions(mu, 2)
        else:
            directions = torch.eye(z)[list(axes if axes and z > 2 else (0, 1))[:z]]
        for i, j in [(0, 0), (0, columns - 1), (rows - 1, 3), (rows // 2, columns // 3)]:
            code = mu.mean(0)
            for at, direction in zip(
                place(arrays["box/plane"], rows, columns, i, j), directions, strict=False
            ):
                code = code + (float(at) - code @ direction) * direction
            said = ((run.model.decode(code[None])[0, 0].clamp(-1, 1) + 1) * 127.5).numpy()
            error = abs(seen - said).mean((2, 3))
            assert error[i, j] < 4
            assert error[i, j] <= error.min() + 1, "another tile is more like it"


def test_codes_and_their_spread_are_those_of_the_posterior_in_the_plane(double):
    torch.manual_seed(0)
    model, data = coder("vae", "ring", z=5)
    x, _ = data.some(latent.CODES, test=True)
    mu, sigma = model.encode(x)
    plane = plane_of(model, mu, {"axes": {"x": -2.0, "y": -1.0}})
    axes = plane.axes
    assert torch.allclose(axes.T @ axes, torch.eye(2), atol=1e-12)
    assert torch.allclose(plane.places(plane.z(torch.tensor([[0.3, -2.0]]))), torch.tensor([[0.3, -2.0]]))
    covariance = axes.T @ torch.diag(sigma[7].square()) @ axes
    wanted = [covariance[0, 0], covariance[0, 1], covariance[1, 1]]
    assert torch.allclose(plane.spread(sigma)[7], torch.stack(wanted), atol=1e-12)
    centred = mu - mu.mean(0)
    variance = torch.linalg.svdvals(centred).square() / len(mu)
    assert torch.allclose((centred @ axes).square().mean(0), variance[:2].flip(0), atol=1e-10)
    assert torch.allclose(plane.z(torch.zeros(1, 2)) @ axes, torch.zeros(1, 2), atol=1e-12)


@pytest.mark.parametrize("asked", [(0, 0), (9, 1), (-3, 0), (math.nan, 0), (math.inf, 1), (0.5, 0.7)])
def test_axes_that_are_none_give_the_first_two_dimensions(asked):
    model, data = coder("vae", "ring", z=3)
    arrays = scenes.rarely(model, data, pointer={"axes": {"x": asked[0], "y": asked[1]}})
    assert arrays["axes/plane"].tolist() == [0, 1, 3]


def test_the_box_holds_codes_and_prior_and_rests_while_they_move_a_little():
    assert square([(-3.0, 3.0), (-3.0, 3.0)]) == ([0, 0], 3)
    seen = {str(square([(-8 + d, 9 + d), (0.0, 4.0)])) for d in np.linspace(0, 0.4, 50)}
    assert len(seen) <= 2
    for low, high in [(-0.011, 0.013), (40.0, 41.0), (-1e5, 3e5), (2.0, 2.0)]:
        (middle,), half = square([(low, high)])
        assert middle - half <= low + 1e-9
        assert high - 1e-9 <= middle + half
        assert half <= max(1e-5, 1.7 * (high - low)), (low, high)
    assert square([(math.nan, 1.0)]) == ([0], 3)


@pytest.mark.parametrize("z", [1, 2])
def test_the_density_of_a_linear_decoder_is_its_gaussian(double, z):
    torch.manual_seed(3)
    values = {"z": z, "depth": 0, "likelihood": "Gaussian", "sigma": 0.3}
    model, _ = coder("vae", "ring", **values)
    (layer,) = [m for m in model.D.modules() if isinstance(m, torch.nn.Linear)]
    x, y = torch.linspace(-3, 3, 41), torch.linspace(-2, 4, 31)
    with torch.no_grad():
        density = latent.marginal(model, x, y)
        covariance = layer.weight @ layer.weight.T + 0.09 * torch.eye(2)
    exact = MultivariateNormal(layer.bias.detach(), covariance)
    nodes = torch.cartesian_prod(y, x).flip(1)
    wanted = exact.log_prob(nodes).exp().reshape(31, 41)
    assert float((density - wanted).abs().max() / wanted.max()) < 2e-3


def test_the_density_of_a_bent_decoder_is_its_mixture_over_z(double):
    torch.manual_seed(0)
    model, _ = coder("vae", "ring", z=2, likelihood="Gaussian", sigma=0.2)
    x, y = torch.linspace(-1, 1, 7), torch.linspace(-1, 1, 5)
    line = torch.linspace(-6, 6, 241)
    z = torch.cartesian_prod(line, line)
    with torch.no_grad():
        density = latent.marginal(model, x, y)
        mean = model.decode(z)
    weight = torch.exp(-z.square().sum(1) / 2)
    nodes = torch.cartesian_prod(y, x).flip(1)
    kernel = torch.exp(-(nodes[:, None] - mean).square().sum(-1) / 0.08) / (0.08 * math.pi)
    wanted = (kernel @ weight / weight.sum()).reshape(5, 7)
    assert float((density - wanted).abs().max() / wanted.max()) < 2e-3


@pytest.mark.parametrize("family", ["ae", "vae", "pca", "cvae"])
@pytest.mark.parametrize("z", [1, 2])
def test_of_points_the_plane_stands_beside_the_data(family, z):
    model, data = coder(family, "ring", z=z)
    arrays = everything(model, data)
    rows, columns = (latent.SIDE, latent.SIDE) if z > 1 else (1, latent.STRIP)
    assert arrays["atlas/decoder"].shape == (rows, columns, 2)
    assert not {"atlas/size", "atlas/tests", "images/samples"} & set(arrays)
    assert arrays["mesh/generator"].shape == arrays["origin/generator"].shape
    assert arrays["points/fake"].shape == arrays["points/real"].shape == (500, 2)
    assert arrays["latent/fake"].shape == (500, z)
    assert arrays["arrows/reconstruction"].shape == (150, 4)
    assert ("field/density" in arrays) == (family in ("vae", "cvae"))
    if "field/density" in arrays:
        assert arrays["field/density"].max() == 255
    x, y = data.some(latent.CODES, test=True)
    with torch.no_grad():
        back = model.decode(model.encode(x, y)[0], y)[:150].numpy()
        i, j = rows // 3, columns // 4
        code = torch.tensor([place(arrays["box/plane"], rows, columns, i, j)[:z]]).float()
        here = model.decode(code, latent.asked_label(model, None, 1))[0].numpy()
    if family != "pca":  # before it has learned, it has no scale
        ends = arrays["arrows/reconstruction"].astype(float)
        assert np.allclose(ends[:, :2] + ends[:, 2:], back, atol=0.01)
        assert np.allclose(arrays["atlas/decoder"][i, j], here, atol=3e-3)


def test_data_without_labels_have_codes_without_colours():
    model, data = coder("vae", "moons")
    bare = type(data)(**{**data.__dict__, "y": None, "test_y": None})
    assert "codes/label" in everything(model, data)
    assert "codes/label" not in everything(model, bare)


def test_keyframes_are_whole_and_small_and_other_frames_say_only_what_moves(tmp_path):
    run = trained(tmp_path, rounds=400, width=128)
    last = run.keyframes[-1]
    stored = store.keyframe(run.at, last).read_bytes()
    assert {"atlas/decoder", "atlas/tests", "box/plane", "codes/label"} <= set(load_arrays(stored))
    assert len(stored) < 150_000
    moving = run.frame(full=False, rare=False)
    assert len(moving) < 40_000
    assert not [name for name in load_arrays(moving) if name.startswith(("atlas/", "box/"))]
    assert "atlas/tests" not in load_arrays(run.frame(once=False))


def test_a_slow_decoder_is_drawn_more_coarsely():
    quick, data = coder("vae", "digits", network="MLP")
    slow, _ = coder("vae", "digits", network="convolutional", width=64)
    quick_side = scenes.rarely(quick, data)["atlas/size"][0]
    arrays = everything(slow, data)
    assert quick_side == latent.SIDE > arrays["atlas/size"][0] >= 10
    n = len(arrays["codes/test"])
    assert latent.FEWEST <= n < latent.CODES
    assert n == len(arrays["codes/label"]) == len(arrays["codes/spread"])
    sheet = Image.open(io.BytesIO(arrays["atlas/tests"].tobytes()))
    assert sheet.size == (25 * 28, 28 * -(-n // 25))


def test_rows_become_stacks_bars_and_numbers():
    held_out = {RECONSTRUCTION: -80.0, LOG_P: -85.0, ACTIVE: 2, "shares": [1.0]}
    rows = [{"round": n, ELBO: -90.0 - n, KL: 10.0 + n, KL_EACH: [4.0, 0.001]} | held_out for n in (1, 2)]
    arrays = scenes.curves(rows)
    assert arrays[RECONSTRUCTION.array][-1].tolist() == [2, 80]
    assert arrays[KL.array][-1].tolist() == [2, 12]
    total = arrays[RECONSTRUCTION.array][:, 1] + arrays[KL.array][:, 1]
    assert (total == -arrays[ELBO.array][:, 1]).all()
    assert RECONSTRUCTION.chart == KL.chart
    assert ELBO.chart == LOG_P.chart
    assert arrays[LOG_P.array].shape == (3, 2)
    assert arrays[KL_EACH.array].tolist() == pytest.approx([4.0, 0.001])
    assert arrays[ACTIVE.array].tolist() == [2]
    assert not [name for name in arrays if "shares" in name]
