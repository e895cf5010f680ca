"""The formulas of the papers, written out one number at a time in numpy: the oracle for every flow.

Only weights are read from a model. Which half a layer keeps, and in which order numbers come, follows from
the knobs alone, except where these say "random".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.flow.base import Flow
from engine.space import Line, Picture

Found = tuple[np.ndarray, float]
STEEPEST = math.log(1000)


def numbers(t: Any) -> np.ndarray:
    return t.detach().double().numpy()


def soft(s: float) -> float:
    """s in (-log 1000, log 1000)."""
    return s / (1 + abs(s) / STEEPEST)


def mlp(net: Any, x: np.ndarray) -> np.ndarray:
    """Linear layers with ReLU between them."""
    for layer in (layers := [part for part in net if hasattr(part, "weight")]):
        x = numbers(layer.weight) @ x + numbers(layer.bias)
        x = np.maximum(x, 0) if layer is not layers[-1] else x
    return x


def made(net: Any, x: np.ndarray, i: int) -> np.ndarray:
    """What MADE says of number i, by a whole net that never sees x_i or what comes later."""
    rank = numbers(net.rank)
    h = np.where(rank < rank[i], x, 0.0)
    for layer in net.hidden:
        h = np.maximum(numbers(layer.weight * layer.mask) @ h + numbers(layer.bias), 0)
    o = numbers(net.out.weight * net.out.mask) @ h + numbers(net.out.bias)
    return o.reshape(len(x), -1)[i]


def kept(model: Flow, layer: Any, i: int) -> list[bool]:
    """Which numbers layer i keeps: every other one, or a checkerboard."""
    order, shape = model.config.order, model.space.shape
    if order == "random":
        return [j in layer.a.tolist() for j in range(model.space.size)]
    flipped = order == "alternate" and i % 2 == 1
    return [(sum(place) % 2 == 0) != flipped for place in np.ndindex(*shape)]


def rank(model: Flow, net: Any, i: int) -> list[int]:
    D, order = model.space.size, model.config.order
    if order == "random":
        return net.rank.tolist()
    return list(range(D))[:: -1 if order == "alternate" and i % 2 == 1 else 1]


# --- curves -----------------------------------------------------------------------------------------


def spline(x: float, o: np.ndarray, B: float) -> tuple[float, float]:
    """Durkan et al. 2019, eq. (4) and (5): g(x), and the slope there by a difference quotient of eq. (4)."""
    K, least = (len(o) + 1) // 3, 1e-3

    def ends(v: np.ndarray) -> np.ndarray:
        share = least + (1 - least * K) * np.exp(v - v.max()) / np.exp(v - v.max()).sum()
        return np.concatenate([[-B], -B + 2 * B * share.cumsum()])

    xs, ys = ends(o[:K]), ends(o[K : 2 * K])
    inner = least + np.logaddexp(0, o[2 * K :] + math.log(math.e - 1)) * (1 - least)
    slopes = np.concatenate([[1.0], inner, [1.0]])

    def g(x: float) -> float:
        if abs(x) >= B:
            return x
        k = max(j for j in range(K) if xs[j] <= x)
        xi = (x - xs[k]) / (xs[k + 1] - xs[k])
        s = (ys[k + 1] - ys[k]) / (xs[k + 1] - xs[k])
        above = (ys[k + 1] - ys[k]) * (s * xi**2 + slopes[k] * xi * (1 - xi))
        return ys[k] + above / (s + (slopes[k + 1] + slopes[k] - 2 * s) * xi * (1 - xi))

    h = 1e-6
    return g(x), math.log((g(x + h) - g(x - h)) / (2 * h))


# --- layers -----------------------------------------------------------------------------------------


def coupling(x: np.ndarray, keep: list[bool], o: np.ndarray, law: str, B: float = 0.0) -> Found:
    """z_a = x_a; z_b is shifted, scaled and shifted, or goes through a curve, with its row of o."""
    z, total = x.copy(), 0.0
    for row, j in enumerate(j for j in range(len(x)) if not keep[j]):
        if law == "additive":
            z[j] = x[j] + o[row][0]
        elif law == "affine":
            s, t = soft(o[row][0]), o[row][1]
            z[j], total = x[j] * math.exp(s) + t, total + s
        else:
            z[j], log_slope = spline(x[j], o[row], B)
            total += log_slope
    return z, total


def planar(f: Any, x: np.ndarray) -> Found:
    """z = x + u tanh(w x + b) with w u >= -1 by the paper's appendix, eq. (10) to (12)."""
    w, u, b = numbers(f.w), numbers(f.u), float(f.b)
    u = u + (-1 + 1e-3 + np.logaddexp(0, w @ u) - w @ u) * w / (w @ w)
    h = math.tanh(w @ x + b)
    return x + u * h, math.log(abs(1 + (1 - h * h) * (w @ u)))


def continuous(model: Flow, x: np.ndarray, steps: int = 60) -> Found:
    """dh/dt = v(h, t) and d log det/dt = tr dv/dh, by Runge and Kutta's rule; derivatives by differences."""
    net = model.transforms[0].shared[0]
    linear = [part for part in net if hasattr(part, "weight")]

    def v(h: np.ndarray, t: float) -> np.ndarray:
        h = np.append(h, t)
        for part in linear:
            h = numbers(part.weight) @ h + numbers(part.bias)
            h = np.tanh(h) if part is not linear[-1] else h
        return h

    def slope(state: np.ndarray, t: float) -> np.ndarray:
        h, e = state[:-1], 1e-5 * np.eye(len(x))
        trace = sum((v(h + e[i], t) - v(h - e[i], t))[i] / 2e-5 for i in range(len(x)))
        return np.append(v(h, t), trace)

    state, dt = np.append(x, 0.0), 1 / steps
    for i in range(steps):
        a = slope(state, i * dt)
        b = slope(state + dt / 2 * a, (i + 0.5) * dt)
        c = slope(state + dt / 2 * b, (i + 0.5) * dt)
        d = slope(state + dt * c, (i + 1) * dt)
        state = state + dt / 6 * (a + 2 * b + 2 * c + d)
    return state[:-1], float(state[-1])


def conv(layer: Any, x: np.ndarray) -> np.ndarray:
    """A convolution (C, H, W) that keeps H and W."""
    w, (_, H, W) = numbers(layer.weight), x.shape
    r = w.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (r, r), (r, r)))
    out = np.zeros((len(w), H, W)) + numbers(layer.bias)[:, None, None]
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            out += np.einsum("oc,chw->ohw", w[:, :, i, j], padded[:, i : i + H, j : j + W])
    return out


def channel(z: np.ndarray) -> int:
    """How many places a channel has."""
    return z[0].size


def actnorm(f: Any, x: np.ndarray) -> Found:
    m, s = numbers(f.m), numbers(f.s)
    shape = (-1,) + (1,) * (x.ndim - 1)
    return (x - m.reshape(shape)) * np.exp(s).reshape(shape), channel(x) * s.sum()


def mix(f: Any, x: np.ndarray) -> Found:
    """z = W x at every place with W = P L U, Glow's eq. (10)."""
    L = np.tril(numbers(f.L), -1) + np.eye(len(x))
    U = np.triu(numbers(f.U), 1) + np.diag(numbers(f.sign) * np.exp(numbers(f.log_s)))
    W = numbers(f.P) @ L @ U
    return np.tensordot(W, x, 1), channel(x) * np.linalg.slogdet(W)[1]


def pixels(x: np.ndarray, margin: float) -> Found:
    """y = logit(margin + (1 - 2 margin) x / 256)."""
    p = margin + (1 - 2 * margin) * x / 256
    slopes = (1 - 2 * margin) / 256 * (1 / p + 1 / (1 - p))
    return np.log(p / (1 - p)), np.log(slopes).sum()


def squeeze(x: np.ndarray) -> np.ndarray:
    """Every 2 x 2 pixels of a channel become four channels."""
    return np.stack([c[i::2, j::2] for c in x for i in (0, 1) for j in (0, 1)])


def glow(model: Flow, x: np.ndarray) -> Found:
    """Actnorm, a matrix, a coupling, again and again; pictures are squeezed before half of the steps."""
    layers, total = iter(model.transforms), 0.0
    L, picture = model.config.layers, isinstance(model.space, Picture)
    scales = [(L + 1) // 2, L // 2] if picture else [L]
    if picture:
        next(layers)
        x, total = pixels(x, 1e-6)
    for steps in scales:
        if picture:
            next(layers)
            x = squeeze(x)
        for i in range(steps):
            x, one = actnorm(next(layers), x)
            x, two = mix(next(layers), x)
            f = next(layers)
            if picture:
                order, C = model.config.order, len(x)
                keep = [(c < C // 2) != (order == "alternate" and i % 2 == 1) for c in range(C)]
                keep = [c in f.a.tolist() for c in range(C)] if order == "random" else keep
                h = x[keep]
                convs = [part for part in f.net if hasattr(part, "weight")]
                for part in convs:
                    h = conv(part, h)
                    h = np.maximum(h, 0) if part is not convs[-1] else h
                z, three = x.copy(), 0.0
                for row, c in enumerate(c for c in range(C) if not keep[c]):
                    s = h[2 * row] / (1 + np.abs(h[2 * row]) / STEEPEST)
                    z[c], three = x[c] * np.exp(s) + h[2 * row + 1], three + s.sum()
            else:
                keep = kept(model, f, i)
                z, three = coupling(x, keep, mlp(f.net, x[keep]).reshape(-1, 2), "affine")
            x, total = z, total + one + two + three
    assert not list(layers)[1 if picture else 0 :]  # the last one of pictures only gives them another shape
    return x.ravel(), total


def image(model: Flow, x: np.ndarray) -> Found:
    """z = f(x) and log |det df/dx| of one x (*shape)."""
    name, c = model.name, model.config
    if name == "glow":
        return glow(model, x)
    if name == "continuous-flow":
        return continuous(model, x)
    layers, total = list(model.transforms), 0.0
    if isinstance(model.space, Picture):
        x, total = pixels(x, 1e-3)
        x, more = actnorm(layers[2], x.ravel())
        layers, total = layers[3:], total + more
    last = layers.pop() if name == "nice" else None
    assert len(layers) == c.layers
    for i, f in enumerate(layers):
        if name == "planar":
            z, more = planar(f, x)
        elif name == "spline-flow" and isinstance(model.space, Line):
            value, more = spline(x[0], numbers(f.o)[0], c.bound)
            z = np.array([value])
        elif name in ("maf", "iaf") or getattr(c, "kind", "") == "autoregressive":
            net = (f.of if name == "iaf" else f).net
            assert net.rank.tolist() == rank(model, net, i)
            z, more = x.copy(), 0.0
            for j in np.argsort(net.rank.tolist()):
                o = made(net, z if name == "iaf" else x, j)  # IAF: of numbers of z that are known
                if name == "spline-flow":
                    z[j], log_slope = spline(x[j], o, c.bound)
                else:
                    mu, s = o[0], soft(o[1])
                    scaled = (x[j] * math.exp(s) + mu, s), ((x[j] - mu) * math.exp(-s), -s)
                    z[j], log_slope = scaled[name == "maf"]
                more += log_slope
        else:
            law = {"nice": "additive", "real-nvp": "affine", "spline-flow": "spline"}[name]
            keep = kept(model, f, i)
            o = mlp(f.net, x[keep]).reshape(len(x) - sum(keep), -1)
            z, more = coupling(x, keep, o, law, getattr(c, "bound", 0.0))
        x, total = z, total + more
    if last is not None:
        x, more = actnorm(last, x)
        total += more
    return x, total


def base(model: Flow, z: np.ndarray) -> float:
    """log p_z(z)."""
    p = model.base
    if model.config.base == "normal":
        return sum(-(v**2) / 2 - math.log(2 * math.pi) / 2 for v in z)
    if model.config.base == "uniform":  # between -2 and 2, blurred by logistic noise of scale 0.05
        sigmoid = lambda v: 1 / (1 + math.exp(-v)) if v > 0 else math.exp(v) / (1 + math.exp(v))  # noqa: E731
        return sum(math.log((sigmoid((2 - abs(v)) / 0.05) - sigmoid((-2 - abs(v)) / 0.05)) / 4) for v in z)
    w = np.exp(numbers(p.logits)) / np.exp(numbers(p.logits)).sum()
    sigma = np.exp(numbers(p.log_sigma))
    squares = ((z - numbers(p.centres)) ** 2).sum(1) / sigma**2
    each = np.log(w) - squares / 2 - len(z) * np.log(sigma * math.sqrt(2 * math.pi))
    return each.max() + math.log(np.exp(each - each.max()).sum())


def log_prob(model: Flow, x: np.ndarray) -> float:
    """log p_x(x) = log p_z(f(x)) + log |det df/dx|."""
    z, log_det = image(model, x)
    return base(model, z) + log_det
