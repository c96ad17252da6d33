"""How an export is sampled with diffusers alone: by a pipeline of its own, or a stock one."""

from __future__ import annotations

from genctl.contracts import DiffusersPlan

PIPELINE = "pipeline.py"
"""The file that diffusers looks for in ``custom_pipeline``."""


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
    """What README.md says of how to sample, in Markdown."""
    stock = fits_pipeline(plan)
    given = "" if stock else ', custom_pipeline=".", trust_remote_code=True'
    wanted = "labels=[0]" if plan.num_classes else "batch_size=4"
    notes = [
        "```python\nimport torch\nfrom diffusers import DiffusionPipeline\n\n"
        f'pipeline = DiffusionPipeline.from_pretrained("."{given})\n'
        f"made = pipeline({wanted}, num_inference_steps=20, "
        "generator=torch.Generator().manual_seed(0))\n"
        'made.images[0].save("sample.png")\n```',
    ]
    if not stock:
        notes.append(
            f"The code that runs is `{PIPELINE}`, in this folder, a page long; `Pipeline` in it "
            "can also be imported and made of the two parts, UNet2DModel and "
            f"{plan.scheduler}."
        )
    notes.append("`genctl train diffusion --init .` goes on from these weights.")
    return "\n\n".join(notes)


def pipeline_code(plan: DiffusersPlan) -> str:
    """The text of ``pipeline.py``: a class ``Pipeline`` of diffusers, for this export alone."""
    start, scaled, times = _CALLS[plan.scheduler]
    body = _body(plan)
    functional = "from torch.nn import functional as F\n" if "F." in body else ""
    by_class = _BY_CLASS if plan.num_classes else _BY_COUNT
    values = {"classes": plan.num_classes, "guidance": f"{plan.guidance:g}", "seen": scaled}
    parts = {key: text.format(**values) for key, text in by_class.items()}
    return f'''\
"""Sampling this model with diffusers."""

import torch
from diffusers import DiffusionPipeline, ImagePipelineOutput
{functional}

class Pipeline(DiffusionPipeline):
    def __init__(self, unet, scheduler):
        super().__init__()
        self.register_modules(unet=unet, scheduler=scheduler)

    @torch.no_grad()
    def __call__(
        self,
        {parts["argument"]},
        num_inference_steps=20,
        generator=None,
        latents=None,
        output_type="pil",{parts["guidance"]}
    ):
        """Images, as "pil", "np" (0 to 1, channels last) or "pt" (-1 to 1, channels first)."""
{parts["labels"]}        if latents is None:
            shape = ({parts["count"]}, {", ".join(map(str, plan.shape))})
            latents = torch.randn(shape, generator=generator)
        scheduler = self.scheduler
        scheduler.set_timesteps({times})
        x = latents.to(self.unet.device){start}
        for t in self.progress_bar(scheduler.timesteps):
            made = self.network({scaled}, t{parts["label"]})
{parts["guide"]}            x = scheduler.step(made, t, x).prev_sample
        images = x.clamp(-1, 1).cpu()
        if output_type != "pt":
            images = (images / 2 + 0.5).permute(0, 2, 3, 1).numpy()
        if output_type == "pil":
            images = self.numpy_to_pil(images)
        return ImagePipelineOutput(images)

    def network(self, x, t{parts["parameter"]}):
{body}'''


_BY_CLASS = {
    "argument": "labels",
    "guidance": "\n        guidance_scale={guidance},",
    "labels": "        labels = torch.as_tensor(labels, device=self.unet.device)\n",
    "count": "len(labels)",
    "label": ", labels",
    "parameter": ", labels",
    "guide": (
        "            if guidance_scale != 1:  # the label {classes} means no class\n"
        "                none = self.network({seen}, t, torch.full_like(labels, {classes}))\n"
        "                made = none + guidance_scale * (made - none)\n"
    ),
}

_BY_COUNT = {
    "argument": "batch_size=1",
    "guidance": "",
    "labels": "",
    "count": "batch_size",
    "label": "",
    "parameter": "",
    "guide": "",
}

_CALLS = {
    "DDIMScheduler": ("", "x", "num_inference_steps"),
    "EDMDPMSolverMultistepScheduler": (
        " * scheduler.config.sigma_max",
        "scheduler.scale_model_input(x, t)",
        "num_inference_steps",
    ),
    "FlowMatchEulerDiscreteScheduler": (
        "",
        "x",
        "sigmas=[1 - i / num_inference_steps for i in range(num_inference_steps)]",
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
        f"x = self.unet(x, {time}{argument}).sample",
        f"x = F.pixel_shuffle(x, {side})" if side > 1 else "",
        f"return x[:, :, :{height}, :{width}]" if padded else "return x",
    ]
    return "".join(f"        {line}\n" for line in lines if line)
