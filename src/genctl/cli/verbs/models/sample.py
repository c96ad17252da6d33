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
from genctl.cli.views.images import IMAGES, ImageContext, show_pictures
from genctl.errors import ExitStatus, GenctlError

if TYPE_CHECKING:
    from genctl.config import Config
    from genctl.registry import Spec


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
        typer.Option("--n", help=f"How many; left out: {IMAGES} images, or one text a prompt."),
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
    from genctl.api.models.loading import load
    from genctl.cli.views.texts import TextContext, given_prompts, show_texts

    call: Context = ctx.obj
    asked = given_prompts(prompt or [], prompts)
    use_threads(threads)
    loaded = load(model, checkpoint=checkpoint, weights=weights, device=device, output=call.output)
    if loaded.spec.output == "text":
        shown = {
            "--inpaint": inpaint,
            "--mask": mask,
            "--init-image": init_image,
            "--interpolate": interpolate,
            "--trajectory": trajectory,
        }
        _refuse(loaded.origin, "text", shown)
        show_texts(call, TextContext(loaded, asked, n, seed, labels, batch_size, out, jsonl))
        return
    _refuse(loaded.origin, loaded.spec.output, {"--prompt": asked, "--jsonl": jsonl})
    pictures = (inpaint, mask, init_image, interpolate, trajectory)
    show_pictures(call, ImageContext(loaded, n, seed, labels, batch_size, out, *pictures))


def _refuse(origin: Path, kind: str | None, given: Mapping[str, object]) -> None:
    """Options that mean nothing to a model of this kind are mistakes.

    Raises:
        GenctlError: one of them was given.
    """
    for flag, value in given.items():
        if value:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{flag} does not apply to {origin} (output: {kind})",
                hint=f"leave {flag} out",
            )
