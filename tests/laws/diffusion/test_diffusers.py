"""Our samplers against the schedulers of Hugging Face's diffusers: same net, same noise, same samples.

Their timestep t is our level t + 1, and "trailing" spacing is ours where the steps divide T. What they call
Euler and Heun goes along sigma = noise / signal, as our DDIM and Heun do. Our Euler goes along t, which none
of theirs does; test_samplers.py has its laws.
"""

import diffusers
import pytest
import torch
from torch import Tensor, nn

from engine.diffusion.ddpm import DDPM
from engine.diffusion.flow_matching import FlowMatching
from engine.diffusion.schedule import beta
from engine.space import Space

pytestmark = pytest.mark.usefixtures("double")
float32 = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # theirs, of NumPy 1

PLANE, PICTURE, T = Space.of((2,), given=3), Space.of((1, 8, 8)), 100
N = 16


class Plausible(nn.Module):
    """Sees data of N(0, I) in x, and is led astray by an untrained net, so little that walks stay there."""

    def __init__(self, model: DDPM) -> None:
        super().__init__()
        self.net, self.model = model.average, [model]

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        (model,) = self.model
        level = round(t.item() * T)
        eps, x0 = model.noise[level] * x, model.signal[level] * x
        astray = model.signal[level] * model.noise[level] * self.net(x, t, y).tanh()
        return model.target(x0, level, eps) + astray


def untrained(space: Space, **knobs) -> DDPM:
    torch.manual_seed(0)
    model = DDPM(DDPM.configure(space, {"T": T, "width": 16, "clip": False} | knobs), space)
    with torch.no_grad():
        for weight in model.average.parameters():  # away from the small weights of a fresh net
            weight.mul_(1.5).add_(0.02 * torch.randn_like(weight))
    model.average = Plausible(model)
    return model


def scheduler(kind: str, model: DDPM, steps: int, **options):
    made = getattr(diffusers, kind)(
        num_train_timesteps=T,
        trained_betas=beta(model.alpha_bar)[1:].tolist(),
        prediction_type={"eps": "epsilon", "x0": "sample", "v": "v_prediction"}[model.predicts],
        timestep_spacing="trailing",
        **options,
    )
    assert (made.alphas_cumprod - model.alpha_bar[1:]).abs().max() < 1e-6
    made.alphas_cumprod = model.alpha_bar[1:]  # the same without their rounding to float32
    made.set_timesteps(steps)
    return made


@torch.inference_mode()
def theirs(made, net: nn.Module, x: Tensor, y: Tensor | None = None, first: int = 1, **knobs) -> list[Tensor]:
    """Where their loop, as their documentation shows it, comes after each step."""
    way = []
    for t in made.timesteps:
        o = net(made.scale_model_input(x, t), (t.reshape(1) + first).to(x) / T, y)
        x = made.step(o, t, x, **knobs).prev_sample
        way.append(x)
    return way


def agree(model: DDPM, made, y=None, tolerance: float = 1e-9, all_but: int = 0, step=None, **knobs) -> None:
    """Ours stops where theirs does all the way, but for the last `all_but` levels. (Theirs keeps all
    variances above 1e-20, which is noise of 1e-10 at the end.)"""
    torch.manual_seed(1)
    start = model.p_T(N)
    torch.manual_seed(2)
    ours = [one.x for one in model.walk_from(start, y, steps=len(made.timesteps), guidance=1.0, **knobs)][1:]
    torch.manual_seed(2)
    peer = theirs(made, model.average, start, y, **step or {})
    assert 0.1 < ours[-1].std() < 10
    for a, b in list(zip(ours, peer, strict=True))[: len(ours) - all_but]:
        torch.testing.assert_close(a, b, atol=tolerance, rtol=0)


@pytest.mark.parametrize("predicts", ["eps", "x0", "v"])
@pytest.mark.parametrize("schedule", ["linear", "cosine", "sigmoid"])
@pytest.mark.parametrize(("variance", "called"), [("posterior", "fixed_small"), ("beta", "fixed_large")])
@pytest.mark.parametrize("steps", [100, 20])
def test_ddpm(predicts, schedule, variance, called, steps):
    """At the end of a shortened walk theirs adds noise of variance beta, where ours returns its guess."""
    model = untrained(PLANE, predicts=predicts, schedule=schedule)
    made = scheduler("DDPMScheduler", model, steps, variance_type=called, clip_sample=False)
    ends_in_noise = variance == "beta" and steps < T
    agree(model, made, sampler="DDPM", variance=variance, all_but=int(ends_in_noise))


@pytest.mark.parametrize("predicts", ["eps", "x0", "v"])
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("steps", [100, 20, 4])
def test_ddim(predicts, eta, steps):
    model = untrained(PLANE, predicts=predicts)
    made = scheduler("DDIMScheduler", model, steps, clip_sample=False)
    agree(model, made, sampler="DDIM", eta=eta, step={"eta": eta})


def test_pictures_kept_in_range():
    """The guessed picture is cut to [-1, 1], and the noise made to fit."""
    model = untrained(PICTURE, clip=True)
    agree(model, scheduler("DDPMScheduler", model, 20), sampler="DDPM", variance="posterior")
    made = scheduler("DDIMScheduler", model, 20)
    agree(model, made, sampler="DDIM", step={"use_clipped_model_output": True})


def test_labels_are_told():
    model = untrained(PLANE, conditional=True)
    made = scheduler("DDIMScheduler", model, 20, clip_sample=False)
    agree(model, made, y=torch.arange(N) % 3, sampler="DDIM")


@float32
@pytest.mark.parametrize("predicts", ["eps", "x0", "v"])
@pytest.mark.parametrize("steps", [50, 20, 10])
def test_dpm_solver(predicts, steps):
    model = untrained(PLANE, predicts=predicts)
    made = scheduler(
        "DPMSolverMultistepScheduler", model, steps, algorithm_type="dpmsolver++", solver_order=2
    )
    agree(model, made, sampler="DPM-Solver++", tolerance=1e-5)


@float32
@pytest.mark.parametrize(("sampler", "kind"), [("DDIM", "Euler"), ("Heun", "Heun")])
@pytest.mark.parametrize("steps", [50, 20])
def test_solvers_along_sigma(sampler, kind, steps):
    """Theirs keep y = x / signal, so that their walks begin at x_T / signal_T."""
    model = untrained(PLANE)
    made = scheduler(f"{kind}DiscreteScheduler", model, steps)
    torch.manual_seed(1)
    start = model.p_T(N)
    *_, ours = model.walk_from(start, steps=steps, sampler=sampler)
    peer = theirs(made, model.average, start / model.signal[-1])
    torch.testing.assert_close(ours.x, peer[-1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("steps", [100, 20, 3])
def test_flow_matching(steps):
    torch.manual_seed(0)
    model = FlowMatching(FlowMatching.configure(PLANE, {"T": T, "width": 16}), PLANE)
    start = model.p_T(N)
    *ours, last = model.walk_from(start, steps=steps)
    made = diffusers.FlowMatchEulerDiscreteScheduler(num_train_timesteps=T)
    made.set_timesteps(sigmas=[step.t / T for step in ours])
    made.scale_model_input = lambda x, t: x
    peer = theirs(made, model.average, start, first=0)
    torch.testing.assert_close(last.x, peer[-1], atol=1e-5, rtol=0)
