"""``genctl doctor``: checks the installation."""

from __future__ import annotations

import typer

from genctl.cli.checks import Check, all_checks
from genctl.cli.context import Context
from genctl.cli.views.tables import table
from genctl.errors import ExitStatus


def doctor(ctx: typer.Context) -> None:
    """Check the installation, devices, caches and plug-ins.

    Exits with status 1 if something that is needed is broken.

    Notes:
        JSON: ok, checks, each with name, status (ok, note or broken), text and fix.
    """
    call: Context = ctx.obj
    checks = list(all_checks())
    broken = [check for check in checks if check.status == "broken"]
    call.output.result(
        {"ok": not broken, "checks": [check.to_json() for check in checks]},
        _describe(checks),
        bare="\n".join(check.name for check in broken),
    )
    if broken:
        raise typer.Exit(ExitStatus.FAILURE)


def _describe(checks: list[Check]) -> str:
    rows = table([(check.status, check.name, check.text) for check in checks])
    fixes = [f"{check.name}: {check.fix}" for check in checks if check.fix]
    return "\n".join([rows, *(["", *fixes] if fixes else [])])
