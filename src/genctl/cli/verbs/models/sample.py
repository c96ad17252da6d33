"""``genctl sample``: samples of a trained model."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genctl.cli.command import Context
from genctl.cli.family_options import FamilyCommand, FamilyOptions
from genctl.cli.identify import identify
from genctl.cli.options import (
    BatchSize,
    Checkpoint,
    Device,
    Model,
    Threads,
    Weights,
    use_threads,
)
from genctl.cli.views.samples import SampleContext, show_samples
from genctl.errors import ExitStatus, GenctlError

if TYPE_CHECKING:
    from genctl.config import Config
    from genctl.registry import OutputKind, Spec

COUNT, ANIMATED, STEPS_BETWEEN = 64, 16, 10


class SampleCommand(FamilyCommand):
    """``sample RUN`` takes the sampling options of the run's family."""

    def family_options(self, args: Sequence[str], *, strict: bool) -> FamilyOptions:
        origin, found = _subject(args, self.positionals(args), strict=strict)
        if found is None:
            return FamilyOptions()
        from genctl.config import request_options

        spec, config = found
        shown = request_options(spec, config.sample)
        return FamilyOptions(
            shlex.quote(origin) if origin else "", {f"Options of {spec.name}": shown}
        )


def _subject(
    args: Sequence[str], words: Sequence[str], *, strict: bool
) -> tuple[str | None, tuple[Spec, Config] | None]:
    """The model among ``words``, which need not be first behind options, and what it is."""
    if strict and words and words[0] == args[0]:
        return words[0], identify(words[0])
    for word in (*words, None):
        try:
            return word, identify(word)
        except GenctlError:
            continue  # the value of an option that only a family knows
    return None, None


def sample(
    ctx: typer.Context,
    model: Model = None,
    n: Annotated[
        int | None,
        typer.Option("--n", help=f"How many; left out: {COUNT} images, or one text a prompt."),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Sample k depends on the seed and k, not on --n or --batch-size.")
    ] = 0,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Classes by number or name, taken in turn; left out: all.", metavar="0,1,2"
        ),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt", help="Text to go on with; again for several, in turn.", metavar="TEXT"
        ),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option("--prompts", help="A file of prompts: one a line, or .jsonl.", metavar="FILE"),
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Of text: one JSON object a sample on stdout.")
    ] = False,
    inpaint: Annotated[
        Path | None,
        typer.Option(help="A picture of which a part is to be made anew.", metavar="IMAGE"),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="Of --inpaint: white is made anew, black stays.", metavar="MASK"),
    ] = None,
    init_image: Annotated[
        Path | None,
        typer.Option(help="A picture to start from; --strength says how freely.", metavar="IMAGE"),
    ] = None,
    interpolate: Annotated[
        bool, typer.Option("--interpolate", help="Draw the way from sample 0 to sample 1.")
    ] = False,
    trajectory: Annotated[
        Path | None,
        typer.Option(help="Show how the images come about: a .gif or .webp.", metavar="FILE"),
    ] = None,
    weights: Weights = "best",
    checkpoint: Checkpoint = "best",
    batch_size: BatchSize = 64,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Of images a .png (one grid), an .npz, or a folder; of text a .txt or .jsonl. "
            "Left out: a grid beside the model; text is shown."
        ),
    ] = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Draw samples from a trained model.

    The family's own options are options too: genctl sample RUN --help
    """
    from genctl.api.models.model import open_model
    from genctl.outputs.base import SampleRequest

    call: Context = ctx.obj
    asked = _prompts(prompt or [], prompts)
    _check(inpaint, mask, init_image, trajectory, out)
    use_threads(threads)
    loaded = open_model(
        model, checkpoint=checkpoint, weights=weights, device=device, output=call.output
    )
    kind = loaded.output
    if kind is None or "generate" not in kind.targets:
        raise GenctlError(
            ExitStatus.USAGE, f"{loaded.origin} generates {loaded.makes}: nothing to sample"
        )
    given: dict[str, dict[str, object]] = {
        "prompts": {"--prompt": prompt, "--prompts": prompts},
        "jsonl": {"--jsonl": jsonl},
        "image": {"--inpaint": inpaint, "--init-image": init_image},
        "mask": {"--mask": mask},
        "between": {"--interpolate": interpolate},
        "trajectory": {"--trajectory": trajectory},
    }
    _refuse(loaded.origin, kind, given)
    count = n
    if count is None:
        count = max(1, len(asked)) if kind.shown else _count(interpolate, trajectory)
    request = SampleRequest(
        count,
        seed=seed,
        labels=None if labels is None else [part.strip() for part in labels.split(",")],
        prompts=asked,
        image=inpaint or init_image,
        mask=mask,
        between=interpolate,
        batch_size=batch_size,
        options=call.options,
    )
    show_samples(call, SampleContext(loaded, kind, request, out, jsonl, trajectory))


def _count(interpolate: bool, trajectory: Path | None) -> int:
    """How many samples where nobody says."""
    if interpolate:
        return STEPS_BETWEEN
    return ANIMATED if trajectory else COUNT


def _prompts(typed: Sequence[str], file: Path | None) -> list[str]:
    """The prompts that were typed, and then those of a file.

    Raises:
        GenctlError: the file cannot be read, or holds none.
    """
    if file is None:
        return list(typed)
    from genctl.decoding.prompts import read_prompts

    return [*typed, *read_prompts(file)]


def _check(
    inpaint: Path | None,
    mask: Path | None,
    init_image: Path | None,
    trajectory: Path | None,
    out: Path | None,
) -> None:
    """Refuse options that contradict each other.

    Raises:
        GenctlError: they do.
    """
    if inpaint and init_image:
        reason, hint = "--inpaint and --init-image exclude each other", "leave one of them out"
    elif inpaint and not mask:
        reason = "--inpaint needs --mask"
        hint = "--mask MASK, white where the image is regenerated, black where it stays"
    elif mask and not inpaint:
        reason, hint = "--mask belongs to --inpaint", "--inpaint IMAGE"
    elif trajectory and out:
        reason, hint = "--trajectory and --out exclude each other", "leave one of them out"
    else:
        return
    raise GenctlError(ExitStatus.USAGE, reason, hint=hint)


def _refuse(origin: Path, kind: OutputKind, given: Mapping[str, Mapping[str, object]]) -> None:
    """Options that mean nothing to a model of this kind are mistakes.

    Raises:
        GenctlError: one of them was given.
    """
    for name, flags in given.items():
        for flag, value in flags.items():
            if value and name not in kind.inputs:
                raise GenctlError(
                    ExitStatus.USAGE,
                    f"{origin} generates {kind.words[1]}, so {flag} means nothing to it",
                    hint=f"leave {flag} out",
                )
