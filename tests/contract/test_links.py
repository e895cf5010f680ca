"""The links of the galleries are settings; that these fail and are cured is shown in tests/trainings."""

import pytest

from engine.data import load
from engine.families import find
from lab.diffusion.failures import DDPM_FAILURES
from lab.gan.failures import FAILURES
from lab.kit.subject import subjects

EVERY = {failure.title: failure for subject, _ in subjects().values() for failure in subject.failures}


def test_they_say_the_settings():
    (first, *_) = FAILURES
    assert first.address() == "/gan?data=ring&lr_D=0.0001"
    assert first.address(first.cures[0]) == "/gan?data=ring&lr_D=0.0001&diversity=minibatch%20std"
    slide = next(f for f in DDPM_FAILURES if "slide" in f.title)
    place = "/ddpm?data=two-gaussians&width=64&schedule=linear&sampler=DDPM"
    assert slide.address() == f"{place}%20as%20on%20the%20slide"
    assert slide.address(slide.cures[0]) == place


@pytest.mark.parametrize("failure", EVERY.values(), ids=EVERY)
def test_every_one_is_a_setting_of_its_family(failure):
    for cure in (None, *failure.cures):
        family, knobs = failure.of(cure)
        find(family).configure(load(failure.data).space, knobs)
