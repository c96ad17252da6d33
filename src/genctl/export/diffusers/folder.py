"""diffusers: a folder with a UNet2DModel and its scheduler, checked before it is saved.

It can be used without genctl. If no pipeline of diffusers fits, it includes a one-page pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genctl import documents
from genctl.compat.torchvision import import_torchvision
from genctl.contracts import DiffusersPlan
from genctl.export.diffusers.proof import prove
from genctl.export.diffusers.reading import DOCUMENT, WEIGHTS
from genctl.export.diffusers.usage import PIPELINE, fits_pipeline, pipeline_code
from genctl.export.document import to_text
from genctl.export.packages import quiet, require
from genctl.export.proof import Proof
from genctl.files import make_directory, write_json
from genctl.staging import staged
from genctl.weights import save_tensors


def write(plan: DiffusersPlan, path: Path, document: Mapping[str, Any], card: str) -> Proof:
    """Write the folder ``path`` and check it in diffusers.

    It contains ``unet/``, ``scheduler/``, ``model_index.json``, README.md and genctl's document. If
    no pipeline of diffusers can sample it, it also contains ``pipeline.py``.

    Args:
        document: see `genctl.export.document.to_text`.
        card: the text of README.md.

    Raises:
        GenctlError: (USAGE) a package of ``genctl[hf]`` is missing; (PROOF_FAILED) diffusers does
            not load it or computes something else; (FAILURE) no space or permission. An earlier
            folder at ``path`` is unchanged.
    """
    require("The diffusers format", "hf", "diffusers")
    import_torchvision()
    make_directory(path.parent)
    with staged(path, existing="replace") as stage:
        _write_unet(plan, make_directory(stage / "unet"))
        _write_scheduler(plan, stage / "scheduler")
        write_json(stage / "model_index.json", _pipeline(plan))
        if not fits_pipeline(plan):
            (stage / PIPELINE).write_text(pipeline_code(plan), "utf-8")
        images = {"shape": plan.shape, "padded": plan.padded, "unshuffle": plan.unshuffle}
        (stage / DOCUMENT).write_text(to_text({**document, "images": images}), "utf-8")
        (stage / "README.md").write_text(card, "utf-8")
        proof = prove(plan, stage, path)
    return proof


def is_export(path: Path) -> bool:
    """Whether `write` made the folder ``path``."""
    try:
        found = documents.parse((path / DOCUMENT).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and isinstance(found.get("images"), dict)


def _write_unet(plan: DiffusersPlan, folder: Path) -> None:
    import diffusers

    config = {"_class_name": "UNet2DModel", "_diffusers_version": diffusers.__version__}
    write_json(folder / "config.json", config | dict(plan.unet))
    save_tensors(folder / WEIGHTS, plan.network.state_dict())


def _write_scheduler(plan: DiffusersPlan, folder: Path) -> None:
    import diffusers

    with quiet():
        scheduler = getattr(diffusers, plan.scheduler)(**plan.scheduler_config)
        scheduler.save_pretrained(folder)


def _pipeline(plan: DiffusersPlan) -> dict[str, Any]:
    import diffusers

    return {
        "_class_name": "DDIMPipeline" if fits_pipeline(plan) else "Pipeline",
        "_diffusers_version": diffusers.__version__,
        "scheduler": ["diffusers", plan.scheduler],
        "unet": ["diffusers", "UNet2DModel"],
    }
