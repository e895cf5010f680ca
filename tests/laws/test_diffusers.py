"""Our samplers against the schedulers of Hugging Face's diffusers: same net, same noise, same samples.

Their timestep t is our level t + 1, and "trailing" spacing is ours where the steps divide T. What they call
Euler and Heun goes along sigma = noise / signal, as our DDIM and Heun do. Our Euler goes along t, which none
of theirs does; test_samplers.py has its laws.
"""

import diffusers
import pytest
import torch

from engine.families.ddpm import DDPM
from engine.families.flow_matching import FlowMatching
from engine.family import Family, Space
from engine.schedule import beta

PLANE, PICTURE, T = Space((2,), classes=3), Space((1, 8, 8)), 100
N = 16


def untrained(family: type[Family], space: Space, **knobs):
    """With weights large enough for each sampler to find a way of its own. In float32: theirs compute in it."""
    torch.manual_seed(0)
    model = family(family.configure(space, {"T": T, "width": 16, "clip": False} | knobs), space)
    with torch.no_grad():
        for weight in model.average.parameters():
            weight.mul_(1.5).add_(0.02 * torch.randn_like(weight))
    return model


def scheduler(kind: str, model: DDPM, steps: int, **options):
    made = getattr(diffusers, kind)(
        num_train_timesteps=T,
        trained_betas=beta(model.alpha_bar)[1:].tolist(),
        prediction_type={"eps": "epsilon", "x0": "sample", "v": "v_prediction"}[model.predicts],
        timestep_spacing="trailing",
        **options,
    )
    made.set_timesteps(steps)
    return made


@torch.inference_mode()
def theirs(made, model: DDPM, x: torch.Tensor, y=None, **knobs) -> torch.Tensor:
    """The loop that their documentation shows."""
    x = x * made.init_noise_sigma
    for t in made.timesteps:
        seen = made.scale_model_input(x, t)
        o = model.average(seen, (torch.as_tensor(t).reshape(1) + 1) / T, y)
        x = made.step(o, t, x, **knobs).prev_sample
    return x


def agree(model: DDPM, made, steps: int, y=None, tolerance: float = 1e-5, step=None, **knobs) -> None:
    torch.manual_seed(1)
    start = model.p_T(N)
    torch.manual_seed(2)
    *_, ours = model.walk(start, y, steps=steps, guidance=1.0, **knobs)
    torch.manual_seed(2)
    peer = theirs(made, model, start, y, **step or {})
    scale = ours.x.abs().max().item()
    assert ours.x.std() > 0.05
    torch.testing.assert_close(ours.x, peer, atol=tolerance * max(1, scale), rtol=0)


@pytest.mark.parametrize("predicts", ["eps", "x0", "v"])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "sigmoid"])
@pytest.mark.parametrize(
    ("variance", "theirs"), [("posterior", "fixed_small"), ("beta", "fixed_large")], ids=lambda v: v
)
@pytest.mark.parametrize("steps", [100, 20])
def test_ddpm(predicts, schedule, variance, theirs, steps):
    model = untrained(DDPM, PLANE, predicts=predicts, schedule=schedule)
    made = scheduler("DDPMScheduler", model, steps, variance_type=theirs, clip_sample=False)
    agree(model, made, steps, sampler="DDPM", variance=variance)


@pytest.mark.parametrize("predicts", ["eps", "x0", "v"])
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("steps", [100, 20, 4])
def test_ddim(predicts, eta, steps):
    model = untrained(DDPM, PLANE, predicts=predicts)
    made = scheduler("DDIMScheduler", model, steps, clip_sample=False)
    agree(model, made, steps, sampler="DDIM", eta=eta, step={"eta": eta})


@pytest.mark.parametrize("sampler", ["DDIM", "DDPM"])
def test_pictures_kept_in_range_and_labels(sampler):
    """With the guessed picture cut to [-1, 1], and the noise made to fit."""
    model = untrained(DDPM, PICTURE, clip=True, sampler=sampler)
    if sampler == "DDIM":
        made, step = scheduler("DDIMScheduler", model, 20), {"use_clipped_model_output": True}
    else:
        made, step = scheduler("DDPMScheduler", model, 20, variance_type="fixed_large"), {}
    agree(model, made, 20, sampler=sampler, step=step)


def test_labels_are_told():
    model = untrained(DDPM, PLANE, conditional=True)
    made = scheduler("DDIMScheduler", model, 20, clip_sample=False)
    agree(model, made, 20, y=torch.arange(N) % 3, sampler="DDIM")


@pytest.mark.parametrize("predicts", ["eps", "v"])
@pytest.mark.parametrize("steps", [50, 20, 10])
def test_dpm_solver(predicts, steps):
    model = untrained(DDPM, PLANE, predicts=predicts)
    made = scheduler("DPMSolverMultistepScheduler", model, steps, algorithm_type="dpmsolver++", solver_order=2)
    agree(model, made, steps, sampler="DPM-Solver++")


@pytest.mark.parametrize(("sampler", "kind"), [("DDIM", "Euler"), ("Heun", "Heun")])
@pytest.mark.parametrize("steps", [50, 20])
def test_solvers_along_sigma(sampler, kind, steps):
    model = untrained(DDPM, PLANE)
    made = scheduler(f"{kind}DiscreteScheduler", model, steps)
    made.is_scale_input_called = True
    torch.manual_seed(1)
    start = model.p_T(N)
    *_, ours = model.walk(start, steps=steps, sampler=sampler)
    sigma = made.sigmas[0]
    made_of_ours = start / made.init_noise_sigma * (sigma**2 + 1).sqrt()  # x / signal, whatever they start with
    peer = theirs(made, model, made_of_ours)
    torch.testing.assert_close(ours.x, peer, atol=1e-5 * max(1, ours.x.abs().max().item()), rtol=0)


@pytest.mark.parametrize("steps", [100, 20, 3])
def test_flow_matching(steps):
    knobs = {"T": T, "width": 16}
    torch.manual_seed(0)
    model = FlowMatching(FlowMatching.configure(PLANE, knobs), PLANE)
    start = model.p_T(N)
    *ours, last = model.walk(start, steps=steps)
    made = diffusers.FlowMatchEulerDiscreteScheduler(num_train_timesteps=T)
    made.set_timesteps(sigmas=[step.t / T for step in ours])
    x = start
    with torch.inference_mode():
        for t in made.timesteps:
            x = made.step(model.average(x, t.reshape(1) / T), t, x).prev_sample
    torch.testing.assert_close(last.x, x, atol=1e-5, rtol=0)
