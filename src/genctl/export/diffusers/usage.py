"""How to sample an export with diffusers alone: by its own pipeline, or by a stock one."""

from __future__ import annotations

import re
from importlib import resources

from genctl.contracts import DiffusersPlan

PIPELINE = "pipeline.py"
"""The file that diffusers looks for in ``custom_pipeline``."""


def fits_pipeline(plan: DiffusersPlan) -> bool:
    """Whether diffusers' DDIMPipeline can sample it: an unconditional model of unchanged pixels."""
    return (
        plan.scheduler == "DDIMScheduler"
        and not plan.num_classes
        and plan.unshuffle == 1
        and plan.padded == plan.shape[1:]
        and plan.time_scale == 1
    )


def usage(plan: DiffusersPlan) -> str:
    """The section of README.md on sampling, in Markdown."""
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
            f"This runs the one-page file `{PIPELINE}` in this folder. You can also import its "
            "class `Pipeline` and build it from the two parts, UNet2DModel and "
            f"{plan.scheduler}."
        )
    notes.append("`genctl train diffusion --init .` continues training from these weights.")
    return "\n\n".join(notes)


def pipeline_code(plan: DiffusersPlan) -> str:
    """The text of ``pipeline.py``: `genctl.export.diffusers.pipeline_template`, for this export."""
    values = {
        "SHAPE": plan.shape,
        "PADDED": plan.padded,
        "UNSHUFFLE": plan.unshuffle,
        "TIME_SCALE": plan.time_scale,
        "CLASSES": plan.num_classes,
        "GUIDANCE": plan.guidance,
    }
    template = resources.files("genctl.export.diffusers").joinpath("pipeline_template.py")
    before, block, after = _CONSTANTS.split(template.read_text("utf-8"))
    lines = [_CONSTANT.fullmatch(line) for line in block.splitlines()]
    filled = [f"{found[1]} = {values[found[1]]!r}{found[2]}\n" for found in lines if found]
    return before + "".join(filled) + after


_CONSTANTS = re.compile(r"(?m)^# (?:What|End of what) belongs to this model\.\n")
_CONSTANT = re.compile(r"(\w+) = .+?(  # .*)")
