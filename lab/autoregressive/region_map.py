"""A schematic map of Ukraine's regions: to each belongs what lies nearest to its chief town."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from lab.kit.palette import ink, letter

SHOWN = 8  # regions that are named
REACH, CORNERS = 1.25, 40  # degrees of latitude around a town, and corners of this circle
FLAT = float(np.cos(np.radians(48.5)))  # a degree of longitude in degrees of latitude
PALE = 0.08  # tint of a region whose probability is 0


def region_map(p: np.ndarray, labels: Sequence[str], towns: np.ndarray) -> go.Figure:
    """The regions, tinted by their p (R,), and the likeliest with their rank. `towns` (R, 2) are degrees."""
    places = towns * [FLAT, 1.0]
    rank = {int(region): n for n, region in enumerate(np.argsort(-p)[:SHOWN], 1)}
    figure = go.Figure()
    for region, (cell, name) in enumerate(zip(cells(places), labels, strict=True)):
        tint = PALE + (1 - PALE) * float(p[region]) ** 0.5
        figure.add_scatter(
            x=cell[:, 0], y=cell[:, 1], mode="lines", fill="toself", fillcolor=faint(ink("latent"), tint),
            line={"color": faint(ink("critic"), 0.6), "width": 1}, hoveron="fills",
            name=name, text=f"{name}: {p[region]:.3f}", hoverinfo="text",
        )  # fmt: skip
    figure.add_scatter(
        x=places[:, 0], y=places[:, 1], mode="text", hoverinfo="skip",
        textfont={"size": 15, "color": letter("critic")},
        text=[f"<b>{rank[i]}</b>" if i in rank else "" for i in range(len(p))],
    )  # fmt: skip
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure


def bars(p: np.ndarray, before: np.ndarray, labels: Sequence[str]) -> go.Figure:
    """p of the likeliest regions with their rank, and what it was before the first letter."""
    likeliest = np.argsort(-p)[:SHOWN]
    names = [f"{labels[i]} <b>{n}</b>" for n, i in enumerate(likeliest, 1)]
    figure = go.Figure()
    figure.add_bar(
        x=p[likeliest], y=names, orientation="h", marker={"color": ink("latent")}, name="p(region | name)",
        hovertemplate="%{x:.3f}",
    )  # fmt: skip
    figure.add_scatter(
        x=before[likeliest], y=names, mode="markers", name="p(region)", hovertemplate="%{x:.3f}",
        marker={"symbol": "line-ns", "size": 9, "line": {"color": letter("critic"), "width": 2}},
    )  # fmt: skip
    figure.update_xaxes(range=[0, max(0.3, 1.05 * float(p.max()))], title="p(region | name)")
    figure.update_yaxes(autorange="reversed")
    return figure


def cells(places: np.ndarray) -> list[np.ndarray]:
    """For each place (R, 2) the corners of what lies nearer to it than to all others, within REACH."""
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    circle = REACH * np.stack([np.cos(angles), np.sin(angles)], 1)
    found = []
    for place in places:
        cell = place + circle
        for other in places:
            if (other != place).any():
                cell = nearer(cell, place, other)
        found.append(np.concatenate([cell, cell[:1]]))
    return found


def nearer(cell: np.ndarray, place: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The part of a convex polygon (n, 2) that lies nearer to `place` than to `other` (Sutherland and
    Hodgman, 1974, https://doi.org/10.1145/360767.360802)."""
    side = (cell - (place + other) / 2) @ (other - place)  # negative: nearer to the place
    kept = []
    for i, one in enumerate(side):
        after = (i + 1) % len(cell)
        if one <= 0:
            kept.append(cell[i])
        if (one < 0) != (side[after] < 0) and one != side[after]:
            kept.append(cell[i] + (cell[after] - cell[i]) * (one / (one - side[after])))
    return np.array(kept)


def faint(colour: str, strength: float) -> str:
    """A hex colour with an opacity, as plotly takes it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {strength:.3f})"
