"""What a page may ask a flow, held against the engine's densities and against derivatives by differences."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from engine import data as datasets
from engine.config import Refused
from engine.families import families
from engine.flow.base import Flow
from lab import probes
from lab.flow import layers_probe as flow

MOONS = datasets.load("moons")
FLOWS = {family.name: family for family in families().values() if issubclass(family, Flow)}
EVERY = pytest.mark.parametrize("name", FLOWS)


def built(name="real-nvp", data=MOONS, noise=0.1, **values):
    """A small flow whose weights are not those of a beginning, where many layers are the identity."""
    torch.manual_seed(2)
    family = FLOWS[name]
    model = family(family.configure(data.space, {"layers": 3, "width": 8} | values), data.space)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(noise * torch.randn_like(weight))
    model.settled.fill_(True)
    return model


def film(name="real-nvp", **given):
    model = built(name)
    return model, list(probes.ask(model, MOONS, "layers", given))


def place(name, x=0.4, y=-0.3, **values):
    model = built(name, **values)
    return model, probes.ask(model, MOONS, "point", {"x": x, "y": y})


# --- the film ------------------------------------------------------------------------------------


@EVERY
def test_a_film_goes_from_the_base_to_samples_and_from_codes_to_data(name):
    model, parts = film(name)
    L = len(model.transforms)
    assert [part["t"] for part in parts] == [*range(L, -1, -1)]
    assert [part["note"] for part in parts] == [*(f.title for f in reversed(model.transforms)), ""]
    assert parts[0]["T"] == L
    x = torch.tensor(parts[-1]["h/points/real"])
    assert torch.equal(x, MOONS.some(400)[0].half())
    z, _ = model(MOONS.some(400)[0])
    assert torch.allclose(torch.tensor(parts[0]["h/points/real"]).float(), z, atol=5e-3)
    for kind, shape in (("h/points/fake", (400, 2)), ("h/mesh/generator", (25, 25, 2))):
        assert parts[0][kind].shape == shape
        start = torch.tensor(parts[0][kind]).float().reshape(-1, 2)
        end = torch.tensor(parts[-1][kind]).float().reshape(-1, 2)
        assert torch.allclose(model.inverse(start)[0], end, atol=0.03)  # from halves


@EVERY
def test_the_density_of_the_last_part_is_the_models_and_of_the_first_the_bases(name):
    model, parts = film(name)
    box, side = parts[0]["box"], len(parts[0]["density/field/density"])
    grid = flow.lattice(box, side)
    for part, log_p in ((parts[-1], model.log_prob(grid)), (parts[0], model.base.log_prob(grid))):
        p = (log_p - log_p.max()).exp().detach().reshape(side, side).numpy()
        assert np.abs(part["density/field/density"] / 255 - p).max() < 0.01


def test_the_density_of_a_layer_is_that_of_what_the_layers_before_make(double):
    """By the other direction: p(h_t) = p_x(x) |det dx/dh_t| with x = f_1^-1 ... f_t^-1(h_t)."""
    model = built("maf", noise=0.3).double()
    grid = flow.lattice([-2, 2, -2, 2], 9).double()
    for t in range(4):
        x, total = grid, torch.zeros(len(grid))
        for f in reversed(model.transforms[:t]):
            x, log_det = f.inverse(x)
            total = total + log_det
        assert torch.allclose(flow.density(model, grid, t), model.log_prob(x) + total, atol=1e-9)


@pytest.mark.parametrize("name", ["real-nvp", "planar", "maf"])
def test_the_stretch_is_the_change_of_volume_on_the_way_to_the_data(name):
    model, parts = film(name)
    grid, scale = flow.lattice(parts[0]["box"], 64), parts[0]["numbers"]["scale of the colours"]
    for part in parts[:-1]:
        f = model.transforms[part["t"] - 1]
        small = 1e-2  # a little triangle, and what becomes of its area
        a, b, c = (
            f.inverse(grid + torch.tensor(far))[0].double() for far in ([0.0, 0], [small, 0], [0, small])
        )
        (u, v) = (b - a, c - a)
        area = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).abs().log() - 2 * math.log(small)
        shown = (torch.tensor(part["stretch/field/stretch"]).flatten() / 127.5 - 1) * scale
        inside = (area.abs() < scale) & (shown.abs() < scale)
        assert (area - shown)[inside].abs().median() < 0.02 * max(1, scale)
    assert (parts[-1]["stretch/field/stretch"] == 128).all()


def test_volume_is_kept_by_nice_which_the_colours_say():
    _, parts = film("nice")
    fields = [part["stretch/field/stretch"] for part in parts if part["note"] == "coupling"]
    assert len(fields) == 3
    assert all((field == 128).all() for field in fields)


def test_the_box_holds_nearly_all_points_of_all_layers():
    _, parts = film("planar")
    x0, x1, y0, y1 = parts[0]["box"]
    points = np.concatenate([part[f"h/points/{kind}"] for part in parts for kind in ("fake", "real")])
    inside = (points > [x0, y0]).all(1) & (points < [x1, y1]).all(1)
    assert inside.mean() > 0.95
    assert x1 - x0 == y1 - y0
    assert MOONS.box[0] >= x0
    assert MOONS.box[3] <= y1


@pytest.mark.parametrize("base", ["normal", "uniform"])
def test_every_cell_of_the_mesh_holds_the_same_probability(base):
    model = built(base=base)
    across = flow.quantiles(model).reshape(25, 25, 2)[0, :, 0]
    z = model.base.sample(200_000)[:, 0]
    shares = torch.stack([((z > a) & (z < b)).float().mean() for a, b in pairwise(across)])
    assert (shares * 25 - 1).abs().max() < 0.12
    assert (across + across.flip(0)).abs().max() < 0.2  # no end is nearer to the middle than the other


# --- one place -----------------------------------------------------------------------------------


@EVERY
def test_a_way_sums_to_the_models_log_density(name):
    model, answer = place(name)
    x = torch.tensor([[0.4, -0.3]])
    numbers = answer["numbers"]
    assert numbers["log_px"] == pytest.approx(
        model.log_prob(x).item(), abs=5e-3 if name == "continuous-flow" else 1e-4
    )
    assert numbers["log_px"] == pytest.approx(numbers["log_pz"] + answer["log_dets"].sum(), abs=1e-5)
    assert numbers["truth"] == pytest.approx(MOONS.target.log_prob(x).item(), rel=1e-5)
    assert numbers["inversion"] < 1e-9
    assert answer["way"].shape == (len(model.transforms) + 1, 2)
    assert np.allclose(answer["way"][0], [0.4, -0.3])
    assert np.allclose(answer["way"][-1], model(x)[0].detach().numpy(), atol=5e-3)
    assert len(answer["titles"]) == len(model.transforms)


@EVERY
def test_a_jacobian_is_what_differences_say_and_its_determinant_the_layers(name):
    model, answer = place(name)
    exact = model.double()
    for f, h, J, log_det in zip(
        exact.transforms, answer["way"][:-1], answer["jacobians"], answer["log_dets"], strict=True
    ):
        h, small = torch.tensor(h).double()[None], 1e-5 * torch.eye(2).double()
        with torch.no_grad():
            differences = (f(h + small)[0] - f(h - small)[0]).T / 2e-5
        assert np.allclose(J, differences.numpy(), atol=1e-4)
        assert np.linalg.slogdet(J)[1] == pytest.approx(log_det, abs=1e-5)
    product = np.linalg.multi_dot([*reversed(answer["jacobians"]), np.eye(2)])
    assert np.allclose(answer["jacobian"], product, atol=1e-4)


@pytest.mark.parametrize("name", ["real-nvp", "maf", "iaf", "nice"])
@pytest.mark.parametrize("order", ["alternate", "none"])
def test_the_triangles_of_the_lecture_have_zeros_that_are_exactly_zero(name, order):
    _, answer = place(name, order=order, noise=0.3)
    upper, lower = answer["jacobians"][:, 0, 1], answer["jacobians"][:, 1, 0]
    triangles = [title.split()[-1] in ("coupling", "autoregressive") for title in answer["titles"]]
    assert sum(triangles) == 3
    assert ((upper == 0) | (lower == 0))[triangles].all()
    assert ((upper != 0) | (lower != 0))[triangles].all()
    if order == "none":  # then the product is a triangle, too
        assert (upper == 0).all() or (lower == 0).all()
        assert 0 in (answer["jacobian"][0, 1], answer["jacobian"][1, 0])
    else:
        assert (upper != 0).any()
        assert (lower != 0).any()


def test_where_the_data_have_no_density_their_truth_is_none():
    board = datasets.load("checkerboard")
    model = built(data=board)
    assert probes.ask(model, board, "point", {"x": 4.5, "y": 0.0})["numbers"]["truth"] is None
    assert probes.ask(model, board, "point", {"x": 1.0, "y": 1.0})["numbers"]["truth"] == pytest.approx(
        -math.log(32)
    )


def test_data_whose_density_nobody_knows_have_no_truth(tmp_path):
    points = np.random.default_rng(0).standard_normal((50, 2))
    table = datasets.load(datasets.keep_points(points, "csv", tmp_path), tmp_path)
    answer = probes.ask(built(data=table), table, "point", {"x": 0.0, "y": 0.0})
    assert "truth" not in answer["numbers"]


@EVERY
def test_the_plane_holds_the_density_and_its_mass_is_one(name):
    model = built(name, noise=0.03)
    answer = probes.ask(model, MOONS, "plane", {})
    assert answer["mass"] == pytest.approx(1, abs=0.02)
    field, side = answer["field/density"], len(answer["field/density"])
    log_p = model.log_prob(flow.lattice(answer["box"], side)).detach().reshape(side, side)
    row, column = divmod(int(log_p.argmax()), side)
    assert field[row, column] == 255
    assert np.abs(field / 255 - (log_p - log_p.max()).exp().numpy()).max() < 0.01


# --- what cannot be asked ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"x": math.nan, "y": 0},
        {"x": 0, "y": math.inf},
        {"x": 1e3, "y": 0},
        {"x": "1", "y": 0},
        {"x": True, "y": 0},
    ],
    ids=str,
)
def test_a_place_that_is_none_is_refused(given):
    with pytest.raises(Refused, match="it must be a number between −1000 and 1000"):
        probes.ask(built(), MOONS, "point", given)


@pytest.mark.parametrize(("name", "data"), [("planar", "two-bumps"), ("nice", "digits")])
@pytest.mark.parametrize("question", ["layers", "plane", "point"])
def test_other_data_than_points_are_refused(name, data, question):
    data = datasets.load(data)
    given = {"x": 0.0, "y": 0.0} if question == "point" else {}
    with pytest.raises(Refused, match="choose points"):
        list(probes.ask(built(name, data, layers=1), data, question, given))


def test_a_film_is_refused_a_number_of_points_that_is_none():
    with pytest.raises(Refused, match="it must be a whole number from 1 to"):
        next(iter(probes.ask(built(), MOONS, "layers", {"n": 0})))


def test_asking_leaves_the_model_as_it_is():
    model = built()
    before = [weight.clone() for weight in model.parameters()]
    learns = [weight.requires_grad for weight in model.parameters()]
    probes.ask(model, MOONS, "point", {"x": 0.0, "y": 0.0})
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(weight.dtype == torch.float32 for weight in model.parameters())
    assert any(learns)
    assert learns == [weight.requires_grad for weight in model.parameters()]
