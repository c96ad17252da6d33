"""The checks of a diffusers folder: its network, scheduler and pipeline match the plan.

With its scheduler, the network must be equivalent to the plan's denoiser: it must return the same
clean images for the same noisy ones, at timesteps of the scheduler.
"""

from __future__ import annotations

import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from genctl.contracts import DiffusersPlan
from genctl.export.diffusers.usage import PIPELINE
from genctl.export.packages import named, offline, one_line, quiet
from genctl.export.proof import Proof, refuted, scaled_error

TOLERANCE = 1e-4
"""The tolerance in float32, on the scale of `scaled_error`."""

STEPS = 10
PLACES = (1, 4, 8)
"""The tested ones of ``STEPS`` timesteps, with batches of 1, 2 and 3."""


@dataclass(frozen=True)
class _Trial:
    """One timestep of the scheduler, with images.

    Attributes:
        t: the timestep.
        level: the scheduler's own measure of the noise at the timestep.
        sigma: the standard deviation of the noise for clean images of scale 1.
        noisy: (B, *shape), in the scheduler's scale.
        scale: the scale of ``noisy`` relative to clean images plus noise of ``sigma``.
        label: (B,) int64, or None.
    """

    t: Tensor
    level: float
    sigma: float
    noisy: Tensor
    scale: float
    label: Tensor | None


def prove(plan: DiffusersPlan, stage: Path, path: Path) -> Proof:
    """Check the folder ``stage``, which will become ``path``.

    Raises:
        GenctlError: (PROOF_FAILED) diffusers does not load it, or computes something else.
    """
    try:
        with quiet(), offline(), torch.no_grad():
            unet, scheduler = _load(plan, stage)
            errors = [_errors(plan, unet, scheduler, place) for place in PLACES]
            _run_pipeline(plan, stage, unet, scheduler)
    except Exception as problem:  # diffusers has no base class for what it raises
        raise refuted(path, f"diffusers cannot use it: {one_line(problem)}") from problem
    for part, found in zip(("network", "scheduler"), zip(*errors, strict=True), strict=True):
        if not max(found) <= TOLERANCE:
            raise refuted(path, f"its {part} differs by {max(found):.2g} (allowed {TOLERANCE:g})")
    return Proof(
        format="diffusers",
        runtime=named("diffusers"),
        inputs=tuple(f"batch {i + 1} at step {p} of {STEPS}" for i, p in enumerate(PLACES)),
        error=max(map(max, errors)),
        tolerance=TOLERANCE,
    )


def _load(plan: DiffusersPlan, stage: Path) -> tuple[Any, Any]:
    """The network and the scheduler as any user would load them, without missing weights."""
    import diffusers

    kind: Any = diffusers.UNet2DModel
    unet, report = kind.from_pretrained(
        stage / "unet", local_files_only=True, output_loading_info=True, low_cpu_mem_usage=False
    )
    for problem in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report.get(problem):
            raise ValueError(f"{problem.replace('_', ' ')}: {sorted(map(str, report[problem]))}")
    scheduler = getattr(diffusers, plan.scheduler).from_pretrained(stage / "scheduler")
    return unet.eval(), scheduler


def _errors(plan: DiffusersPlan, unet: Any, scheduler: Any, place: int) -> tuple[float, float]:
    """The errors of the network alone, and of the resulting clean images."""
    trial = _trial(plan, scheduler, place)
    seen = trial.noisy
    if plan.scheduler == "EDMDPMSolverMultistepScheduler":
        seen = scheduler.precondition_inputs(seen, trial.level)
    got = _call(plan, unet, seen, trial)
    batch, device = len(seen), next(plan.network.parameters()).device
    label = None if trial.label is None else trial.label.to(device)
    time = (plan.time_scale * trial.t).expand(batch)
    expected = plan.network(seen.to(device), time.to(device), label).cpu()
    clean = _clean(scheduler, got, trial)
    sigma = torch.full((batch,), trial.sigma, device=device)
    meant = plan.denoiser((trial.noisy / trial.scale).to(device), sigma, label).cpu()
    return scaled_error(expected, got), scaled_error(meant, clean)


def _trial(plan: DiffusersPlan, scheduler: Any, place: int) -> _Trial:
    scheduler.set_timesteps(STEPS)
    t = scheduler.timesteps[place]
    if plan.scheduler == "DDIMScheduler":
        level = float(scheduler.alphas_cumprod[t])
        sigma, scale = ((1 - level) / level) ** 0.5, level**0.5
    elif plan.scheduler == "FlowMatchEulerDiscreteScheduler":
        level = float(scheduler.sigmas[place])
        sigma, scale = level / (1 - level), 1 - level
    else:
        level = float(scheduler.sigmas[place])
        sigma, scale = level, 1.0
    batch = PLACES.index(place) + 1
    generator = torch.Generator().manual_seed(batch)
    clean, noise = torch.randn(2, batch, *plan.shape, generator=generator)
    label = None
    if plan.num_classes:  # the last row is the one for no class
        label = (plan.num_classes - torch.arange(batch).flip(0)).clamp(min=0)
    return _Trial(t, level, sigma, scale * (clean + sigma * noise), scale, label)


def _call(plan: DiffusersPlan, unet: Any, x: Tensor, trial: _Trial) -> Tensor:
    """UNet2DModel on images in genctl's format."""
    (height, width), (rows, columns) = plan.shape[1:], plan.padded
    x = F.pad(x, (0, columns - width, 0, rows - height))
    x = F.pixel_unshuffle(x, plan.unshuffle)
    made: Tensor = unet(x, plan.time_scale * trial.t, class_labels=trial.label).sample
    return F.pixel_shuffle(made, plan.unshuffle)[:, :, :height, :width]


def _clean(scheduler: Any, output: Tensor, trial: _Trial) -> Tensor:
    """The clean images that the scheduler computes from the network's output."""
    clean: Tensor
    match type(scheduler).__name__:
        case "DDIMScheduler":
            clean = scheduler.step(output, trial.t, trial.noisy).pred_original_sample
        case "FlowMatchEulerDiscreteScheduler":
            clean = trial.noisy - trial.level * output
        case _:
            clean = scheduler.precondition_outputs(trial.noisy, output, trial.level)
    return clean


def _run_pipeline(plan: DiffusersPlan, stage: Path, unet: Any, scheduler: Any) -> None:
    """Check that the pipeline, stock or in the folder, returns images of the right size."""
    kind = _pipeline_class(stage)
    pipeline = kind(unet=unet, scheduler=scheduler)
    pipeline.set_progress_bar_config(disable=True)
    wanted: dict[str, Any] = {"labels": [0]} if plan.num_classes else {"batch_size": 1}
    made = pipeline(**wanted, num_inference_steps=2, output_type="np").images
    channels, height, width = plan.shape
    if made.shape != (1, height, width, channels):
        raise ValueError(f"its pipeline returns images of shape {made.shape}")


def _pipeline_class(stage: Path) -> Any:
    """The class that ``from_pretrained`` would use, without a cached copy of its code."""
    import diffusers

    if not (stage / PIPELINE).exists():
        return diffusers.DDIMPipeline
    return runpy.run_path(str(stage / PIPELINE))["Pipeline"]
