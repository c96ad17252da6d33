"""``genctl sample``: generates samples from a trained model."""

from __future__ import annotations

import contextlib
import itertools
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genctl.cli import options
from genctl.cli.context import Context
from genctl.cli.family_options import FamilyOptions
from genctl.cli.identify import identify, sampling_inputs
from genctl.cli.options import BatchSize, Checkpoint, Device, Model, Threads, Weights, use_threads
from genctl.cli.typer_ext import FamilyCommand
from genctl.cli.views.presets import common_keys
from genctl.cli.views.samples import SampleContext, show_samples
from genctl.errors import ExitStatus, GenctlError

if TYPE_CHECKING:
    from genctl.config import Config
    from genctl.registry import Spec

COUNT, ANIMATED, STEPS_BETWEEN = 64, 16, 10

INPUTS = {
    "labels": "labels",
    "prompt": "prompts",
    "prompts": "prompts",
    "jsonl": "jsonl",
    "inpaint": "image",
    "mask": "mask",
    "init_image": "image",
    "interpolate": "between",
    "trajectory": "trajectory",
}
"""Parameter of `sample` -> the sampling input that it needs, see `sampling_inputs`."""


class SampleCommand(FamilyCommand):
    """``sample RUN`` takes the sampling options of the run's family."""

    def family_options(self, args: Sequence[str], *, strict: bool) -> FamilyOptions:
        origin, found = _subject(args, self.positionals(args), strict=strict)
        if found is None:
            return FamilyOptions()
        from genctl.config import request_options

        spec, config = found
        inputs, title = sampling_inputs(spec, config), f"Options of {spec.name}"
        common = [key.partition(".")[2] for key in common_keys(spec) if key.startswith("sample.")]
        return FamilyOptions(
            subject=shlex.quote(origin) if origin else "",
            panels={title: request_options(spec, config.sample)},
            title=title,
            common=common,
            useless=frozenset(name for name, needed in INPUTS.items() if needed not in inputs),
        )


def _subject(
    args: Sequence[str], words: Sequence[str], *, strict: bool
) -> tuple[str | None, tuple[Spec, Config] | None]:
    """The model among ``words``, in which options may come first, and its description."""
    if strict and words and words[0] == args[0]:
        return words[0], identify(words[0])
    errors: dict[str, GenctlError] = {}
    for word in words:
        try:
            return word, identify(word)
        except GenctlError as error:
            errors[word] = error  # perhaps the value of an option of the family
    named = [word for before, word in itertools.pairwise(args) if not before.startswith("-")]
    wrong = [errors[word] for word in named if word in errors]
    if strict and wrong:
        raise wrong[-1]
    with contextlib.suppress(GenctlError):
        return None, identify(None)
    return None, None


def sample(
    ctx: typer.Context,
    model: Model = None,
    n: Annotated[int | None, options.number(f"{COUNT}, or one per prompt")] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels", metavar="0,1,2", help="Classes by number or name. Default: all in turn."
        ),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", metavar="TEXT", help="Prompt. Repeat for several."),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option("--prompts", metavar="FILE", help="File of prompts: one per line, or .jsonl."),
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Print text samples as JSON lines.")
    ] = False,
    inpaint: Annotated[
        Path | None, typer.Option("--inpaint", metavar="IMAGE", help="Image to inpaint.")
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(
            "--mask",
            metavar="IMAGE",
            help="For --inpaint: white is regenerated, black is kept.",
        ),
    ] = None,
    init_image: Annotated[
        Path | None,
        typer.Option("--init-image", metavar="IMAGE", help="Image to start from; see --strength."),
    ] = None,
    interpolate: Annotated[
        bool, typer.Option("--interpolate", help="Interpolate from sample 0 to sample 1.")
    ] = False,
    trajectory: Annotated[
        Path | None,
        typer.Option(
            "--trajectory", metavar="FILE", help="Save an animation of the sampling steps."
        ),
    ] = None,
    seed: Annotated[int, options.seed()] = 0,
    out: Annotated[Path | None, options.out("the samples: a file or a folder")] = None,
    weights: Weights = "best",
    checkpoint: Checkpoint = "best",
    batch_size: BatchSize = 64,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Generate samples from a trained model.

    List the options of a model with: `genctl sample RUN --help`

    Notes:
        The default of `--n` is 64 images, or one text per prompt. For images `--out` is a .png
        (one grid), an .npz (an archive) or a folder; for text it is a .txt or a .jsonl. By default
        samples of a run are written to its samples/, as step8-ema-seed0-n64.png, and samples of an
        export to a file beside it; more than 1024 images become an .npz. Text is printed.

        Sample k depends on the seed and on k, not on `--n` or `--batch-size`. `--trajectory` takes
        a .gif or a .webp. A prompt file has one prompt per line, or is .jsonl with the field prompt
        or text.

        JSON: path, n, seed, labels, kind, weights, step, origin; for text also samples, each with
        prompt, text, tokens and finished (length, stop, end or context).
    """
    from genctl.api.models.model import open_model
    from genctl.outputs.base import SampleRequest, sampled_kind

    call: Context = ctx.obj
    asked = _prompts(prompt or [], prompts)
    _check(inpaint, mask, init_image, trajectory, out)
    use_threads(threads)
    loaded = open_model(
        model, checkpoint=checkpoint, weights=weights, device=device, output=call.output
    )
    request = SampleRequest(
        COUNT if n is None else n,
        seed=seed,
        labels=None if labels is None else [part.strip() for part in labels.split(",")],
        prompts=asked,
        image=inpaint or init_image,
        mask=mask,
        between=interpolate,
        batch_size=batch_size,
        options=call.options,
    )
    others = {"jsonl": jsonl, "trajectory": trajectory}
    kind = sampled_kind(loaded, request, [name for name, given in others.items() if given])
    if n is None:
        count = max(1, len(asked)) if kind.shown else _count(interpolate, trajectory)
        request = replace(request, n=count)
    show_samples(call, SampleContext(loaded, kind, request, out, jsonl, trajectory))


def _count(interpolate: bool, trajectory: Path | None) -> int:
    """The default number of samples."""
    if interpolate:
        return STEPS_BETWEEN
    return ANIMATED if trajectory else COUNT


def _prompts(typed: Sequence[str], file: Path | None) -> list[str]:
    """The prompts of the command line, then those of a file.

    Raises:
        GenctlError: the file cannot be read, or contains no prompts.
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
        GenctlError: two options contradict each other.
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
