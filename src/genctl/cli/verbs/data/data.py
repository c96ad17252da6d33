"""``genctl data``: checks data sets and prepares them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genctl.cli import completion, options
from genctl.cli.context import Context
from genctl.cli.options import Device, Source
from genctl.cli.typer_ext import Command, CommandGroup, help_when_bare
from genctl.cli.verbs.data.stats import stats
from genctl.cli.views.tables import table
from genctl.data.text.options import ENCODINGS
from genctl.errors import ExitStatus, GenctlError, escaped
from genctl.registry import DATA_KINDS

if TYPE_CHECKING:
    from genctl.data.findings import DataCheck

data = typer.Typer(name="data", cls=CommandGroup, invoke_without_command=True)


@data.callback()
def root(ctx: typer.Context) -> None:
    """Check, clean, label, list and measure data sets."""
    help_when_bare(ctx)


@data.command("check", cls=Command)
def check(
    ctx: typer.Context,
    source: Source,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="FILE", help="Write up to 64 of the images as a .png."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            "--encoding",
            metavar="NAME",
            help="Encoding of texts that are not UTF-8: gb18030, big5, shift_jis, ...",
            autocompletion=completion.one_of(*ENCODINGS),
        ),
    ] = None,
) -> None:
    """Check for damaged files, duplicates, sizes and classes.

    Exits with status 3 if the data cannot be used for training.

    Notes:
        Images are checked for damage, sizes, depths, exact and near duplicates, classes, and
        overlap of train and test. Text is checked for encodings, characters, repeated lines and
        documents, and its held-out part. More than 5 % unreadable images are an error; one is
        always tolerated.

        JSON: source, kind, usable, reason, warnings, sections, each with title, facts and warnings,
        and preview.
    """
    from genctl.api.datasets.check import check_data

    call: Context = ctx.obj
    found = check_data(source, preview, encoding)
    call.output.result(
        {
            "source": source,
            "kind": found.kind,
            "usable": not found.unusable,
            "reason": found.unusable,
            "warnings": found.warnings,
            "sections": [vars(section) for section in found.sections],
            "preview": None if found.preview is None else str(found.preview),
        },
        _describe(found),
        bare="\n".join(escaped(warning) for s in found.sections for warning in s.warnings),
    )
    if found.unusable:
        raise typer.Exit(ExitStatus.DATA)


@data.command("clean", cls=Command)
def clean(
    ctx: typer.Context,
    source: Source,
    out: Annotated[Path, options.out("the cleaned images: a new folder", "DIR")],
    size: Annotated[
        str | None,
        typer.Option(
            "--size", metavar="SIZE", help="Crop and resize to 64, or HEIGHTxWIDTH as 48x64."
        ),
    ] = None,
    channels: Annotated[
        int | None,
        typer.Option(
            "--channels", metavar="N", help="Convert to 1 (grey), 3 (colour) or 4 (with alpha)."
        ),
    ] = None,
    near: Annotated[bool, typer.Option("--near", help="Drop near duplicates too.")] = False,
) -> None:
    """Write the readable images to a new folder, without duplicates.

    Notes:
        The images become PNGs. The file cleaned.json records what was dropped or converted.

        JSON: out, kept, dropped, changed.
    """
    from genctl.api.datasets.clean import clean_data
    from genctl.api.datasets.kinds import kind_at

    call: Context = ctx.obj
    if channels not in (None, 1, 3, 4):
        raise GenctlError(
            ExitStatus.USAGE, f"--channels {channels} is not 1, 3 or 4", hint="--channels 3"
        )
    done = clean_data(source, out, size=_size(size), channels=channels, near=near or None)
    for note in done.notes:
        call.output.warn(note)
    words = kind_at(source).words[1]
    lines = [f"{done.out}: {done.kept:,} {words} written, {len(done.dropped):,} dropped"]
    lines += [f"  {path}: {why}" for path, why in done.dropped.items()]
    if done.changed:
        lines.append(f"{len(done.changed):,} {words} were converted; see cleaned.json")
    call.output.result(
        {
            "out": str(done.out),
            "kept": done.kept,
            "dropped": dict(done.dropped),
            "changed": dict(done.changed),
        },
        "\n".join(map(escaped, lines)),
        bare=str(done.out),
    )


@data.command("label", cls=Command)
def label(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="DIR", help="A folder of images.")],
    pattern: Annotated[
        str | None,
        typer.Option(
            "--pattern",
            metavar="REGEX",
            help="Regular expression for file names; its group captures the label.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="NAME", help="Classifier: digits or module:callable."),
    ] = None,
    device: Device = None,
) -> None:
    """Write labels.csv from file names or by a classifier.

    Notes:
        Check and correct the file (file,label) by hand. A callable takes images (N, H, W, C) uint8
        and returns N labels.

        JSON: path, counts, unlabelled.
    """
    from genctl.api.datasets.kinds import kind_at
    from genctl.api.datasets.label import label_data

    call: Context = ctx.obj
    done = label_data(source, pattern=pattern, by=by, device=device)
    if done.unlabelled:
        call.output.warn(
            f"{len(done.unlabelled)} files do not match and need a label before training: "
            f"{'; '.join(done.unlabelled[:3])}"
        )
    rows = [(name, f"{count:,}") for name, count in sorted(done.counts.items())]
    call.output.result(
        {"path": str(done.path), "counts": dict(done.counts), "unlabelled": list(done.unlabelled)},
        f"{done.path}\n{table(rows, ('LABEL', kind_at(source).words[1].upper()))}",
        bare=str(done.path),
    )


@data.command("ls", cls=Command)
def ls(ctx: typer.Context) -> None:
    """List the named data sets.

    Notes:
        The package contains digits. For the others, `genctl train FAMILY --data NAME --download`
        downloads the files if they are missing.

        JSON: data, each with name, kind and summary.
    """
    call: Context = ctx.obj
    found = [
        (name, kind.name, text) for kind in DATA_KINDS.all() for name, text in kind.named().items()
    ]
    call.output.result(
        {"data": [{"name": name, "kind": kind, "summary": text} for name, kind, text in found]},
        table(found, ("NAME", "KIND", "")),
        bare="\n".join(name for name, _, _ in found),
    )


data.command("stats", cls=Command)(stats)


def _describe(found: DataCheck) -> str:
    lines = [f"{found.source}: {found.kind}"]
    for section in found.sections:
        lines += [f"{section.title}", *(f"  {key}: {text}" for key, text in section.facts.items())]
        lines += [f"  warning: {warning}" for warning in section.warnings]
    count = found.warnings
    verdict = f"not usable: {found.unusable}" if found.unusable else "usable"
    lines.append(f"{verdict}; {count} warning{'' if count == 1 else 's'}")
    if found.preview:
        lines.append(f"preview: {found.preview}")
    return "\n".join(map(escaped, lines))


def _size(text: str | None) -> tuple[int, int] | None:
    """``64`` or ``48x64`` as (height, width)."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise GenctlError(ExitStatus.USAGE, f"--size {text!r} is not a size", hint="--size 64")
    return int(parts[0]), int(parts[-1])
