"""``genctl compare``: runs or scores side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genctl.cli import completion
from genctl.cli.context import Context
from genctl.cli.views.runs import compare_runs
from genctl.cli.views.tables import table
from genctl.errors import ExitStatus, GenctlError
from genctl.wording import number

if TYPE_CHECKING:
    from genctl.evaluation.compare import Comparison


def compare(
    ctx: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Two or more runs, or two files that genctl eval --json wrote.",
            autocompletion=completion.run_names,
        ),
    ],
) -> None:
    """Compare runs, or the scores of two evaluations.

    For runs it shows the progress and every setting in which they differ. For scores it shows
    whether they differ by more than chance.

    Notes:
        Scores are compared by the 95 % interval of their difference, from both errors. Scores with
        different signatures are refused with status 3. For a folder that `genctl eval --out` wrote,
        its eval.json is used.

        JSON: for scores comparisons, each with name, first, second, difference, error, apart,
        p_value and degrees; for runs runs and differing.
    """
    call: Context = ctx.obj
    files = [_scores_at(name) for name in names]
    if not any(files):
        compare_runs(call, names)
        return
    found = [file for file in files if file is not None]
    if len(found) != len(names):
        run = names[files.index(None)]
        raise GenctlError(
            ExitStatus.USAGE,
            f"cannot compare a file of scores with the run {run}",
            hint=f"genctl eval fid {run} --json > b.json, and compare the two files",
        )
    if len(found) != 2:
        raise GenctlError(
            ExitStatus.USAGE,
            f"compare takes two files of scores, not {len(found)}",
            hint="genctl compare A.json B.json",
        )
    _compare_scores(call, found)


def _scores_at(name: str) -> Path | None:
    """The file of scores that ``name`` means; None if it is a run's name or folder."""
    path = Path(name)
    if path.is_dir():
        scores = path / "eval.json"
        return scores if scores.is_file() and not (path / "config.json").is_file() else None
    return path if path.is_file() or path.suffix == ".json" else None


def _compare_scores(call: Context, files: Sequence[Path]) -> None:
    from genctl.evaluation.compare import compare_all, read_scores

    found = compare_all(*(read_scores(file) for file in files))
    call.output.result(
        {"comparisons": [dataclasses.asdict(comparison) for comparison in found]},
        table([_row(c) for c in found], ("", "A", "B", "B - A", "95 %", "")),
        bare="\n".join(f"{comparison.difference:.6g}" for comparison in found),
    )


def _row(found: Comparison) -> tuple[str, ...]:
    return (
        found.name,
        number(found.first),
        number(found.second),
        number(found.difference, "+.4g"),
        f"± {number(found.error, '.2g')}",
        "differ" if found.apart else "not told apart",
    )
