"""The laws of the Check tab: each fails for a model that breaks it, and all hold for one that does not."""

import pytest
import torch

from engine import data as datasets
from engine.diffusion import checks
from engine.diffusion.checks import measure, pair_gap, some
from engine.diffusion.ddpm import DDPM
from engine.diffusion.flow_matching import FlowMatching

RING = datasets.load("ring")
LABELS = {"conditional": True, "guidance": 3.0}


def built(family, data=RING, **knobs):
    torch.manual_seed(0)
    model = family(family.configure(data.space, {"width": 8, "depth": 1, "T": 40} | knobs), data.space)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)
    return model


def broken(family, **methods):
    return type(f"Broken{family.__name__}", (family,), methods)


def both(self, x, t, o):
    eps, x0 = super(type(self), self).both(x, t, o)
    return eps, -x0


def more_noise(self, x, t, o):
    eps, x0 = super(type(self), self).both(x, t, o)
    return 1.01 * eps, x0


def half_the_gradient(self, *given):
    terms = super(type(self), self).terms(*given)
    return {name: value.detach() + (value - value.detach()) / 2 for name, value in terms.items()}


def trained_without_noise(self, x0, t, eps, y=None):
    return super(type(self), self).terms(x0, t, 0 * eps, y)


def walked_with_less_noise(self, c, predict, x, stops):
    def less(x, t):
        eps, x0 = predict(x, t)
        return 0.99 * eps, x0

    return super(type(self), self).way(c, less, x, stops)


def told_an_earlier_t(self, x, at, y=None):
    return super(type(self), self).out(x, at - 1 / self.config.T, y)


def told_no_label(self, x, at, y=None):
    return super(type(self), self).out(x, at)


def weights_of_the_last(self, x, at, y=None):
    return self.net(x, at + 0.1, y)


def astray(self, *given):
    for i, step in enumerate(super(type(self), self).way(*given)):
        yield step._replace(x=step.x * (1 + 0.01 * i))


def changed(**knobs):
    def way(self, c, *given):
        told = {name: value for name, value in knobs.items() if name in type(c).model_fields}
        return super(type(self), self).way(c.change(told), *given)

    return way


def noise_squared(self, x0, t, eps):
    return self.at(t, self.signal) * x0 + self.at(t, self.noise) ** 2 * eps


def too_much_guidance(self, x, t, y=None, guidance=None):
    s = self.config.guidance if guidance is None else guidance
    return super(type(self), self).predict(x, t, y, s + 1 if s > 1 else s)


def instead(s, other):
    def predict(self, x, t, y=None, guidance=None):
        given = self.config.guidance if guidance is None else guidance
        return super(type(self), self).predict(x, t, y, other if given == s else given)

    return predict


PAIR, SLOPE, LOSS = "The net's target", "The gradient of the loss", "The loss of training"
RESUMED, KNOWN, GUIDED = "A walk without added noise", "If the net knew x_0", "Guidance 0 ignores"
JUMP, BAYES, ETA = "x_t in one jump", "A step has the mean and variance", "DDIM with η = 1"
LINE, EULER = "The path is a straight line", "An Euler step along u"
BREAKS = [
    (DDPM, PAIR, {"both": both}, {}), (FlowMatching, PAIR, {"both": both}, {}),
    (DDPM, PAIR, {"both": more_noise}, {}), (FlowMatching, PAIR, {"both": more_noise}, {}),
    (DDPM, SLOPE, {"terms": half_the_gradient}, {}), (FlowMatching, SLOPE, {"terms": half_the_gradient}, {}),
    (DDPM, LOSS, {"terms": trained_without_noise}, {}),
    (FlowMatching, LOSS, {"terms": trained_without_noise}, {}),
    (DDPM, KNOWN, {"way": walked_with_less_noise}, {"sampler": "DDIM"}),
    (FlowMatching, KNOWN, {"way": walked_with_less_noise}, {}),
    (DDPM, LOSS, {"out": told_an_earlier_t}, {}), (FlowMatching, LOSS, {"out": told_an_earlier_t}, {}),
    (DDPM, LOSS, {"out": told_no_label}, LABELS), (DDPM, LOSS, {"out": weights_of_the_last}, {}),
    (DDPM, RESUMED, {"way": astray}, {}), (FlowMatching, RESUMED, {"way": astray}, {}),
    (DDPM, KNOWN, {"way": astray}, {"sampler": "DDIM"}), (DDPM, KNOWN, {"way": astray}, {"sampler": "Heun"}),
    (DDPM, KNOWN, {"way": changed(sampler="Euler")}, {"sampler": "DPM-Solver++"}),
    (DDPM, KNOWN, {"way": changed(eta=1.0)}, {"sampler": "DDIM"}),
    (FlowMatching, KNOWN, {"way": astray}, {"sampler": "Heun"}),
    (DDPM, JUMP, {"q": noise_squared}, {}), (DDPM, BAYES, {"way": changed(variance="beta")}, {}),
    (DDPM, BAYES, {"way": changed(sampler="DDPM as on the slide")}, {}),
    (DDPM, BAYES, {}, {"sampler": "DDPM as on the slide"}),
    (DDPM, ETA, {"way": changed(eta=0.5)}, {}), (DDPM, ETA, {"way": changed(variance="beta")}, {}),
    (FlowMatching, LINE, {"q": noise_squared}, {}), (FlowMatching, EULER, {"way": astray}, {}),
    (FlowMatching, EULER, {"way": changed(sampler="Heun")}, {}),
    (DDPM, GUIDED, {"predict": too_much_guidance}, LABELS), (DDPM, GUIDED, {"out": told_no_label}, LABELS),
    (FlowMatching, GUIDED, {"predict": too_much_guidance}, LABELS),
    (DDPM, GUIDED, {"predict": instead(0, 1)}, LABELS), (DDPM, GUIDED, {"predict": instead(1, 0.99)}, LABELS),
]  # fmt: skip


@pytest.mark.parametrize(("family", "law", "methods", "knobs"), BREAKS)
def test_a_broken_model_fails_the_law_that_it_breaks(family, law, methods, knobs):
    model = built(broken(family, **methods) if methods else family, **knobs)
    (check,) = [check for check in measure(model, RING) if check.law.startswith(law)]
    assert not check.holds


def scaled(value):
    if isinstance(value, tuple):
        return tuple(map(scaled, value))
    return {k: scaled(v) for k, v in value.items()} if isinstance(value, dict) else 1.01 * value


def only_at(level, method, kinds=()):
    """A method that is wrong by a hundredth at one level; `way` if its sampler is one of these kinds."""

    def other(self, x, t, *more):
        value = getattr(super(type(self), self), method)(x, t, *more)
        return scaled(value) if int(torch.as_tensor(t).flatten()[0]) == level else value

    def way(self, c, *given):
        for step in super(type(self), self).way(c, *given):
            wrong = step.t == level and (not kinds or c.sampler in kinds)
            yield step._replace(x=1.01 * step.x) if wrong else step

    return {method: way if method == "way" else other}


ONCE = [
    (DDPM, PAIR, "both", {}), (FlowMatching, PAIR, "both", {}), (DDPM, LOSS, "terms", {}),
    (FlowMatching, LOSS, "terms", {}), (DDPM, JUMP, "q", {}), (FlowMatching, LINE, "q", {}),
    (DDPM, GUIDED, "predict", LABELS), (DDPM, KNOWN, "way", {"sampler": "DDIM"}), (DDPM, BAYES, "way", {}),
    (DDPM, ETA, "way", {}), (FlowMatching, EULER, "way", {}), (FlowMatching, KNOWN, "way", {}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "law", "method", "knobs"), ONCE)
def test_a_single_level_at_which_a_model_is_wrong_breaks_the_law(family, law, method, knobs):
    # x_T of flow matching holds nothing of x_0, and steps are measured where they end
    first = 33 if law == BAYES or (family, law) == (FlowMatching, PAIR) else 40
    for level in (first, 20, 0 if method == "way" and law != BAYES else 1):
        kinds = ("DDIM",) if law == ETA else ()  # not the walk that it is compared with
        model = built(broken(family, **only_at(level, method, kinds)), **knobs)
        (check,) = [check for check in measure(model, RING) if check.law.startswith(law)]
        assert not check.holds, level


SOUND = [
    *[(DDPM, {"sampler": sampler}) for sampler in DDPM.samplers if "slide" not in sampler],
    *[(DDPM, {"schedule": s, "predicts": p, "T": T, "weighting": w, "sampler": "DDIM"})
      for s, p, T, w in (("cosine", "x0", 2, "bound"), ("sigmoid", "v", 1000, "min-SNR"))],
    (DDPM, LABELS | {"scaled": False, "schedule": "linear", "sampler": "DDIM", "eta": 0.5}),
    (FlowMatching, LABELS), (FlowMatching, {"sampler": "Heun", "T": 2}), (FlowMatching, {"T": 1000}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "knobs"), SOUND)
def test_all_laws_hold_for_every_choice_but_the_slides(family, knobs):
    measured = measure(built(family, **knobs), RING)
    assert not [check for check in measured if not check.holds]
    laws = {check.law for check in measured}
    known = family is FlowMatching or knobs["sampler"] in ("Heun", "DPM-Solver++") or (
        knobs["sampler"] == "DDIM" and not knobs.get("eta")
    )  # fmt: skip
    assert any(law.startswith(KNOWN) for law in laws) == known
    assert any(law.startswith(GUIDED) for law in laws) == ("conditional" in knobs)


def test_every_law_has_a_model_that_breaks_it():
    laws = {check.law for family in (DDPM, FlowMatching) for check in measure(built(family, **LABELS), RING)}
    laws |= {check.law for check in measure(built(DDPM, sampler="Heun"), RING)}
    tried = {law for _family, law, _methods, _knobs in BREAKS}
    assert {next(law for law in tried if one.startswith(law)) for one in laws} == tried


@pytest.mark.parametrize(("T", "levels"), [(40, [40, 33, 27, 20, 13, 7, 1]), (2, [2, 1])])
def test_laws_are_measured_at_six_levels_and_at_the_first(T, levels):
    assert some(built(FlowMatching, T=T)) == levels


def test_where_x_t_is_noise_alone_nobody_can_give_back_the_data():
    model = built(broken(FlowMatching, predicts="eps")).double()
    assert pair_gap(model, torch.randn(3, 2).double()) < 1e-9


@pytest.mark.parametrize("family", [DDPM, FlowMatching])
def test_measured_twice_they_say_the_same_whatever_chance_did_between(family):
    model = built(family, **LABELS)
    once = measure(model, RING)
    torch.manual_seed(8)
    assert measure(model, RING) == once


@pytest.mark.parametrize("family", [DDPM, FlowMatching])
def test_no_law_changes_the_copy_that_the_next_one_measures(family, monkeypatch):
    model, seen = built(family, **LABELS), []
    monkeypatch.setattr(checks, "slope_gap", lambda copied, *given: seen.append(copied) or 0.0)
    measure(model, RING)
    (copied,) = seen
    assert copied is not model
    assert copied.average is not copied.net
    for name, value in model.state_dict().items():
        assert torch.equal(copied.state_dict()[name], value.double())


def test_pictures_and_lines_are_checked_too():
    for name in ("two-bumps", "digits"):
        for family in (DDPM, FlowMatching):
            model = built(family, datasets.load(name), T=10)
            assert all(check.holds for check in measure(model, datasets.load(name)))
