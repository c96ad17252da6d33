"""How ``genctl sample`` shows images: a grid, an archive or a folder, and how they came about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genctl.cli.command import Context
from genctl.errors import ExitStatus, GenctlError

if TYPE_CHECKING:
    from genctl.api.models.model import Model

IMAGES, ANIMATED, STEPS_BETWEEN = 64, 16, 10


@dataclass(frozen=True)
class ImageContext:
    """What was asked of ``sample`` on a model of images."""

    model: Model
    n: int | None
    seed: int
    labels: str | None
    batch_size: int
    out: Path | None
    inpaint: Path | None
    mask: Path | None
    init_image: Path | None
    interpolate: bool
    trajectory: Path | None

    @property
    def count(self) -> int:
        """How many samples."""
        if self.n is not None:
            return self.n
        if self.interpolate:
            return STEPS_BETWEEN
        return ANIMATED if self.trajectory else IMAGES

    def arguments(self) -> dict[str, Any]:
        """What the SDK is asked for, but for the number and the options."""
        labels = None if self.labels is None else [part.strip() for part in self.labels.split(",")]
        return {
            "seed": self.seed,
            "labels": labels,
            "image": self.inpaint or self.init_image,
            "mask": self.mask,
            "between": self.interpolate,
        }


def show_pictures(call: Context, wanted: ImageContext) -> None:
    """Draw the samples and keep them in the way that was asked for."""
    _check(wanted)
    path, labels = _animated(call, wanted) if wanted.trajectory else _still(call, wanted)
    model, step = wanted.model, wanted.model.step
    call.output.result(
        {
            "path": str(path),
            "n": wanted.count,
            "seed": wanted.seed,
            "labels": labels,
            "kind": model.spec.output,
            "weights": model.weights,
            "step": step,
            "origin": str(model.origin),
        },
        f"{path}: {wanted.count} samples of {model.origin}, {model.weights} weights"
        + (f" of step {step}" if step is not None else ""),
        bare=str(path),
    )


def default_out(model: Model, seed: int, n: int) -> Path:
    """Where samples go by themselves: into a run, beside an export; many as an archive."""
    from genctl.outputs.images.samples import MAX_GRID

    origin = model.origin
    name = f"seed{seed}-n{n}" + (
        ".png" if model.spec.output == "image" and n <= MAX_GRID else ".npz"
    )
    if (origin / "config.json").is_file():
        return origin / "samples" / name
    return origin.with_name(f"{origin.stem}-{name}")


def _check(wanted: ImageContext) -> None:
    """Refuse options that contradict each other.

    Raises:
        GenctlError: they do.
    """
    if wanted.inpaint and wanted.init_image:
        reason, hint = "--inpaint and --init-image exclude each other", "leave one of them out"
    elif wanted.inpaint and not wanted.mask:
        reason = "--inpaint needs --mask"
        hint = "--mask MASK, an image: white is regenerated, black is kept"
    elif wanted.mask and not wanted.inpaint:
        reason, hint = "--mask needs --inpaint", "--inpaint IMAGE"
    elif wanted.trajectory and wanted.out:
        reason, hint = "--trajectory and --out exclude each other", "leave one of them out"
    else:
        return
    raise GenctlError(ExitStatus.USAGE, reason, hint=hint)


def _still(call: Context, wanted: ImageContext) -> tuple[Path, list[int] | None]:
    from genctl.outputs.images.samples import Samples, check_place

    model = wanted.model
    place = wanted.out or default_out(model, wanted.seed, wanted.count)
    check_place(place, model.spec.output or "", wanted.count)
    samples = model.sample(
        wanted.count,
        batch_size=wanted.batch_size,
        options=call.options,
        output=call.output,
        **wanted.arguments(),
    )
    assert isinstance(samples, Samples)
    drawn = None if samples.labels is None else samples.labels.tolist()
    return samples.save(place), drawn


def _animated(call: Context, wanted: ImageContext) -> tuple[Path, list[int] | None]:
    from genctl.outputs.images.samples import check_animation_place, save_animation

    assert wanted.trajectory is not None
    check_animation_place(wanted.trajectory)
    frames = wanted.model.trajectory(wanted.count, options=call.options, **wanted.arguments())
    labels = frames[-1].labels
    return save_animation(wanted.trajectory, frames), None if labels is None else labels.tolist()
