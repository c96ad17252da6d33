"""``genctl runs``: what was trained, and how."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import typer

from genctl import runs as directories
from genctl.cli import completion
from genctl.cli.command import Command, CommandGroup, Context, help_when_bare
from genctl.cli.options import NewestRun
from genctl.cli.views.tables import table
from genctl.contracts import DataSpec
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run

runs = typer.Typer(name="runs", cls=CommandGroup, invoke_without_command=True)


@runs.callback()
def root(ctx: typer.Context) -> None:
    """List, show, compare and remove runs."""
    help_when_bare(ctx)


@runs.command("ls", cls=Command)
def ls(ctx: typer.Context) -> None:
    """List the runs, the latest first."""
    call: Context = ctx.obj
    found = [{**_facts(run), "bytes": directories.size_of(run)} for run in directories.all_runs()]
    header = ("RUN", "FAMILY", "STATE", "STEP", "EXAMPLES", "BEST", "SIZE", "AGE")
    human = table([_row(facts) for facts in found], header)
    call.output.result(
        {"root": str(directories.runs_root()), "runs": found},
        human if found else f"no runs under {directories.runs_root()}; genctl train gan makes one",
        bare="\n".join(facts["path"] for facts in found),
    )


@runs.command("show", cls=Command)
def show(ctx: typer.Context, name: NewestRun = None) -> None:
    """Show a run: where it stands, its data, and every setting with its origin."""
    show_run(ctx.obj, directories.find_or_newest(name))


def show_run(call: Context, run: Run) -> None:
    """Where a run stands, its data, and every setting with its origin."""
    facts = _facts(run)
    document, data = run.read("config.json"), run.read("data.json")
    starts = (run.read("env.json") or {"starts": []})["starts"]
    details = {**facts, **document, "data": data, "starts": starts}
    call.output.result(details, _describe(facts, document, data, starts), bare=str(run.path))


@runs.command("compare", cls=Command)
def compare(
    ctx: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN ...", help="Two or more.", autocompletion=completion.run_names
        ),
    ],
) -> None:
    """Set runs beside each other: where they stand, and every setting that differs."""
    call: Context = ctx.obj
    if len(names) < 2:
        raise GenctlError(
            ExitStatus.USAGE,
            "give at least two runs",
            hint=f"genctl runs compare {' '.join(names)} OTHER_RUN",
        )
    found = [directories.find(name) for name in names]
    facts = [_facts(run) for run in found]
    different = differing([run.read("config.json") for run in found])
    rows = [
        ("state", *(str(f["state"]) for f in facts)),
        ("step", *(str(f["step"]) for f in facts)),
        ("examples", *(f"{f['examples']:,}" for f in facts)),
        ("best", *(_best(f) for f in facts)),
        *((key, *values) for key, values in different.items()),
    ]
    call.output.result(
        {"runs": facts, "differing": {key: list(values) for key, values in different.items()}},
        table(rows, ("", *(run.name for run in found))),
        bare="\n".join(different),
    )


@runs.command("rm", cls=Command)
def rm(
    ctx: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(metavar="RUN ...", help="Which.", autocompletion=completion.run_names),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete runs, after asking."""
    call: Context = ctx.obj
    found = [directories.find(name) for name in names]
    sizes = [directories.size_of(run) for run in found]
    for run in found:
        if holder := run.holder():
            raise GenctlError(
                ExitStatus.FAILURE, f"{run.path} is being trained by {holder}", hint="stop it first"
            )
    if not yes:
        what = ", ".join(str(run.path) for run in found)
        remedy = f"genctl runs rm {' '.join(names)} --yes"
        call.output.confirm(
            f"delete {what} ({_size(sum(sizes))})",
            otherwise="nothing was deleted",
            remedy=remedy,
        )
    for run in found:
        directories.remove(run)
    call.output.result(
        {"removed": [str(run.path) for run in found], "bytes": sum(sizes)},
        f"removed {', '.join(run.name for run in found)} ({_size(sum(sizes))})",
    )


def differing(documents: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The settings that are not the same in all ``config.json`` documents, key by key."""
    each = [
        {key: value for key, value, _ in directories.settings(document)} for document in documents
    ]
    families = tuple(str(document["config"]["family"]) for document in documents)
    keys = dict.fromkeys(key for values in each for key in values)
    rows = {key: tuple(values.get(key, "-") for values in each) for key in keys}
    return {k: v for k, v in {"family": families, **rows}.items() if len(set(v)) > 1}


def _facts(run: Run) -> dict[str, Any]:
    """What a run is and where it stands; a damaged one says so instead of failing."""
    facts: dict[str, Any] = {"run": run.name, "path": str(run.path)}
    empty = {"family": None, "holder": None, "step": 0, "examples": 0, "best": None}
    try:
        last, holder = run.read("last.json") or {}, run.holder()
        known = {
            "family": run.read("config.json")["config"]["family"],
            "state": "running" if holder else "finished" if run.finished else "unfinished",
            "holder": holder,
            "step": last.get("step", 0),
            "examples": last.get("position", 0),
            "best": run.read("best.json"),
        }
    except (GenctlError, KeyError, TypeError):
        known = {**empty, "state": "damaged"}
    written = max(path.stat().st_mtime for path in (run.path, *run.path.glob("*.json")))
    moment = datetime.datetime.fromtimestamp(written, datetime.UTC)
    return {**facts, **known, "written": moment.isoformat(timespec="seconds")}


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    return (
        facts["run"],
        facts["family"] or "?",
        f"running ({facts['holder']})" if facts["holder"] else facts["state"],
        str(facts["step"]),
        f"{facts['examples']:,}",
        _best(facts),
        _size(facts["bytes"]),
        _age(facts["written"]),
    )


def _size(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count >= 1e6 else f"{count / 1e3:,.0f} kB"


def _best(facts: dict[str, Any]) -> str:
    best = facts["best"]
    return f"{best['metric']} {best['value']:.4g}" if best else "-"


def _age(written: str) -> str:
    seconds = (
        datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(written)
    ).total_seconds()
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _seen(examples: int, data: Any) -> str:
    """So many examples in words, of a run that may have stopped before it knew its data."""
    return DataSpec.from_json(data).in_words(examples) if data else f"{examples:,} examples"


def _describe(
    facts: dict[str, Any], document: dict[str, Any], data: Any, starts: list[dict[str, Any]]
) -> str:
    best = facts["best"]
    lines = [
        ("run", facts["path"]),
        ("family", f"{facts['family']}, preset {document['config']['preset']}"),
        ("state", facts["state"] + (f" by {facts['holder']}" if facts["holder"] else "")),
        (
            "last",
            f"step {facts['step']}, {_seen(facts['examples'], data)}, {_age(facts['written'])} ago",
        ),
    ]
    if best:
        lines.append(("best", f"{_best(facts)} at step {best['step']} ({best['weights']})"))
    if data:
        lines.append(("data", f"{data['source']}: {_seen(data['examples'], data)}"))
    if starts:
        last = starts[-1]
        where = f"{last['device']}, torch {last['torch']}, genctl {last['genctl']}"
        lines.append(("starts", f"{len(starts)}, the last one {last['started']} on {where}"))
    return "\n\n".join(
        [table(lines), table(directories.settings(document), ("KEY", "VALUE", "FROM"))]
    )
