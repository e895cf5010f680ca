r"""The formulas that pages and docstrings show about flows, computed as shown, against the engine."""

from __future__ import annotations

import math
import re

import pytest
import torch

from engine.flow.pixels import Logit
from engine.flow.spline import knots, spline
from engine.flow.transforms import squash
from engine.space import Space
from tests.latex import prose, shown
from tests.laws.flow.flowing import LINE, PLANE, flow

pytestmark = pytest.mark.usefixtures("double")

FOUR = Space.of((4,))
END = re.compile(r"\\\\|\\end\{|\$|\\qquad|\n\n|\s{3,}|,\s|\\;|\.\n| \| \$")


def piece(path: str, begins: str, end: re.Pattern[str] = END) -> str:
    """What follows `begins` in the texts of a file, up to the end of the formula."""
    text = prose(path)
    assert begins in text, f"{path} shows no {begins!r}"
    rest = text.split(begins, 1)[1]
    found = end.search(rest)
    formula = rest[: found.start()] if found else rest
    for word in (r"\Big", r"\left|", r"\right|", r"\left", r"\right", r"\lvert", r"\rvert", "|"):
        formula = formula.replace(word, " ")
    return formula.strip(" .,;\n")


COMMON = {
    r"\exp": torch.exp, "exp": torch.exp, r"\tanh": torch.tanh, "tanh": torch.tanh, r"\odot": 1.0,
    r"\tanh^2": lambda v: v.tanh() ** 2,
}  # fmt: skip


def value(path: str, begins: str, symbols: dict, end: re.Pattern[str] = END):
    return shown(piece(path, begins, end), COMMON | symbols)


def same(a, b) -> None:
    torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), atol=1e-9, rtol=0, check_dtype=False)


@torch.no_grad()
@pytest.mark.parametrize("name", ["real-nvp", "nice"])
def test_couplings(name):
    model = flow(name, FOUR, layers=1, order="none")
    f, x = model.transforms[0], torch.randn(1, 4)
    z, log_det = f(x)
    o = f.net(x[:, f.a]).unflatten(1, (2, -1))
    s, t = (squash(o[..., 0]), o[..., 1]) if name == "real-nvp" else (torch.zeros(1), o[..., 0])
    a, b = x[:, f.a], x[:, f.b]
    letters = {
        "x_{1:d}": a, "x_{d+1:D}": b, "z_{1:d}": z[:, f.a], "z_{d+1:D}": z[:, f.b], "x_a": a, "x_b": b,
        "s(x_{1:d})": s, "t(x_{1:d})": t, "t(x_a)": t, "s(z_{1:d})": s, "t(z_{1:d})": t, "s(x_a)": s,
        r"\sum_{j=1}^{D-d} s(x_{1:d})_j": s.sum(), "sum_j s(x_{1:d})_j": s.sum(), "sum(s)": s.sum(),
    }  # fmt: skip
    page = f"pages/{name.replace('-', '_')}.py"
    own = f"engine/flow/{name.replace('-', '_')}.py"
    same(value(page, "z_{1:d} =", letters), z[:, f.a])
    same(value(page, "z_{d+1:D} =", letters), z[:, f.b])
    if name == "nice":
        same(value(own, "z_a =", letters), z[:, f.a])
        same(value(own, "z_b =", letters), z[:, f.b])
        same(value(page, r"\left| \det \frac{\partial f}{\partial x} \right| =", letters), log_det.exp()[0])
        return
    same(value(own, "z_{1:d} =", letters), z[:, f.a])
    same(value(own, "z_{d+1:D} =", letters), z[:, f.b])
    same(value(own, "log |det dz/dx| =", letters), log_det[0])
    same(value(page, r"\\ x_{d+1:D} =", letters), b)
    same(value(own, "inverts s or t: x_{d+1:D} =", letters), b)
    same(value(page, r"\left| \det \frac{\partial f(x)}{\partial x} \right| =", letters), log_det.exp()[0])
    glow = "engine/flow/glow.py"
    same(value(glow, "z_b =", {"x_b": b, "s(x_a)": s, "t(x_a)": t}), z[:, f.b])
    same(value("pages/glow.py", "z_b =", {"x_b": b, "s(x_a)": s, "t(x_a)": t}), z[:, f.b])
    same(
        value(
            "pages/glow.py",
            r"t(x_a)$ |",
            {r"$\sum s": s.sum(), "$": 1.0, "(x_a)": 1.0},
            re.compile(r"\$ ?\|"),
        ),
        log_det[0],
    )


@torch.no_grad()
@pytest.mark.parametrize("name", ["maf", "iaf"])
def test_autoregressive_layers(name):
    model = flow(name, PLANE, layers=1, order="none")
    f, x = model.transforms[0], torch.randn(1, 2)
    z, log_det = f(x)
    seen, letter = (x, "x") if name == "maf" else (z, "z")
    o = (f.of if name == "iaf" else f).net(seen)[0]
    mu, s = o[:, 0], squash(o[:, 1])
    page, own = f"pages/{name}.py", f"engine/flow/{name}.py"
    for i, (d, at) in enumerate((("1", ""), ("d", f"({letter}_{{1:d-1}})"))):
        letters = {
            f"x_{d}": x[0, i], f"z_{d}": z[0, i], rf"\mu_{d}{at}": mu[i], f"s_{d}{at}": s[i],
            rf"\sum_{{d=1}}^{{D}} s_d({letter}_{{1:d-1}})": s.sum(), "sum_i s_i": s.sum(),
        }  # fmt: skip
        same(value(page, f"z_{d} =", letters), z[0, i])
        same(value(page, f"x_{d} =", letters), x[0, i])
    at = f"({letter}_{{1:i-1}})"
    plain = {"x_i": x[0, 1], "z_i": z[0, 1], f"mu_i{at}": mu[1], f"s_i{at}": s[1], "sum_i s_i": s.sum()}
    same(value(own, "z_i =", plain), z[0, 1])
    same(value(own, "x_i =", plain), x[0, 1])
    same(value(own, "log |det dz/dx| =", plain), log_det[0])
    if name == "maf":
        same(
            value(page, r"\left| \det \frac{\partial f(x)}{\partial x} \right| =", letters), log_det[0].exp()
        )
        return
    lecture = {"z_d": z[0, 1], "x_d": x[0, 1]}  # with other letters it is the same map
    lecture |= {r"\mu_d": value(page, r"$\mu_d$ is our $", {r"\mu_d": mu[1], "s_d": s[1]}, re.compile(r"\$"))}
    lecture |= {"s_d": value(page, "$s_d$ is our $", {"s_d": s[1]}, re.compile(r"\$"))}
    same(value(page, "The lecture writes $z_d =", lecture), z[0, 1])


@torch.no_grad()
def test_a_push():
    f = flow("planar", PLANE, layers=1).transforms[0]
    x = torch.randn(1, 2)
    z, log_det = f(x)
    w, u, b = f.w, f.bent(), f.b
    wx, wu = x[0] @ w, w @ u
    letters = {"x": x[0], "u": u, "b": b, r"w^\top x": wx, "w x": wx, r"w^\top u": wu, "w u": wu,
               "h": torch.tanh, "h'(w x + b)": 1 - (wx + b).tanh() ** 2}  # fmt: skip
    same(value("pages/planar.py", "f(x) =", letters), z[0])
    end = re.compile(r"\$")
    same(
        value("pages/planar.py", r"\left| \det \frac{\partial f}{\partial x} \right| =", letters, end),
        log_det[0].exp(),
    )
    own = "engine/flow/planar.py"
    same(value(own, "f(x) =", letters), z[0])
    same(value(own, "|det df/dx| =", letters, re.compile(r"\s{3,}")), log_det[0].exp())


@torch.no_grad()
def test_a_step_of_glow():
    model = flow("glow", FOUR, layers=1)
    scale, mix, _ = model.transforms
    for C, H, W in ((4, 1, 1), (4, 2, 3)):
        x = torch.randn(1, C, H, W)
        m, s = scale.m[:, None, None], scale.s[:, None, None]
        letters = {
            "x": x[0],
            "m": m,
            "s": s,
            "H": float(H),
            "W": float(W),
            r"\sum_c s_c": s.sum(),
            "sum(s)": s.sum(),
        }
        z, log_det = scale(x)
        for path in ("pages/glow.py", "engine/flow/glow.py", "engine/flow/linear.py"):
            begins = "actnorm | $z =" if path[0] == "p" else "actnorm      z =" if "glow" in path else "z ="
            end = re.compile(r"\$|\s{3,}|with")
            same(value(path, begins, letters, end), z[0])
        same(value("pages/glow.py", r"\exp(s)$ | $", letters), log_det[0])
        same(value("engine/flow/glow.py", "z = (x - m) exp(s)", letters, re.compile(r"\n")), log_det[0])
        _, U = mix.parts()
        volume = U.diagonal().abs().log().sum()
        letters = {"H": float(H), "W": float(W), r"\sum_c \log  U_{cc}": volume, "sum(log  U_ii )": volume}
        letters |= {r"\sum_c \log   U_{cc}": volume}
        _, log_det = mix(x)
        same(value("pages/glow.py", "$W = P L U$ | $", letters), log_det[0])
        same(value("engine/flow/glow.py", "W = P L U        ", letters, re.compile(r"\n")), log_det[0])
        W_ = torch.linalg.multi_dot([mix.P, mix.L.tril(-1) + torch.eye(4), U])
        same(torch.einsum("ij,jhw->ihw", W_, x[0]), mix(x)[0][0])


def test_a_curve():
    o = torch.randn(1, 1, 11)
    xs, ys, slopes = knots(o[0, 0], 2.0)
    x = torch.linspace(-1.9, 1.9, 23)
    k = torch.bucketize(x, xs[1:-1], right=True)
    letters = {
        "y^{(k)}": ys[k], "y^{(k+1)}": ys[k + 1], "x^{(k)}": xs[k], "x^{(k+1)}": xs[k + 1], "x": x,
        r"\delta^{(k)}": slopes[k], r"\delta^{(k+1)}": slopes[k + 1],
    }  # fmt: skip
    page = "pages/spline_flow.py"
    letters[r"\xi"] = value(page, r"$\xi =", letters)
    letters["s^{(k)}"] = value(page, r"$s^{(k)} =", letters)
    g, log_slope = spline(x[:, None], o.expand(23, -1, -1), False, 2.0)
    same(value(page, "g(x) =", letters, re.compile(r"\$\$")), g[:, 0])
    slope = torch.func.grad(lambda x: spline(x[:, None], o.expand(23, -1, -1), False, 2.0)[0].sum())(x)
    same(slope.log(), log_slope[:, 0])


@torch.no_grad()
def test_a_velocity_and_the_volume_of_a_short_while():
    model = flow("continuous-flow", PLANE, layers=1)
    x, dt = torch.randn(1, 2), 1e-5
    both = model.transforms[0].velocity(torch.tensor(0.3), torch.cat([x, torch.zeros(1, 1)], 1))
    v, trace = both[0, :2], both[0, 2]
    J = torch.autograd.functional.jacobian(
        lambda h: model.transforms[0].velocity(torch.tensor(0.3), torch.cat([h, h[:, :1]], 1))[0, :2], x
    )[:, 0]
    same(J.trace(), trace)
    letters = {
        "h": x[0],
        "v": v,
        "dt": dt,
        r"\mathrm{tr} \frac{\partial v}{\partial h}": trace,
        r"\mapsto": 0.0,
    }
    assert (
        value("pages/continuous_flow.py", r"h \mapsto ", letters, re.compile(r"\$")).tolist()
        == (x[0] + v * dt).tolist()
    )
    volume = value(
        "pages/continuous_flow.py", r"\frac{\partial v}{\partial h} dt) =", letters, re.compile(r"\$")
    )
    same(volume, torch.linalg.det(torch.eye(2) + J * dt))
    path = torch.linspace(0, 1, 2001)
    h, total = x, torch.zeros(())
    for t in path[:-1]:
        both = model.transforms[0].velocity(t, torch.cat([h, h[:, :1]], 1))
        h, total = h + both[:, :2] / 2000, total + both[0, 2] / 2000
    integral = {"log p_z(z)": model.base.log_prob(h)[0], "integral of tr(dv/dh) dt": total}
    found = value("engine/flow/continuous_flow.py", "log p_x(x) =", integral, re.compile(r"\s{3,}"))
    assert found.item() == pytest.approx(model.log_prob(x).item(), abs=5e-3)
    integral = {
        r"\log p_z(z)": integral["log p_z(z)"],
        r"\int_0^1 \mathrm{tr}\, \frac{\partial v}{\partial h}\; dt": total,
    }
    found = value("pages/continuous_flow.py", r"\log p_x(x) =", integral, re.compile(r"\n"))
    assert found.item() == pytest.approx(model.log_prob(x).item(), abs=5e-3)


@torch.no_grad()
def test_change_of_variables():
    model = flow("real-nvp", PLANE, layers=2)
    x = torch.randn(5, 2)
    (_, one), (z, two) = model.average.way(x)
    log_pz, p = model.base.log_prob(z), model.log_prob(x).exp()
    letters = {"p_z(f(x))": log_pz.exp(), "det df/dx": (one + two).exp(), "log p_z(z)": log_pz,
               "sum_l log  det dh_l / dh_{l-1}": one + two}  # fmt: skip
    same(value("engine/flow/base.py", "p_x(x) =", letters), p)
    same(value("engine/flow/base.py", "log p_x(x) =", letters), p.log())
    letters = {
        "p_z(f(x_i))": log_pz.exp(), r"\det \frac{\partial f(x_i)}{\partial x_i}": (one + two).exp(),
        r"\log p_z(f(x_i))": log_pz, r"\log   \det \frac{\partial f(x_i)}{\partial x_i}": one + two,
        "m": 5.0, r"\sum_{i=1}^m": 1.0, "p_z(z_i)": log_pz.exp(),
        r"\det \frac{\partial f_2(y_i)}{\partial y_i}": two.exp(),
        r"\det \frac{\partial f_1(x_i)}{\partial x_i}": one.exp(),
    }  # fmt: skip
    same(value("lab/flow/room_tab.py", "p_x(x_i) =", letters, re.compile(r", \\qquad")), p)
    end = re.compile(r"\$\$")
    loss = value("lab/flow/room_tab.py", "L =", letters, end).sum()  # of what stands behind the sum
    same(loss, model.terms(x)[model.loss])
    same(value("pages/real_nvp.py", "p_x(x_i) =", letters, end), p)
    curve = flow("spline-flow", LINE)
    x = torch.randn(5, 1)
    z, slope = curve.forward(x)
    log_pz = curve.base.log_prob(z)
    letters = {"p_z(f(x))": log_pz.exp(), "df": slope.exp(), "dx": 1.0, r"\log p_z(f(x))": log_pz,
               r"\log   \frac{df}{dx}": slope}  # fmt: skip
    page = "pages/change_of_variables.py"
    same(value(page, "$$\np_x(x) =", letters, end), curve.log_prob(x).exp())
    same(value(page, r"\log p_x(x) =", letters, end), curve.log_prob(x))


def test_levels_become_numbers():
    c = torch.tensor([[3.0, 200.0]])
    f = Logit(0.01)
    end = re.compile(r"\.\n")
    inner = {"logit": torch.logit, "margin": 0.01, "c": c}
    same(value("engine/flow/pixels.py", "y =", inner, end), f(c)[0])
    assert math.isclose(f.slope, (1 - 2 * 0.01) / 256)
