"""Style transfer: its losses against formulas and autograd, its masks, colours and two styles."""

import pytest
import torch
from torch import Tensor
from torch.func import grad

from engine.style.losses import content_loss, gram, roughness, style_loss
from engine.style.style import TERMS
from tests.laws.style.styling import built, gap, half, noise, pictures, slope, total, trained

# --- the losses ----------------------------------------------------------------------------------


def test_a_gram_matrix_is_the_mean_product_of_two_channels(double):
    F = torch.randn(1, 4, 5, 6)
    for i in range(4):
        for j in range(4):
            product = sum(F[0, i, a, b] * F[0, j, a, b] for a in range(5) for b in range(6)) / 30
            assert (gram(F)[i, j] - product).abs() < 1e-12


def test_a_gram_matrix_forgets_where(double):
    F = torch.randn(1, 8, 6, 9)
    shuffled = F.flatten(2)[..., torch.randperm(54)].reshape(1, 8, 9, 6)
    assert gap(gram(shuffled), gram(F)) < 1e-12
    assert gap(gram(F.flip(1)), gram(F)) > 0.1  # but not what


def test_the_style_loss_has_the_papers_gradient(double):
    """Equation 6 for dE/dF, with means over the M places instead of sums: (G - A) F / (N^2 M)."""
    F, A = torch.randn(1, 6, 5, 7), gram(torch.randn(1, 6, 4, 4))
    gradient = grad(lambda f: style_loss(gram(f), A))(F)
    wanted = (gram(F) - A) @ F[0].flatten(1) / (6**2 * 35)
    assert gap(gradient[0].flatten(1), wanted) < 1e-12


def test_the_style_loss_is_the_papers_over_the_square_of_the_places(double):
    """Equation 4 with G = F F^T as the paper has it: 1 / (4 N^2 M^2) sum (G - A)^2."""
    F, A = torch.randn(6, 35), torch.randn(6, 35)
    paper = ((F @ F.T) - (A @ A.T)).square().sum() / (4 * 6**2 * 35**2)
    ours = style_loss(gram(F.reshape(1, 6, 5, 7)), gram(A.reshape(1, 6, 7, 5)))
    assert ours.item() == pytest.approx(paper.item(), rel=1e-12)


def test_at_its_target_a_loss_is_zero_and_flat(double):
    F, P = torch.randn(1, 6, 5, 7), torch.randn(1, 6, 5, 7)
    A = gram(F)
    assert style_loss(gram(F), A) == 0
    assert grad(lambda f: style_loss(gram(f), A))(F).abs().max() == 0
    assert content_loss(F, F) == 0
    assert gap(grad(lambda f: content_loss(f, P))(F), (F - P) / F.numel()) < 1e-12


def test_losses_are_means_that_do_not_grow_with_the_picture(double):
    F, P, A = torch.randn(1, 6, 4, 4), torch.randn(1, 6, 4, 4), gram(torch.randn(1, 6, 4, 4))
    once, tiled = (F, P), (F.repeat(1, 1, 2, 3), P.repeat(1, 1, 2, 3))
    assert content_loss(*tiled).item() == pytest.approx(content_loss(*once).item(), rel=1e-12)
    assert style_loss(gram(tiled[0]), A).item() == pytest.approx(style_loss(gram(F), A).item(), rel=1e-12)


def test_variation_is_the_mean_square_of_the_slopes(double):
    x = torch.zeros(1, 3, 10, 12) + 0.25 * torch.arange(12) + 0.5 * torch.arange(10)[:, None]
    assert roughness(x).item() == pytest.approx(0.25**2 + 0.5**2, rel=1e-12)
    assert roughness(torch.full((1, 3, 5, 5), 0.7)) == 0


def test_the_terms_are_those_of_the_formula_in_the_networks_features(double):
    """The whole loss, once more from the network's features by hand."""
    model = built(alpha=0.7, beta=3.0, tv=2.0, w2=0.5, w4=0.0)
    c, canvas, x = model.config, model.canvas, noise(built())
    styles = [f"relu{i}_1" for i in range(1, 6)]
    net = canvas.network
    F, A = net(x, [*styles, "relu4_2"]), net(canvas.styles[0], styles)
    P = net(canvas.content, ["relu4_2"])["relu4_2"]
    wanted = {"content": 0.7 * (F["relu4_2"] - P).square().mean() / 2 / P.square().mean()}
    for i, layer in enumerate(styles):
        f, a = F[layer][0].flatten(1), A[layer][0].flatten(1)
        n, unit = len(f), a.square().mean()
        E = (f @ f.T / f.shape[1] - a @ a.T / a.shape[1]).square().sum() / unit**2 / (4 * n**2)
        wanted[f"style {i + 1}"] = 3.0 * c.weights[i] * E
    wanted["roughness"] = 2.0 * roughness(x)
    terms = model.losses(x)
    assert tuple(terms) == TERMS == tuple(wanted)
    for name in TERMS:
        assert terms[name].item() == pytest.approx(wanted[name].item(), rel=1e-10), name
    assert terms["style 4"] == 0


def test_a_picture_of_its_own_content_and_style_is_done(double):
    data = pictures()
    data.space.__dict__["styles"] = (data.space.content,)
    model = built(data)
    losses = model.losses(model.image[0])
    assert losses["content"] == 0
    assert sum(losses.values()) < 1e-20
    assert slope(model, model.image[0].detach()).abs().max() < 1e-12
    away = slope(model, noise(model)).abs().max()
    assert away > 1e-6


def test_a_term_of_no_weight_is_zero_and_flat_for_every_picture(small, double):
    model = built(alpha=0.0, w4=0.0)
    for x in (0 * noise(model), noise(model)):
        for term in ("content", "style 4"):
            assert model.losses(x)[term] == 0
            assert grad(lambda x, term=term: model.losses(x)[term])(x).abs().max() == 0


def test_content_alone_is_flat_at_the_content(double):
    model = built(alpha=1.0, beta=0.1, w1=0.0, w2=0.0, w3=0.0, w4=0.0, w5=0.0)
    assert slope(model, model.canvas.content).abs().max() == 0
    assert slope(model, noise(model)).abs().max() > 1e-6


def test_the_loss_has_the_gradient_that_a_small_step_finds(double):
    model = built(tv=1.0)
    x, way = noise(model), torch.randn_like(model.image[0])
    h = 1e-6
    difference = (total(model, x + h * way) - total(model, x - h * way)) / (2 * h)
    assert difference.item() == pytest.approx((slope(model, x) * way).sum().item(), rel=1e-5)


# --- two styles, masks, colours ------------------------------------------------------------------


@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
def test_two_styles_blend_as_the_weighted_sum_of_their_losses(double, blend):
    data = pictures(styles=2)
    model = built(data, blend=blend)
    x, canvas = noise(model), model.canvas
    t = model.targets(0)

    def summed(x: Tensor) -> Tensor:
        F = canvas.features(x, [*canvas.styles_at, canvas.content_at], t.units)
        loss = model.config.alpha * content_loss(F[canvas.content_at], t.P)
        for i, layer in enumerate(canvas.styles_at):
            one, other = (style_loss(gram(F[layer]), grams[i]) for grams in t.grams)
            loss = loss + model.config.beta * ((1 - blend) * one + blend * other)
        return loss

    assert gap(slope(model, x), grad(summed)(x)) < 1e-10


def test_a_second_style_does_nothing_at_a_share_of_zero_and_all_at_one(double):
    both = pictures(styles=2)
    model, x = built(both, blend=0.0), noise(built())
    assert gap(slope(model, x), slope(built(), x)) < 1e-12
    blended, wanted = built(both, blend=1.0).wanted(model.targets(0), 2), model.targets(0).grams[1][2]
    assert gap(blended, wanted) < 1e-12


def test_where_the_mask_is_black_nothing_changes(double):
    model = built(pictures(mask=half()))
    x = noise(model)
    black = (model.canvas.mask == 0).expand_as(x)
    assert black.float().mean() > 0.4
    assert slope(model, x)[black].abs().max() == 0
    assert slope(model, x)[~black].abs().max() > 1e-6
    model.image[0].data.copy_(x)
    assert torch.equal(model.picture()[black], model.canvas.content[black])
    trained(model, 3, data=pictures(mask=half()))
    assert torch.equal(model.picture()[black], model.canvas.content[black])


def test_a_white_mask_is_no_mask(double):
    white = torch.full((1, 48, 64), 255, dtype=torch.uint8)
    masked, plain = built(pictures(mask=white)), built()
    x = noise(plain)
    assert gap(slope(masked, x), slope(plain, x)) < 1e-10
    assert torch.equal(masked.canvas.shown(x), plain.canvas.shown(x))


def test_a_masked_gram_matrix_is_that_of_the_white_places(double):
    F = torch.randn(1, 6, 4, 8)
    mask = torch.zeros(1, 1, 16, 32)
    mask[..., :16] = 1
    assert gap(gram(F, mask), gram(F[..., :4])) < 1e-12
    assert gap(gram(F, 0.5 * torch.ones(1, 1, 16, 32)), gram(F)) < 1e-12


@pytest.mark.parametrize("mask", [None, half()], ids=["whole", "masked"])
def test_luminance_keeps_the_contents_chroma(double, mask):
    model = built(pictures(mask=mask), colour="luminance")
    content = model.canvas.content
    x = (content + 0.05 * torch.randn_like(content)).clamp(-0.8, 0.8)
    model.image[0].data.copy_(x)
    shown = model.picture()
    inside = ((shown > -1) & (shown < 1)).all(1)  # elsewhere a colour that cannot be shown is cut off
    assert inside.float().mean() > 0.7
    for a, b in ((0, 1), (1, 2)):  # I, Q and hue are functions of these differences
        kept = (shown[:, a] - shown[:, b]) - (content[:, a] - content[:, b])
        assert kept[inside].abs().max() < 1e-12
    chroma = torch.randn(1, 3, 48, 64)
    chroma -= (chroma * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    assert gap(slope(model, x + chroma), slope(model, x)) < 1e-9  # which the network does not see


def test_luminance_leaves_the_content_as_it_is(double):
    model = built(colour="luminance")
    assert (model.picture() - model.canvas.content).abs().max() < 1e-12


def test_the_styles_colours_become_the_contents(double):
    def moments(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.flatten(2)[0].mean(1), torch.cov(x.flatten(2)[0], correction=0)

    canvas = built(pictures(styles=2), colour="histogram").canvas
    for style in canvas.styles:
        for got, wanted in zip(moments(style), moments(canvas.content), strict=True):
            assert (got - wanted).abs().max() < 1e-3 * wanted.abs().max()
