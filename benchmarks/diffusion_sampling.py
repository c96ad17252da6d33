"""Images a second at equal quality: genctl's samplers against diffusers' schedulers.

One network, trained as the preset ``digits`` with v-prediction, the one prediction that both sides
of the comparison know well. diffusers gets it as its own ``UNet2DModel``, on unshuffled pixels as
trained. Every sampler takes the fewest steps whose distance is within a tenth of its own at
100 steps, which is found out on a GPU where there is one; then the samplers take turns at making
images on the CPU.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusion_quality import Examiner, train
from diffusion_recipes import Pixels, to_pixels
from torch import nn
from torch.nn import functional as F

import genctl
from genctl.api.models.model import Model
from genctl.compat.torchvision import import_torchvision
from genctl.families.diffusion.exporter import plan_diffusers

JUDGED, TIMED, BATCH, ROUNDS = 2000, 250, 250, 3
MOST = 100
LADDER = (5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 25, 30, 35, 40, 50, 60, 80)
NEAR = 1.1

Draw = Callable[[int, int], Pixels]
"""From a number of images and of steps."""


@dataclass(frozen=True)
class Reached:
    """The fewest steps that do, and how well they and the most steps do."""

    steps: int
    distance: float
    at_most: float


def run(seconds: float, threads: int) -> str:
    """The table as Markdown."""
    path = Path(tempfile.mkdtemp(prefix="diffusion-sampling-")) / "run"
    train(path, seconds, 0, threads, "--set", "prediction=v", "--device", "cpu")
    examiner = Examiner()
    finder = "cuda" if torch.cuda.is_available() else "cpu"
    reached = {
        name: _fewest(examiner, draw)
        for name, draw in _drawers(genctl.load(path, device=finder)).items()
    }
    drawers = _drawers(genctl.load(path, device="cpu"))
    rates: dict[str, list[float]] = {name: [] for name in drawers}
    for _ in range(ROUNDS):
        for name, draw in drawers.items():
            rates[name].append(_rate(draw, reached[name].steps))
    own = next(iter(rates))
    lines = [
        "| | steps | FD | FD at 100 steps | images/s | genctl / it |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, found in rates.items():
        ratios = [a / b for a, b in zip(rates[own], found, strict=True)]
        lines.append(
            f"| {name} | {reached[name].steps} | {reached[name].distance:.2f} "
            f"| {reached[name].at_most:.2f} | {statistics.median(found):,.0f} "
            f"| {statistics.median(ratios):.2f} |"
        )
    return "\n".join(lines)


def _drawers(model: Model) -> dict[str, Draw]:
    import_torchvision()
    import diffusers

    config = plan_diffusers(model.trained).scheduler_config
    trailing = {**config, "timestep_spacing": "trailing", "clip_sample": False}
    solver = {k: v for k, v in config.items() if k.startswith(("beta", "num_", "prediction"))}
    peers = {
        "diffusers DDIM": diffusers.DDIMScheduler(**trailing),
        "diffusers DPM-Solver++": diffusers.DPMSolverMultistepScheduler(**solver),
        "diffusers DPM-Solver++, Karras levels": diffusers.DPMSolverMultistepScheduler(
            **solver, use_karras_sigmas=True
        ),
    }
    unet = _unet2d(model)
    return {
        "genctl dpmpp-2m": lambda n, steps: (
            model.sample(
                n, seed=1, batch_size=BATCH, options={"guidance": "1", "steps": str(steps)}
            ).array
        ),
        **{name: _peer(scheduler, unet, model) for name, scheduler in peers.items()},
    }


def _unet2d(model: Model) -> nn.Module:
    from diffusers import UNet2DModel

    plan = plan_diffusers(model.trained)
    unet: nn.Module = UNet2DModel(**plan.unet)
    unet.load_state_dict(plan.network.state_dict())
    unet.eval().requires_grad_(False).to(model.device)
    unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return unet


def _peer(scheduler: Any, unet: nn.Module, model: Model) -> Draw:
    plan = plan_diffusers(model.trained)
    shape = (plan.unet["in_channels"], *(side // plan.unshuffle for side in plan.padded))

    @torch.inference_mode()
    def draw(n: int, steps: int) -> Pixels:
        torch.manual_seed(1)
        return np.concatenate([part(label, steps) for label in (torch.arange(n) % 10).split(BATCH)])

    def part(label: torch.Tensor, steps: int) -> Pixels:
        scheduler.set_timesteps(steps)
        x = (torch.randn(len(label), *shape) * scheduler.init_noise_sigma).to(model.device)
        for timestep in scheduler.timesteps:
            made = unet(x, timestep, class_labels=label.to(model.device)).sample
            x = scheduler.step(made, timestep, x).prev_sample
        return to_pixels(F.pixel_shuffle(x, plan.unshuffle).cpu())

    return draw


def _fewest(examiner: Examiner, draw: Draw) -> Reached:
    at_most = examiner.distance(draw(JUDGED, MOST))
    for steps in LADDER:
        distance = examiner.distance(draw(JUDGED, steps))
        if distance <= NEAR * at_most:
            return Reached(steps, distance, at_most)
    return Reached(MOST, at_most, at_most)


def _rate(draw: Draw, steps: int) -> float:
    begun = time.perf_counter()
    draw(TIMED, steps)
    return TIMED / (time.perf_counter() - begun)
