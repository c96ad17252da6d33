"""The program that samples an export with diffusers alone."""

from __future__ import annotations

from genctl.contracts import DiffusersPlan


def fits_pipeline(plan: DiffusersPlan) -> bool:
    """Whether diffusers' DDIMPipeline samples it: it knows no classes, and images as they are."""
    return (
        plan.scheduler == "DDIMScheduler"
        and not plan.num_classes
        and plan.unshuffle == 1
        and plan.padded == plan.shape[1:]
        and plan.time_scale == 1
    )


def usage(plan: DiffusersPlan) -> str:
    """The section of README.md that says how to sample, in Markdown."""
    notes = ["## With diffusers", "In this folder:", f"```python\n{program(plan)}```"]
    if plan.unshuffle > 1:
        side, channels = plan.unshuffle, plan.shape[0]
        notes.append(
            f"The network sees each square of {side}x{side} pixels as one pixel of "
            f"{side * side * channels} channels (`pixel_unshuffle`)."
        )
    if plan.num_classes:
        notes.append(
            f"The label {plan.num_classes} means no class in particular, as classifier-free "
            "guidance needs it."
        )
    return "\n\n".join(notes) + "\n"


def program(plan: DiffusersPlan, n: int = 10, steps: int = 20) -> str:
    """Python that leaves ``images`` behind: (n, *shape), in [-1, 1]."""
    classes, body = plan.num_classes, _body(plan)
    functional = "from torch.nn import functional as F\n" if "F." in body else ""
    labels = f"labels = torch.arange({n}) % {classes}\n" if classes else ""
    start, scaled, times = _CALLS[plan.scheduler]
    return f"""\
import torch
from diffusers import {plan.scheduler}, UNet2DModel
{functional}
unet = UNet2DModel.from_pretrained("unet")
scheduler = {plan.scheduler}.from_pretrained("scheduler")
{labels}

def network(x, t):
{body}

scheduler.set_timesteps({times.format(steps=steps)})
x = torch.randn({n}, {", ".join(map(str, plan.shape))}){start}
with torch.no_grad():
    for t in scheduler.timesteps:
        made = network({scaled}, t)
        x = scheduler.step(made, t, x).prev_sample
images = x.clamp(-1, 1)
"""


_CALLS = {
    "DDIMScheduler": ("", "x", "{steps}"),
    "EDMDPMSolverMultistepScheduler": (
        " * scheduler.config.sigma_max",
        "scheduler.scale_model_input(x, t)",
        "{steps}",
    ),
    "FlowMatchEulerDiscreteScheduler": (
        "",
        "x",
        "sigmas=[1 - i / {steps} for i in range({steps})]",
    ),
}
"""Scheduler -> how the noise is scaled, what the network sees, what times are asked for."""


def _body(plan: DiffusersPlan) -> str:
    """The lines of ``network``: whatever has to be done around UNet2DModel."""
    (height, width), (rows, columns) = plan.shape[1:], plan.padded
    side = plan.unshuffle
    time = "t" if plan.time_scale == 1 else f"{plan.time_scale:g} * t"
    argument = ", class_labels=labels" if plan.num_classes else ""
    padded = (rows, columns) != (height, width)
    lines = [
        f"x = F.pad(x, (0, {columns - width}, 0, {rows - height}))" if padded else "",
        f"x = F.pixel_unshuffle(x, {side})" if side > 1 else "",
        f"x = unet(x, {time}{argument}).sample",
        f"x = F.pixel_shuffle(x, {side})" if side > 1 else "",
        f"return x[:, :, :{height}, :{width}]" if padded else "return x",
    ]
    return "".join(f"    {line}\n" for line in lines if line)
