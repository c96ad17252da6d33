"""``genctl sample``: samples of a trained model."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genctl.cli.command import Call
from genctl.cli.family_options import FamilyOptions, FamilyVerb
from genctl.cli.options import (
    BatchSize,
    Checkpoint,
    Device,
    Model,
    Threads,
    Weights,
    use_threads,
)
from genctl.cli.subject import spec_of
from genctl.errors import ExitStatus, GenctlError

if TYPE_CHECKING:
    from genctl.api.model import Model as LoadedModel
    from genctl.registry import Spec

IMAGES = 64


class SampleVerb(FamilyVerb):
    """``sample RUN`` takes the sampling options of the run's family."""

    def family_options(self, args: Sequence[str], *, strict: bool) -> FamilyOptions:
        origin, spec = _subject(args, self.positionals(args), strict=strict)
        if spec is None:
            return FamilyOptions()
        from genctl.config import request_options

        subject = shlex.quote(origin) if origin else ""
        return FamilyOptions(subject, {f"Options of {spec.name}": request_options(spec)})


def _subject(
    args: Sequence[str], words: Sequence[str], *, strict: bool
) -> tuple[str | None, Spec | None]:
    """The model among ``words``, which need not be first behind options, and its family."""
    if strict and words and words[0] == args[0]:
        return words[0], spec_of(words[0])
    for word in (*words, None):
        try:
            return word, spec_of(word)
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
    weights: Weights = "ema",
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
    from genctl.api.loading import load
    from genctl.cli.texts import TextCall, given_prompts, show_texts

    call: Call = ctx.obj
    asked = given_prompts(prompt or [], prompts)
    use_threads(threads)
    loaded = load(model, checkpoint=checkpoint, weights=weights, device=device, output=call.output)
    if loaded.spec.output == "text":
        show_texts(call, TextCall(loaded, asked, n, seed, labels, batch_size, out, jsonl))
    elif asked or jsonl:
        flag = "--prompt" if asked else "--jsonl"
        raise GenctlError(
            ExitStatus.USAGE,
            f"{loaded.origin} makes {loaded.spec.output}, so {flag} means nothing to it",
            hint=f"leave {flag} out",
        )
    else:
        _show_images(call, loaded, IMAGES if n is None else n, seed, labels, batch_size, out)


def _show_images(
    call: Call,
    model: LoadedModel,
    n: int,
    seed: int,
    labels: str | None,
    batch_size: int,
    out: Path | None,
) -> None:
    from genctl.data.samples import Samples, check_place

    place = out or default_out(model, seed, n)
    check_place(place, model.spec.output or "", n)
    samples = model.sample(
        n,
        seed=seed,
        labels=None if labels is None else [label.strip() for label in labels.split(",")],
        batch_size=batch_size,
        options=call.options,
        output=call.output,
    )
    assert isinstance(samples, Samples)
    path = samples.save(place)
    drawn = None if samples.labels is None else samples.labels.tolist()
    call.output.result(
        {
            "path": str(path),
            "n": n,
            "seed": seed,
            "labels": drawn,
            "kind": samples.kind,
            "weights": model.weights,
            "step": model.step,
            "origin": str(model.origin),
        },
        f"{path}: {n} samples of {model.origin}, {model.weights} weights"
        + (f" of step {model.step}" if model.step is not None else ""),
        bare=str(path),
    )


def default_out(model: LoadedModel, seed: int, n: int) -> Path:
    """Where samples go by themselves: into a run, beside an export; many as an archive."""
    from genctl.data.samples import MAX_GRID

    origin = model.origin
    name = f"seed{seed}-n{n}" + (
        ".png" if model.spec.output == "image" and n <= MAX_GRID else ".npz"
    )
    if (origin / "config.json").is_file():
        return origin / "samples" / name
    return origin.with_name(f"{origin.stem}-{name}")
