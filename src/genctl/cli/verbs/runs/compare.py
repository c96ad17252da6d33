"""``genctl compare``: whether one evaluation is better than another by more than chance."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genctl.cli.command import Context
from genctl.cli.views.tables import table

if TYPE_CHECKING:
    from genctl.evaluation.compare import Comparison


def compare(
    ctx: typer.Context,
    first: Annotated[Path, typer.Argument(metavar="A.json", help="What genctl eval --json wrote.")],
    second: Annotated[Path, typer.Argument(metavar="B.json", help="And once more.")],
) -> None:
    """Say whether two evaluations differ by more than chance.

    Scores that were made differently are refused.
    """
    from genctl.evaluation.compare import compare_all, read_scores

    call: Context = ctx.obj
    found = compare_all(read_scores(first), read_scores(second))
    call.output.result(
        {"comparisons": [dataclasses.asdict(comparison) for comparison in found]},
        table([_row(c) for c in found], ("", "A", "B", "B - A", "95 %", "")),
        bare="\n".join(f"{comparison.difference:.6g}" for comparison in found),
    )


def _row(found: Comparison) -> tuple[str, ...]:
    return (
        found.name,
        f"{found.first:.4g}",
        f"{found.second:.4g}",
        f"{found.difference:+.4g}",
        f"± {found.error:.2g}",
        "differ" if found.apart else "not told apart",
    )
