"""What probes of codes answer in numbers, on their own examples, against scipy, scikit-learn, quadrature."""

import dataclasses

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from scipy import stats
from scipy.linalg import subspace_angles
from sklearn import decomposition
from sklearn.linear_model import LinearRegression

from engine import data as datasets
from engine.codes.attributes import ATTRIBUTES, attributes
from engine.codes.base import ELBO, KL, RECONSTRUCTION
from engine.data import floats
from lab import probes, scenes
from lab.codes import attributes_probe, bound_tab, codes_scene, tradeoff_tab, words
from lab.codes.bound_probe import DRAWS, EXAMPLES
from lab.probes.ways import arc
from lab.scenes.arrays import pictures
from tests.runs.codes.test_code_probes import DIGITS, MOONS, ask, model

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
SHIFTED = dataclasses.replace(
    MOONS, test_x=MOONS.test_x + 2, name="shifted moons"
)  # unlike what it trains on


# --- the bound -------------------------------------------------------------------------------------


class Linear:
    """x = w z + b + 0.3 noise for one z, and q(z | x) = N(a x + c, s^2): all is known exactly."""

    def __init__(self, exact: bool) -> None:
        self.coder = coder = model("vae", MOONS, z=1, depth=0, likelihood="Gaussian", sigma=0.3)
        D, E = coder.D[0][0], coder.E.net[0]
        self.w, self.b = (t.detach().double().numpy() for t in (D.weight[:, 0], D.bias))
        if exact:
            spread = self.w @ self.w + 0.09
            E.weight.data = torch.tensor(np.stack([self.w / spread, 0 * self.w])).float()
            E.bias.data = torch.tensor([-self.w @ self.b / spread, np.log(0.09 / spread)]).float()
        self.a, self.c = E.weight.detach().double().numpy(), E.bias.detach().double().numpy()
        self.p_x = stats.multivariate_normal(self.b, np.outer(self.w, self.w) + 0.09 * np.eye(2))

    def log_w(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of log p(x, z) - log q(z | x) over z, by quadrature, and the KL (n,)."""
        mu, log_var = (x @ self.a.T + self.c).T
        z = mu[:, None] + np.exp(log_var / 2)[:, None] * NODES
        log_p = stats.norm.logpdf(x[:, None], z[..., None] * self.w + self.b, 0.3).sum(2) + stats.norm.logpdf(
            z
        )
        values = log_p - stats.norm.logpdf(z, mu[:, None], np.exp(log_var / 2)[:, None])
        mean = values @ WEIGHTS / WEIGHTS.sum()
        return mean, (values - mean[:, None]) ** 2 @ WEIGHTS / WEIGHTS.sum()

    def kl(self, x: np.ndarray) -> np.ndarray:
        mu, log_var = (x @ self.a.T + self.c).T
        return (mu**2 + np.exp(log_var) - log_var - 1) / 2


def test_the_test_elbo_is_that_of_all_test_examples_with_its_standard_error():
    linear, x = Linear(exact=False), SHIFTED.test_x.double().numpy()
    answer = probes.ask(linear.coder, SHIFTED, "test_bound", {})
    mean, variance = linear.log_w(x)
    n = len(x)
    error = np.sqrt((mean.var(ddof=1) + variance.mean()) / n)
    assert answer["among"] == n > EXAMPLES
    assert answer[ELBO] == pytest.approx(mean.mean(), abs=4 * np.sqrt(variance.mean() / n))
    assert answer["error"] == pytest.approx(error, rel=0.15)
    assert answer[KL] == pytest.approx(linear.kl(x).mean(), rel=1e-4)
    assert answer["each"] == pytest.approx([linear.kl(x).mean()], rel=1e-4)
    assert answer[RECONSTRUCTION] == pytest.approx(answer[ELBO] + answer[KL], rel=1e-4)
    assert f"{answer[ELBO]:.1f} nats" in bound_tab.test_elbo(answer)


def test_with_the_true_posterior_every_bound_is_log_p_of_the_test_examples():
    linear = Linear(exact=True)
    answer = probes.ask(linear.coder, SHIFTED, "tightness", {})
    x = SHIFTED.some(EXAMPLES, test=True)[0].double().numpy()
    assert answer["k"] == list(DRAWS) == [1, 5, 50, 500]
    assert answer["among"] == EXAMPLES == 100
    assert answer["bound"] == pytest.approx([linear.p_x.logpdf(x).mean()] * 4, abs=1e-3)
    assert answer["error"] == pytest.approx([0] * 4, abs=1e-4)
    assert "**0.00 nats**" in bound_tab._says(answer) or "**-0.00 nats**" in bound_tab._says(answer)


def test_with_another_posterior_the_bounds_rise_from_the_elbo_to_log_p():
    linear = Linear(exact=True)
    linear.coder.E.net[0].bias.data += torch.tensor([0.1, 1.0])  # a q that is a little wide
    linear.c = linear.coder.E.net[0].bias.detach().double().numpy()
    answer = probes.ask(linear.coder, SHIFTED, "tightness", {})
    x = SHIFTED.some(EXAMPLES, test=True)[0].double().numpy()
    mean, variance = linear.log_w(x)
    log_p = linear.p_x.logpdf(x)
    assert answer["bound"][0] == pytest.approx(mean.mean(), abs=4 * np.sqrt(variance.mean() / 500 / 100))
    assert answer["bound"][3] == pytest.approx(log_p.mean(), abs=0.02)
    assert (np.diff(answer["bound"]) > 0).all()
    assert answer["error"][0] == 0
    spread = np.sqrt(((log_p - mean).var() + variance.mean() / 500 + 0.003) / 100)
    assert 0.3 * spread < answer["error"][3] < 2 * spread


# --- a linear autoencoder, and PCA -----------------------------------------------------------------


@torch.no_grad()
def test_a_linear_autoencoder_is_held_against_pca_of_the_training_data_and_both_are_tested_on_others():
    some = dataclasses.replace(
        DIGITS, x=DIGITS.x[:400], y=DIGITS.y[:400], test_x=255 - DIGITS.test_x[:90], name="400"
    )
    coder = model("ae", some, depth=0, activation="linear", z=3, noise="Gaussian", amount=0.9)
    answer = probes.ask(coder, some, "against_pca", {})
    x, test = (floats(t).flatten(1).double().numpy() for t in (some.x, some.test_x))
    oracle = decomposition.PCA(3, svd_solver="full").fit(x)
    W = coder.D[0][0].weight.double().numpy()  # (784, 3)
    angles = np.rad2deg(subspace_angles(W, oracle.components_.T))
    assert sorted(answer["angles"]) == pytest.approx(sorted(angles), abs=0.02)
    unit = W / np.linalg.norm(W, axis=0)
    assert answer["lean"] == pytest.approx(np.abs(unit.T @ unit - np.eye(3)).max(), abs=1e-5)
    lost = ((test - oracle.inverse_transform(oracle.transform(test))) ** 2).sum(1).mean()
    assert answer["error of PCA"] == pytest.approx(lost, rel=1e-4)
    given = floats(some.test_x)
    error = (given - coder.d(coder.e(given))).square().flatten(1).sum(1).mean().item()
    assert answer["error"] == pytest.approx(error, rel=1e-5)
    grey = unit.T / np.abs(unit.T).max(1, keepdims=True)
    assert np.abs(answer["axes"].astype(int) - ((grey + 1) * 127.5).reshape(3, 28, 28)).max() <= 1
    for picture, axis in zip(answer["principal axes"], oracle.components_, strict=True):
        lit = (axis / np.abs(axis).max() + 1) * 127.5
        assert min(np.abs(picture.flatten() - one).mean() for one in (lit, 255 - lit)) < 1


# --- ways and sums with labels ---------------------------------------------------------------------


def test_a_conditional_model_is_told_the_label_of_the_nearer_end_and_of_the_first_in_c(monkeypatch):
    coder, told = model("cvae", z=4), []
    decode = coder.decode
    monkeypatch.setattr(coder, "decode", lambda z, y=None: told.append(y.tolist()) or decode(z, y))
    a, b = 3, 800
    first, last = DIGITS.test_y[[a, b]].tolist()
    assert first != last
    answer = ask("interpolate", coder, a=a, b=b, steps=5)
    assert told == [[first] * 3 + [last] * 2] * 3
    g = (torch.from_numpy(answer["mixed"]) / 255).flatten(1)
    wanted = (4 * g * (1 - g)).sum(1) / g.sum(1)
    assert answer["grey"]["mixed"] == pytest.approx(wanted.tolist(), abs=0.01)
    g = (torch.from_numpy(answer["linear"]) / 255).flatten(1)
    wanted = (4 * g * (1 - g)).sum(1) / g.sum(1)
    assert answer["grey"]["linear"] == pytest.approx(wanted.tolist(), abs=0.01)
    told.clear()
    index = ask("sheet", coder)["index"]
    ask("arithmetic", coder, A=[4, 7], B=[5], C=[9, 1])
    assert told == [DIGITS.test_y[[index[i] for i in (4, 5, 9, 9)]].tolist()]


@torch.no_grad()
def test_the_codes_of_the_ways_are_those_of_the_test_pictures_with_their_own_labels():
    coder = model("cvae", z=4)
    answer = ask("interpolate", coder, a=3, b=800, steps=3)
    x, y = floats(DIGITS.test_x[[3, 800]]), DIGITS.test_y[[3, 800]]
    z = coder.encode(x, y)[0]
    assert answer["linear norm"] == pytest.approx(
        torch.stack([z[0], z.mean(0), z[1]]).norm(dim=1).tolist(), rel=1e-4
    )


def test_an_arc_turns_evenly_and_its_length_grows_evenly():
    a, b, t = torch.tensor([2.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 6.0]), torch.linspace(0, 1, 5)[:, None]
    angle = t[:, 0] * torch.pi / 2
    wanted = (2 + 4 * t) * torch.stack([angle.cos(), 0 * angle, angle.sin()], 1)
    torch.testing.assert_close(arc(a, b, t), wanted, atol=1e-5, rtol=0)


# --- attributes ------------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("family", ["ae", "cvae"])
def test_the_table_of_attributes_is_that_of_training_pictures_and_the_walk_is_its_step(family, monkeypatch):
    monkeypatch.setattr(attributes_probe, "LEARNED", 120)
    attributes_probe._measured.clear()
    some = dataclasses.replace(DIGITS, x=DIGITS.x[::30], y=DIGITS.y[::30], name="every thirtieth")
    coder = model(family, some, z=3)
    answer = probes.ask(coder, some, "directions", {"index": 7, "attribute": "width"})
    attributes_probe._measured.clear()
    chosen = np.linspace(0, len(some) - 1, 120).astype(int)
    x, y = floats(some.x[chosen]), some.y[chosen]
    z = coder.encode(x, y)[0].double().numpy()
    measured = attributes(x).double().numpy()
    assert answer["among"] == 120
    assert [row["attribute"] for row in answer["table"]] == list(ATTRIBUTES)
    for row, a in zip(answer["table"], measured.T, strict=True):
        fitted = LinearRegression().fit(z, a)
        assert row["R²"] == pytest.approx(fitted.score(z, a), abs=1e-6)
        each = [np.corrcoef(z[:, j], a)[0, 1] for j in range(3)]
        assert row["dimension"] == int(np.argmax(np.abs(each)))
        assert row["correlation"] == pytest.approx(each[row["dimension"]], abs=1e-6)
        assert (row["mean"], row["sd"]) == pytest.approx((a.mean(), a.std(ddof=1)))
    predicted = LinearRegression().fit(z, measured[:, 2]).predict(z)
    step = ((predicted - predicted.mean()) @ (z - z.mean(0)) / 120) / predicted.std()
    assert (answer["t"][0], answer["t"][-1], len(answer["t"])) == (-3, 3, 25)
    test_x, test_y = floats(DIGITS.test_x[[7]]), DIGITS.test_y[[7]]
    own = coder.encode(test_x, test_y)[0]
    for i in (0, 12, 20):
        there = coder.decode(own + float(answer["t"][i]) * torch.tensor(step).float(), test_y)
        assert np.abs(answer["pictures"][i].astype(int) - pictures(there)[0]).max() <= 1
        assert answer["measured"][i] == pytest.approx(attributes(there)[0, 2].item(), abs=1e-2)
    assert answer["own"] == pytest.approx(attributes(test_x)[0, 2].item())
    assert (answer["original"] == DIGITS.test_x[7, 0].numpy()).all()


# --- the scene -------------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("family", ["vae", "cvae", "ae"])
def test_samples_of_the_scene_are_decoded_from_the_z_that_it_tells(family):
    coder = model(family, z=3)
    for weight in coder.D.parameters():
        weight.data.mul_(2)
    arrays = scenes.draw(coder, DIGITS)
    z = torch.from_numpy(arrays["latent/fake"].astype(np.float32))
    drawn = pictures(coder.decode(z, torch.arange(25) % 10))
    assert np.abs(arrays["images/samples"].astype(int) - drawn).max() <= 2
    x, y = DIGITS.some(len(arrays["codes/test"]), test=True)
    assert (arrays["codes/label"] == y.numpy()).all()
    places = coder.encode(x, y)[0][:, :2]
    np.testing.assert_allclose(arrays["codes/test"], places, atol=2e-3, rtol=2e-3)


@torch.no_grad()
def test_samples_of_points_have_the_spread_of_the_decoder_in_the_scene_too():
    coder = model("vae", MOONS, z=2, likelihood="Gaussian", sigma=0.5)
    arrays = scenes.draw(coder, MOONS)
    z = torch.from_numpy(arrays["latent/fake"].astype(np.float32))
    away = arrays["points/fake"] - coder.decode(z).numpy()
    assert away.std() == pytest.approx(0.5, rel=0.1)
    assert np.abs(np.corrcoef(away.T)[0, 1]) < 0.2


# --- the trade-off, and the formula with its numbers -----------------------------------------------


def test_the_trade_off_shows_rate_and_distortion_of_each_member_and_lines_of_equal_elbo(monkeypatch):
    shown = []
    monkeypatch.setattr(tradeoff_tab, "show_chart", lambda figure, *_, **__: shown.append(figure))
    row = {KL: [3.0, None, 1.0, 8.0], RECONSTRUCTION: [-50.0, -1.0, -70.0, -44.0]}
    tradeoff_tab.trade_off({"beta": [1.0, 2.0], "seed": [0, 1]}, row)
    (figure,) = shown
    assert isinstance(figure, go.Figure)
    *lines, points = figure.data
    assert list(points.x) == [1, 3, 8]
    assert list(points.y) == [70, 50, 44]
    assert list(points.text) == ["beta 2, seed 0", "beta 1, seed 0", "beta 2, seed 1"]
    totals = [line.x[0] + line.y[0] for line in lines]
    assert all(
        line.x[1] + line.y[1] == pytest.approx(total) for line, total in zip(lines, totals, strict=True)
    )
    assert min(totals) >= 52
    assert max(totals) <= 71
    assert 2 <= len(totals) <= 5
    told = [(a.text, a.x + a.y) for a in figure.layout.annotations]
    assert all(text == f"ELBO −{total:g}" for text, total in told)
    tradeoff_tab.trade_off({"beta": [1.0]}, {})
    tradeoff_tab.trade_off({"beta": [1.0]}, {KL: [None], RECONSTRUCTION: [-1.0]})
    assert len(shown) == 1


def test_the_formula_is_shown_with_the_numbers_of_the_row():
    row = {"round": 1200, "-E[log p(x|z)]": 80.24, "β KL[q(z|x) || p(z)]": 5.5}
    said = words.bound_now("", row)
    assert "round 1,200" in said
    assert "= 80.2 + 5.50 = 85.7$ nats" in said
    other = {"round": 1, "-E[log p(x|z,c)]": 2.0, "β KL[q(z|x,c) || p(z|c)]": 0.25}
    assert "= 2.0 + 0.25 = 2.2$" in words.bound_now("", other)
    of_labels = (r"\log p(x \mid z, c)", r"q(z \mid x, c)", r"p(z \mid c)")
    assert all((part in words.bound_now("", other)) and part not in said for part in of_labels)
    assert words.bound_now("", {"round": 1}) == words.error_now("", {"round": 1}) == ""
    assert "= 12.35$" in words.error_now("", {"round": 1, "||x - d(e(x))||²": 12.345678})


@torch.no_grad()
def test_a_conditional_plane_mesh_and_density_are_those_of_the_label_that_is_looked_at():
    ring = datasets.load("ring")
    coder = model("cvae", ring, z=2, likelihood="Gaussian", sigma=0.2)
    for weight in coder.D.parameters():
        weight.data.mul_(3)
    seen = {}
    for asked, label in ((3.0, 3), (8.0, 0), (-1.0, 0), (None, 0)):
        pointer = None if asked is None else {"label": {"x": asked, "y": 0.0}}
        arrays = scenes.draw(coder, ring, pointer=pointer) | scenes.rarely(coder, ring, pointer=pointer)
        x0, x1, y0, y1 = arrays["box/plane"].tolist()
        rows, columns, _ = arrays["atlas/decoder"].shape
        place = [x0 + (x1 - x0) * 5.5 / columns, y1 - (y1 - y0) * 2.5 / rows]
        told = torch.tensor([label])
        there = coder.decode(torch.tensor([place]), told)[0]
        np.testing.assert_allclose(arrays["atlas/decoder"][2, 5], there, atol=5e-3)
        middle = arrays["mesh/generator"][10, 10]
        np.testing.assert_allclose(middle, coder.decode(torch.zeros(1, 2), told)[0], atol=5e-3)
        left, right, low, high = ring.box
        p = codes_scene.marginal(
            coder,
            torch.linspace(left, right, 64),
            torch.linspace(low, high, 64),
            {"label": {"x": float(label)}},
        )
        assert arrays["number/largest p(x)"] == pytest.approx([p.max().item()], rel=1e-5)
        assert np.abs(arrays["field/density"] - 255 * (p / p.max()).numpy()).max() <= 1
        seen.setdefault(label, arrays["field/density"])
    assert (seen[0] != seen[3]).any()
    assert arrays["circle/prior"].tolist() == [[0, 0, k, k] for k in (1, 2, 3)]
    np.testing.assert_allclose(arrays["points/real"], ring.x[:500], atol=2e-3, rtol=2e-3)


def test_what_a_doubled_map_is_off_by_is_a_root_mean_square():
    answer = ask("upsampling", model("ae"), index=500)
    x = DIGITS.test_x[500, 0].numpy() / 255
    squares = x.reshape(14, 2, 14, 2)
    pooled = squares.max((1, 3))
    nearest = pooled.repeat(2, 0).repeat(2, 1)
    corners = np.zeros((28, 28))
    corners[::2, ::2] = pooled
    lost = x * (x != nearest)  # each maximum is back in its place, unless a square has it twice
    assert set(answer["error"]) == {"nearest", "bilinear", "remembered", "spread"}
    assert answer["error"]["nearest"] == pytest.approx(np.sqrt(((nearest - x) ** 2).mean()), abs=1e-6)
    assert answer["error"]["spread"] == pytest.approx(np.sqrt(((corners - x) ** 2).mean()), abs=1e-6)
    assert answer["error"]["remembered"] >= np.sqrt((lost**2).mean()) - 1e-6
    assert answer["error"]["remembered"] < answer["error"]["spread"]
