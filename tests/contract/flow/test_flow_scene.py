"""What is drawn of a flow in training: its density, the data's, their difference, and the integral."""

import numpy as np
import pytest
import torch
from scipy.special import ndtri

from engine import data as datasets
from engine.families import find
from lab import scenes
from lab.flow import flow_scene as flow

SMALL = {"width": 16, "depth": 1, "layers": 3}
BYTE = 1.01 / 255  # half of it is rounding; the rest is room for float32


def drawn(name: str, data_name: str, by: float = 0.1, **knobs):
    data, family = datasets.load(data_name), find(name)
    torch.manual_seed(0)
    model = family(family.configure(data.space, SMALL | knobs), data.space)
    for weight in model.parameters():
        weight.data += by * torch.randn_like(weight)
    return model, data, scenes.draw(model, data)


@pytest.mark.parametrize("name", ["real-nvp", "maf", "planar", "continuous-flow"])
def test_the_field_is_the_density_and_the_error_the_data_s_less_that(name):
    model, data, arrays = drawn(name, "two-gaussians")
    side = len(arrays["field/density"])
    x0, x1, y0, y1 = data.box
    row, column = side // 3, side // 2  # row 0 is at the bottom
    place = torch.tensor([[x0 + (x1 - x0) * column / (side - 1), y0 + (y1 - y0) * row / (side - 1)]])
    p, truth = model.log_prob(place).exp().item(), data.target.log_prob(place).exp().item()
    top = flow.truth(data, side).max().item()
    assert arrays["field/density"][row, column] / 255 == pytest.approx(min(1, p / top), abs=BYTE)
    assert arrays["side/error"][row, column] / 255 == pytest.approx(0.5 + (truth - p) / top / 2, abs=BYTE)
    assert not [name for name in arrays if name.startswith("number/")]  # the divergence is that of the rows
    once = scenes.once(model, data)
    exact = flow.truth(data, 64).view(64, 64)
    assert np.abs(once["side/target"] / 255 - (exact / exact.max()).numpy()).max() < BYTE


@pytest.mark.parametrize(
    ("name", "data_name"), [("real-nvp", "moons"), ("planar", "ring"), ("planar", "two-bumps")]
)
def test_the_mass_of_p_is_1_and_of_half_of_p_half(name, data_name, monkeypatch):
    model, data, _ = drawn(name, data_name, 0.05)
    over = "line" if data_name == "two-bumps" else "plane"
    assert scenes.rarely(model, data)[f"number/∫ p over the {over}"][0] == pytest.approx(1, abs=5e-3)
    usual = type(model).log_density
    monkeypatch.setattr(type(model), "log_density", lambda self, x: usual(self, x) - np.log(2))
    assert flow.mass(model, data).item() == pytest.approx(0.5, abs=3e-3)


def test_a_narrow_density_in_the_box_and_a_wide_one_around_it_are_both_counted():
    model, data, _ = drawn("real-nvp", "moons", 0.0)
    model.log_density = lambda x: (
        torch.distributions.Normal(0.5, 0.05).log_prob(x).sum(1)
    )  # thinner than a moon
    assert flow.mass(model, data).item() == pytest.approx(1, abs=1e-3)
    model.log_density = lambda x: (
        torch.distributions.Normal(0.5, 1.5).log_prob(x).sum(1)
    )  # half of it outside
    assert flow.mass(model, data).item() == pytest.approx(1, abs=1e-2)


def test_on_a_line_links_lead_from_z_to_x():
    model, _, arrays = drawn("spline-flow", "two-bumps", 0.3)
    z, x = torch.from_numpy(arrays["links/generator"].astype(np.float32)).T
    torch.testing.assert_close(model(x[:, None])[0][:, 0], z, atol=0.02, rtol=0)
    places, p = torch.from_numpy(arrays["line/model density"]).T
    torch.testing.assert_close(p, model.log_prob(places[:, None]).exp().float(), atol=1e-5, rtol=1e-4)


def test_a_table_has_a_density_and_no_truth(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_HOME", str(tmp_path))
    name = datasets.keep_points(np.random.default_rng(0).normal(size=(50, 2)), "csv")
    _, data, arrays = drawn("real-nvp", name)
    assert data.target is None
    assert {"field/density", "points/fake", "points/real", "mesh/generator"} == set(arrays)


def test_pictures_of_maf_are_drawn_rarely_and_others_always():
    model, data, arrays = drawn("maf", "digits")
    assert arrays == {}
    assert scenes.rarely(model, data)["images/samples"].shape == (36, 28, 28)
    assert set(drawn("nice", "digits")[2]) == {"images/samples"}


def test_what_is_drawn_is_of_the_averaged_weights_at_the_same_noise_as_samples():
    model, data, _ = drawn("real-nvp", "moons", 0.2)
    for weight in model.f.parameters():
        weight.data += 1
    torch.manual_seed(5)
    arrays = flow.draw(model, data, True, None)
    torch.manual_seed(5)
    assert np.array_equal(arrays["points/fake"], model.sample(500).half().numpy())
    assert np.array_equal(arrays["points/real"], data.x[:500].half().numpy())
    assert not np.array_equal(data.x[:500], data.test_x[:500])


@pytest.mark.parametrize("base", ["normal", "uniform", "mixture"])
def test_the_mesh_is_where_nodes_of_equal_mass_of_the_base_come_from(base):
    model, _, arrays = drawn("planar", "moons", 0.1, base=base)
    share = (np.arange(21) + 0.5) / 21
    nodes = np.linspace(-2, 2, 21) if base == "uniform" else ndtri(share)
    across, up = np.meshgrid(nodes, nodes)  # row by row
    z = torch.from_numpy(np.stack([across, up], -1).reshape(-1, 2)).float()
    with torch.no_grad():
        x = model.inverse(z)[0].reshape(21, 21, 2)
    assert np.abs(arrays["mesh/generator"].astype(float) - x.numpy()).max() < 5e-3


def test_a_line_shows_the_truth_beside_the_model():
    model, data, arrays = drawn("spline-flow", "two-bumps", 0.3)
    places, truth = torch.from_numpy(arrays["line/truth density"]).double().T
    exact = data.target.log_prob(places[:, None]).exp()
    torch.testing.assert_close(truth, exact, atol=1e-5, rtol=1e-4)
    assert (places[0], places[-1]) == (pytest.approx(data.box[0]), pytest.approx(data.box[1]))
    z = torch.from_numpy(arrays["links/generator"].astype(np.float32))[:, 0]
    assert len(z) == 31
    torch.testing.assert_close(
        z, torch.from_numpy(ndtri((np.arange(31) + 0.5) / 31)).float(), atol=2e-3, rtol=0
    )
    assert list(scenes.once(model, data)) == []


def test_pictures_are_36_samples():
    model, data, _ = drawn("nice", "digits", 0.01)
    torch.manual_seed(5)
    shown = flow.draw(model, data, True, None)["images/samples"]
    torch.manual_seed(5)
    with torch.no_grad():
        expected = ((model.sample(36) + 1) * 127.5).round().byte()[:, 0]
    assert np.array_equal(shown, expected.numpy())
