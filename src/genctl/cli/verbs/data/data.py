"""``genctl data``: what lies in a set of images, and putting it in order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genctl.cli import completion
from genctl.cli.command import Command, CommandGroup, Context, help_when_bare
from genctl.cli.options import Device
from genctl.cli.views.tables import table
from genctl.data.text.options import ENCODINGS
from genctl.errors import ExitStatus, GenctlError
from genctl.registry import DATA_KINDS

if TYPE_CHECKING:
    from genctl.data.findings import DataCheck

data = typer.Typer(name="data", cls=CommandGroup, invoke_without_command=True)

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="Images or text: a folder, a file, a built-in set.",
        autocompletion=completion.sources,
    ),
]


@data.callback()
def root(ctx: typer.Context) -> None:
    """Check images and texts before training; clean and label images."""
    help_when_bare(ctx)


@data.command("ls", cls=Command)
def ls(ctx: typer.Context) -> None:
    """List the built-in data sets."""
    call: Context = ctx.obj
    found = [
        (name, kind.name, text) for kind in DATA_KINDS.all() for name, text in kind.named().items()
    ]
    call.output.result(
        {"data": [{"name": name, "kind": kind, "summary": text} for name, kind, text in found]},
        table(found, ("NAME", "KIND", "")),
        bare="\n".join(name for name, _, _ in found),
    )


@data.command("check", cls=Command)
def check(
    ctx: typer.Context,
    source: Source,
    preview: Annotated[
        Path | None,
        typer.Option(help="A .png to write, with up to 64 of the images.", metavar="FILE"),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            help="Of texts that are not UTF-8: gb18030, big5, shift_jis, ...",
            metavar="NAME",
            autocompletion=completion.one_of(*ENCODINGS),
        ),
    ] = None,
) -> None:
    """Look at every image or text: damage, sizes, copies, classes.

    Exits with 3 when nothing can be trained on it.
    """
    from genctl.api.datasets.check import check_data

    call: Context = ctx.obj
    found = check_data(source, preview, encoding)
    call.output.result(
        {
            "source": source,
            "usable": not found.unusable,
            "reason": found.unusable,
            "warnings": found.warnings,
            "sections": [vars(section) for section in found.sections],
            "preview": None if preview is None else str(preview),
        },
        _describe(found),
        bare="\n".join(warning for s in found.sections for warning in s.warnings),
    )
    if found.unusable:
        raise typer.Exit(ExitStatus.DATA)


@data.command("clean", cls=Command)
def clean(
    ctx: typer.Context,
    source: Source,
    out: Annotated[Path, typer.Option(help="The new folder.", metavar="DIR")],
    size: Annotated[
        str | None,
        typer.Option(help="Cut and resize to it: 64, or height x width as 48x64."),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="Convert to 1 (grey), 3 (colour) or 4 (with alpha).")
    ] = None,
    near: Annotated[
        bool, typer.Option("--near", help="Leave out what looks nearly the same, too.")
    ] = False,
) -> None:
    """Write the good images as PNGs into a new folder, each once.

    Damaged files and copies are left out; cleaned.json in the folder says what was done.
    """
    from genctl.api.datasets.clean import clean_data

    call: Context = ctx.obj
    if channels not in (None, 1, 3, 4):
        raise GenctlError(ExitStatus.USAGE, f"--channels {channels} is not 1, 3 or 4")
    done = clean_data(source, out, size=_size(size), channels=channels, near=near)
    lines = [f"{done.out}: {done.kept:,} images; {len(done.dropped):,} left out"]
    lines += [f"  {path}: {why}" for path, why in done.dropped.items()]
    if done.changed:
        lines.append(f"{len(done.changed):,} were converted; cleaned.json says how")
    call.output.result(
        {
            "out": str(done.out),
            "kept": done.kept,
            "dropped": dict(done.dropped),
            "changed": dict(done.changed),
        },
        "\n".join(lines),
        bare=str(done.out),
    )


@data.command("label", cls=Command)
def label(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="DIR", help="A folder of images.")],
    pattern: Annotated[
        str | None,
        typer.Option(
            help="A regular expression for the files' names, whose group is the label.",
            metavar="REGEX",
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="A classifier.", metavar="digits|module:callable")
    ] = None,
    device: Device = None,
) -> None:
    """Write labels.csv by file names or by a classifier.

    It is meant to be corrected by hand.
    """
    from genctl.api.datasets.label import label_data

    call: Context = ctx.obj
    done = label_data(source, pattern=pattern, by=by, device=device)
    if done.unlabelled:
        call.output.warn(
            f"{len(done.unlabelled)} files do not match, and need a label before training: "
            f"{'; '.join(done.unlabelled[:3])}"
        )
    rows = [(name, f"{count:,}") for name, count in sorted(done.counts.items())]
    call.output.result(
        {"path": str(done.path), "counts": dict(done.counts), "unlabelled": list(done.unlabelled)},
        f"{done.path}\n{table(rows, ('LABEL', 'IMAGES'))}",
        bare=str(done.path),
    )


def _describe(found: DataCheck) -> str:
    lines = []
    for section in found.sections:
        lines += [f"{section.title}", *(f"  {key}: {text}" for key, text in section.facts.items())]
        lines += [f"  warning: {warning}" for warning in section.warnings]
    count = found.warnings
    verdict = f"not usable: {found.unusable}" if found.unusable else "usable"
    lines.append(f"{verdict}; {count} warning{'' if count == 1 else 's'}")
    if found.preview:
        lines.append(f"preview: {found.preview}")
    return "\n".join(lines)


def _size(text: str | None) -> tuple[int, int] | None:
    """``64`` or ``48x64`` as (height, width)."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise GenctlError(ExitStatus.USAGE, f"--size {text!r} is not a size", hint="--size 64")
    return int(parts[0]), int(parts[-1])
