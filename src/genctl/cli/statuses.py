"""The exit statuses: their meanings and remedies."""

from __future__ import annotations

from genctl.cli.context import Context
from genctl.cli.views.tables import table
from genctl.errors import ExitStatus, unknown

MEANINGS: dict[ExitStatus, tuple[str, str]] = {
    ExitStatus.OK: ("success", ""),
    ExitStatus.FAILURE: (
        "failure: no space, no permission, a run that another process holds, or a bug",
        "read the line after error:; genctl doctor checks the installation",
    ),
    ExitStatus.USAGE: (
        "wrong usage or configuration: an unknown name, an invalid value, a missing package",
        "read the line after hint:; --help-all lists all options",
    ),
    ExitStatus.DATA: (
        "data or weights are missing, damaged or too small",
        "genctl data check SOURCE checks data; genctl doctor lists the weights it finds",
    ),
    ExitStatus.OUT_OF_MEMORY: (
        "out of memory",
        "train with a smaller --micro-batch (same results); sample with a smaller --batch-size",
    ),
    ExitStatus.NON_FINITE: (
        "training diverged: losses or gradients were no longer finite; the last good checkpoint "
        "is kept",
        "use a smaller --lr or --precision fp32, with --new",
    ),
    ExitStatus.PROOF_FAILED: (
        "an export did not compute what the model computes, and was deleted",
        "run the command again with --debug and report the output",
    ),
    ExitStatus.INTERRUPTED: (
        "interrupted (Ctrl-C); training saved a checkpoint first",
        "run the same command again to resume",
    ),
    ExitStatus.TERMINATED: (
        "terminated (SIGTERM), for example by a cluster; training saved a checkpoint first",
        "run the same command again to resume",
    ),
}


def statuses() -> list[str]:
    """The numbers of the exit statuses, as text."""
    return [str(int(status)) for status in MEANINGS]


def show_statuses(call: Context, code: str | None) -> None:
    """Explain the exit status ``code``, or list all when None.

    Raises:
        GenctlError: no such status.
    """
    known = {str(int(status)): entry for status, entry in MEANINGS.items()}
    if code is not None and code not in known:
        raise unknown("exit status", code, known, hint="genctl info exit-statuses")
    shown = known if code is None else {code: known[code]}
    rows = [(number, meaning, remedy) for number, (meaning, remedy) in shown.items()]
    one = "\n".join(filter(None, shown[code])) if code else ""
    call.output.result(
        {"codes": [{"code": int(n), "meaning": m, "remedy": r} for n, m, r in rows]},
        one or table([row[:2] for row in rows], ("STATUS", "MEANING")),
        bare="\n".join(meaning for _, meaning, _ in rows),
    )
