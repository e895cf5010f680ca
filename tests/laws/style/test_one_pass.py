"""Style transfer in one pass: moments are the style's, and nothing changes that should not."""

import json

import pytest
import torch
from safetensors import safe_open
from torch.nn.functional import relu

from engine.config import Refused
from engine.data import load
from engine.fit import fit
from engine.nets.backbone import backbone
from engine.style import colour, onepass
from engine.style.canvas import Canvas, StyleConfig
from engine.style.onepass import NEAR, adain, moments, one_pass, transferred, whitening
from lab.makers import decoder as recipe

HOWS = ("AdaIN", "whitening")
RECONSTRUCTS = 24  # dB: PSNR of a photograph that the decoder has never seen


def features(channels=12, height=9, width=11):
    """As behind a ReLU: channels of different spread, which go together."""
    mix = torch.randn(channels, channels) + 2 * torch.eye(channels)
    f = relu(mix @ torch.randn(channels, height * width) + torch.rand(channels, 1))
    return f.view(1, channels, height, width)


def picture(height, width):
    """Smooth colours and a little noise."""
    coarse = torch.rand(1, 3, 5, 5) * 2 - 1
    return (colour.resized(coarse, (height, width)) + 0.1 * torch.randn(1, 3, height, width)).clamp(-1, 1)


def net():
    return backbone("VGG-19", "max", torch.device("cpu"), torch.get_default_dtype())


def made_again(x):
    """A picture, with sides that are multiples of 4, as the decoder reconstructs it from its features."""
    return onepass.decoder(x.device, x.dtype).picture(net()(x, [NEAR])[NEAR]).clamp(-1, 1)


def test_adain_gives_each_channel_the_mean_and_spread_of_the_style(double):
    F, A = 3 * features(), features(height=6, width=5)
    G = adain(F, A)
    torch.testing.assert_close(G.mean((2, 3)), A.mean((2, 3)), rtol=0, atol=1e-10)
    torch.testing.assert_close(G.std((2, 3), correction=0), A.std((2, 3), correction=0), rtol=0, atol=1e-10)


def test_adain_keeps_what_a_channel_shows(double):
    F, A = features(), features()
    both = torch.stack([F.flatten(2)[0], adain(F, A).flatten(2)[0]], 1)
    for pair in both:
        assert torch.corrcoef(pair)[0, 1] == pytest.approx(1, abs=1e-10)


def test_a_channel_without_contrast_gets_the_mean_of_the_style(double):
    F, A = features(), features()
    F[:, 3] = 0
    torch.testing.assert_close(adain(F, A)[0, 3], A[0, 3].mean().expand(9, 11))


def test_whitening_and_colouring_gives_the_mean_and_covariance_of_the_style(double):
    F, A = 3 * features(), features(height=6, width=8)
    G = whitening(F, A)
    torch.testing.assert_close(G.mean((2, 3)), A.mean((2, 3)), rtol=0, atol=1e-10)
    wanted = torch.cov(A.flatten(2)[0], correction=0)
    torch.testing.assert_close(torch.cov(G.flatten(2)[0], correction=0), wanted, rtol=0, atol=1e-8)


def test_with_fewer_places_than_channels_whitening_stays_finite_and_adds_no_spread(double):
    F, A = features(height=2, width=3), features()
    G = whitening(F, A)
    assert G.isfinite().all()
    assert moments(G, None, True)[1].trace() <= moments(A, None, True)[1].trace()


@pytest.mark.parametrize("shape", [(9, 11), (2, 3)])
@pytest.mark.parametrize("how", HOWS)
def test_a_styles_own_features_stay_as_they_are(double, how, shape):
    F = features(12, *shape)
    torch.testing.assert_close(transferred(F, [F], 0.0, 1.0, how), F, rtol=0, atol=1e-10)


@pytest.mark.parametrize("how", HOWS)
def test_a_styles_own_picture_is_only_made_again(double, how):
    x = picture(48, 40)
    torch.testing.assert_close(one_pass(x, [x], how=how), made_again(x), rtol=0, atol=1e-8)


@pytest.mark.parametrize("how", HOWS)
def test_no_strength_and_a_black_mask_leave_the_content(double, how):
    x, s = picture(48, 40), picture(40, 40)
    again = made_again(x)
    torch.testing.assert_close(one_pass(x, [s], strength=0.0, how=how), again, rtol=0, atol=1e-10)
    torch.testing.assert_close(one_pass(x, [s], mask=0 * x[:, :1], how=how), again, rtol=0, atol=1e-10)
    assert (one_pass(x, [s], how=how) - again).abs().mean() > 0.05


@pytest.mark.parametrize("how", HOWS)
def test_outside_the_mask_features_are_the_contents_and_inside_they_have_the_styles_moments(double, how):
    F, A, mask = features(12, 8, 16), features(), torch.zeros(1, 1, 16, 32)
    mask[..., :16] = 1
    G = transferred(F, [A], 0.0, 1.0, how, mask)
    assert torch.equal(G[..., 8:], F[..., 8:])
    mixed = how == "whitening"
    for reached, wanted in zip(moments(G[..., :8], None, mixed), moments(A, None, mixed), strict=True):
        torch.testing.assert_close(reached, wanted, rtol=0, atol=1e-8)


@pytest.mark.parametrize("how", HOWS)
def test_a_soft_mask_weights_each_place_by_the_mean_of_its_pixels(double, how):
    F, A, mask = features(12, 8, 16), features(), torch.rand(1, 1, 32, 64)
    w = mask.view(8, 4, 16, 4).mean((1, 3))
    change = {"AdaIN": adain, "whitening": whitening}[how](F, A, w[None, None])
    wanted = (1 - 0.7 * w) * F + 0.7 * w * change
    torch.testing.assert_close(transferred(F, [A], 0.0, 0.7, how, mask), wanted)


@pytest.mark.parametrize("how", HOWS)
def test_strength_goes_straight_from_the_content_to_the_style(double, how):
    F, A = features(), features()
    none, half, full = (transferred(F, [A], 0.0, s, how) for s in (0.0, 0.5, 1.0))
    assert torch.equal(none, F)
    torch.testing.assert_close(half, (none + full) / 2)


@pytest.mark.parametrize("how", HOWS)
def test_two_styles_blend(double, how):
    F, A, B = features(), features(), features()
    one, half, other = (transferred(F, [A, B], b, 1.0, how) for b in (0.0, 0.5, 1.0))
    assert torch.equal(one, transferred(F, [A], 0.0, 1.0, how))
    torch.testing.assert_close(other, transferred(F, [B], 0.0, 1.0, how))
    wanted = (A.mean((2, 3)) + B.mean((2, 3))) / 2
    torch.testing.assert_close(half.mean((2, 3)), wanted)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("how", HOWS)
def test_the_change_far_away_is_carried_near_and_added_there(double, how, masked):
    """The whole pass with all of its options, from the network's features on; the laws above are those of
    one change of features."""
    x, *styles = picture(40, 48), picture(32, 40), picture(40, 32)
    mask = torch.rand(1, 1, 40, 48) if masked else None
    inverse = onepass.decoder(x.device, x.dtype)
    F, *A = (net()(one, [NEAR, onepass.FAR]) for one in (x, *styles))

    def styled(f, layer):
        return transferred(f, [a[layer] for a in A], 0.3, 0.8, how, mask)

    far, near = F[onepass.FAR], F[NEAR]
    near = near + inverse.nearer(styled(far, onepass.FAR)) - inverse.nearer(far)
    wanted = inverse.picture(styled(near, NEAR)).clamp(-1, 1)
    made = one_pass(x, styles, blend=0.3, strength=0.8, how=how, mask=mask)
    torch.testing.assert_close(made, wanted, rtol=0, atol=1e-8)


def test_a_layer_of_the_decoder_keeps_the_scale_of_features_and_mirrors_at_the_border(double):
    layer, F = onepass.conv(64, 96), relu(torch.randn(1, 64, 24, 24))
    assert relu(layer(F)).square().mean().item() == pytest.approx(F.square().mean().item(), rel=0.2)
    assert torch.equal(layer(0 * F), torch.zeros(1, 96, 24, 24))
    row = torch.randn(1, 64, 1, 9).expand(1, 64, 9, 9)  # the same in each row: so it stays
    out = layer(row)
    torch.testing.assert_close(out, out[:, :, :1].expand_as(out))


def test_unless_told_otherwise_the_first_style_is_given_in_full(double):
    x, s, t = (picture(32, 32) for _ in range(3))
    wanted = one_pass(x, [s], blend=0.0, strength=1.0, how="whitening")
    assert torch.equal(one_pass(x, [s, t]), wanted)


@pytest.mark.parametrize("shape", [(33, 47), (50, 64), (32, 35)])
@pytest.mark.parametrize("how", HOWS)
def test_a_picture_of_any_size_keeps_it(how, shape):
    y = one_pass(picture(*shape), [picture(37, 45)], how=how)
    assert y.shape == (1, 3, *shape)
    assert y.isfinite().all()
    assert y.abs().max() <= 1
    assert y.std() > 0.05


@pytest.mark.parametrize("how", HOWS)
def test_a_picture_of_any_size_is_the_corner_of_one_that_was_extended_with_its_mask(double, how):
    x, s, mask = picture(33, 46), picture(40, 32), torch.rand(1, 1, 33, 46)
    whole = one_pass(onepass.grown(x), [s], how=how, mask=onepass.grown(mask))
    torch.testing.assert_close(one_pass(x, [s], how=how, mask=mask), whole[..., :33, :46])


def test_the_shipped_decoder_makes_again_a_photograph_that_it_has_never_seen():
    net = onepass.decoder(torch.device("cpu"), torch.float32)
    assert recipe.quality(net) > RECONSTRUCTS
    assert recipe.HELD_OUT not in recipe.PICTURES


def test_the_shipped_decoder_is_small_and_says_what_it_is():
    assert onepass.FILE.stat().st_size < 10e6
    with safe_open(onepass.FILE, "pt") as file:
        assert json.loads(file.metadata()["recipe"]) == recipe.RECIPE
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118


def test_the_decoder_begins_with_grey_and_the_shipped_one_stays_as_it_is():
    torch.manual_seed(0)
    begun, F = onepass.Decoder(), net()(picture(32, 32), [NEAR])[NEAR]
    assert begun.picture(F).abs().mean() < 0.2
    assert not any(weight.requires_grad for weight in onepass.decoder(F.device, F.dtype).parameters())


def test_a_decoder_that_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(onepass, "FILE", tmp_path / "none")
    with pytest.raises(Refused, match=r"python -m lab\.makers\.decoder"):
        onepass.decoder.__wrapped__(torch.device("cpu"), torch.float32)


def test_its_recipe_is_the_same_each_time_and_learns(monkeypatch):
    monkeypatch.setattr(recipe, "PICTURES", ["cat"])
    one, again = (next(recipe.crops(torch.Generator().manual_seed(3))) for _ in range(2))
    assert torch.equal(one, again)
    assert one.shape == (1, 3, recipe.SIDE, recipe.SIDE)
    assert one.abs().max() <= 1
    batch = next(recipe.batches(torch.Generator().manual_seed(3)))
    small = type(batch)(0, batch.x[:2, :, :32, :32], None, batch.again)
    turns = list(fit(recipe.Decoder(), [small] * 10))
    for player in recipe.Decoder.players:
        losses = [sum(turn.terms.values()) for turn in turns if turn.player == player]
        assert losses[-1] < 0.9 * losses[0]


def test_the_decoders_turns_are_its_papers_terms():
    """Each, and its slope, once more in float32; the turns themselves work in 16 bits."""
    torch.manual_seed(1)
    trained = onepass.Decoder()
    x = torch.cat([picture(32, 40), picture(32, 40)])
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
    unit = dict(zip(layers, (50.0, 250.0, 350.0, 1000.0), strict=True))
    with torch.no_grad():
        F = net()(x, layers)
        rooted = {k: (f / unit[k]).clamp_min(1e-6).sqrt() - 0.5 for k, f in F.items()}
    made = trained.near(rooted["relu3_1"])
    again = net()(made, layers[:2])
    near = {"pixels": 20 * (made - x).square().mean()}
    near |= {f"features {k}": ((again[k] - F[k]) / unit[k]).square().mean() for k in layers[:2]}
    afar = {"features from afar": (trained.far(rooted["relu4_1"]) - F["relu3_1"] / 350).square().mean()}
    assert torch.equal(trained.picture(F["relu3_1"]), made)
    assert torch.equal(trained.nearer(F["relu4_1"]), trained.far(rooted["relu4_1"]) * 350)

    def slope(term, player):
        grads = torch.autograd.grad(term, list(player.parameters()), retain_graph=True)
        return torch.cat([g.flatten() for g in grads])

    batch = next(recipe.batches(torch.Generator().manual_seed(3)))
    turns = list(trained.turns(type(batch)(0, x, None, batch.again)))
    assert [player for player, _ in turns] == [trained.near, trained.far]
    for (player, terms), wanted in zip(turns, (near, afar), strict=True):
        for name, term in terms.items():
            ours, right = slope(term, player), slope(wanted[name], player)
            assert torch.cosine_similarity(ours, right, dim=0) > 0.99
            assert ours.norm().item() == pytest.approx(right.norm().item(), rel=0.05)
        assert {k: t.item() for k, t in terms.items()} == pytest.approx(
            {k: t.item() for k, t in wanted.items()}, rel=0.03
        )
    assert {name: trained.optimizer(name).param_groups[0]["lr"] for name in trained.players} == {
        "near": 2e-3, "far": 1e-3,
    }  # fmt: skip


def test_directions_of_almost_no_variance_count_with_a_thousandth_of_the_mean(double):
    values = torch.tensor([4.0, 1.0, 1e-9, 0.0])
    turn = torch.linalg.qr(torch.randn(4, 4))[0]
    for power in (0.5, -0.5):
        wanted = turn @ torch.diag(values.clamp_min(1e-3 * values.mean() + 1e-6) ** power) @ turn.T
        torch.testing.assert_close(onepass.root(turn @ torch.diag(values) @ turn.T, power), wanted)


def test_moments_are_weighted_over_places(double):
    F, weight = features(), torch.rand(1, 1, 9, 11)
    p = (weight / weight.sum()).flatten()
    f = F[0].flatten(1)
    mean = (f * p).sum(1, keepdim=True)
    m, C = moments(F, weight, True)
    torch.testing.assert_close(m, mean)
    torch.testing.assert_close(C, torch.einsum("ik,jk,k->ij", f - mean, f - mean, p))
    torch.testing.assert_close(moments(F, weight, False)[1][:, 0], C.diagonal())


def test_a_picture_grows_to_the_right_and_below_by_mirroring():
    x = picture(33, 46)
    y = onepass.grown(x)
    assert y.shape == (1, 3, 40, 48)
    assert torch.equal(y[..., :33, :46], x)
    assert torch.equal(y[..., 33, :46], x[..., 31, :])
    assert torch.equal(y[..., :33, 47], x[..., 43])
    assert onepass.grown(picture(40, 48)).shape == (1, 3, 40, 48)


def test_it_draws_no_random_numbers():
    x, before = picture(32, 32), torch.get_rng_state()
    onepass.decoder.cache_clear()
    one_pass(x, [x])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("colours", ["style", "luminance"])
def test_a_transfer_can_begin_with_it(colours):
    space = load("cat.brick.gravel.mask-left").space
    canvas = Canvas(StyleConfig(init="one pass", size=64, blend=0.3, colour=colours), space)
    wanted = one_pass(canvas.seen(canvas.content), canvas.styles, blend=0.3, mask=canvas.mask)
    assert torch.equal(canvas.first(), wanted)
    assert wanted.shape == canvas.content.shape
