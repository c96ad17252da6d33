"""``genctl explain``: what an exit status means, and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from genctl.cli.command import Context
from genctl.cli.views.tables import table
from genctl.errors import ExitStatus, unknown

MEANINGS: dict[ExitStatus, tuple[str, str]] = {
    ExitStatus.OK: ("done", ""),
    ExitStatus.FAILURE: (
        "failed: no space, no permission, a run that another process holds, or a bug",
        "the line after `error:` says which; genctl doctor looks at the installation",
    ),
    ExitStatus.USAGE: (
        "usage or configuration: an unknown name, a value that does not fit, a missing package",
        "the line after `hint:` says what to type; --help lists all options",
    ),
    ExitStatus.DATA: (
        "data: nothing there, damaged, too small, or weights that are missing",
        "genctl data check SOURCE looks at images; genctl doctor says which weights are found",
    ),
    ExitStatus.OUT_OF_MEMORY: (
        "out of memory",
        "a smaller --micro-batch computes the same in less; for sampling a smaller --batch-size",
    ),
    ExitStatus.NON_FINITE: (
        "training diverged: its numbers were no longer finite; the last good checkpoint is kept",
        "a smaller --lr, or --amp off; then --new",
    ),
    ExitStatus.PROOF_FAILED: (
        "an export did not compute what the model does, and was not kept",
        "run it again with --debug, and report it",
    ),
    ExitStatus.INTERRUPTED: (
        "interrupted (Ctrl-C); training has saved first",
        "run the same command again to go on",
    ),
    ExitStatus.TERMINATED: (
        "terminated (SIGTERM), as by a cluster; training has saved first",
        "run the same command again to go on",
    ),
}


def explain(
    ctx: typer.Context,
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", help="An exit status, as 3; left out: all.")
    ] = None,
) -> None:
    """Explain an exit status and its remedy."""
    call: Context = ctx.obj
    known = {str(int(status)): entry for status, entry in MEANINGS.items()}
    if code is not None and code not in known:
        raise unknown("exit status", code, known, hint="genctl explain")
    shown = known if code is None else {code: known[code]}
    rows = [(number, meaning, remedy) for number, (meaning, remedy) in shown.items()]
    one = "\n".join(filter(None, shown[code])) if code else ""
    call.output.result(
        {"codes": [{"code": int(n), "meaning": m, "remedy": r} for n, m, r in rows]},
        one or table([row[:2] for row in rows], ("CODE", "MEANING")),
        bare="\n".join(meaning for _, meaning, _ in rows),
    )
