"""The facts of a run, and how they are shown."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from genctl import runs as directories
from genctl.api.pages.records import data_of, state_of
from genctl.cli.context import Context
from genctl.cli.views.tables import table
from genctl.errors import ExitStatus, GenctlError
from genctl.runs import Run

if TYPE_CHECKING:
    from genctl.contracts import DataSpec

HEADER = ("RUN", "FAMILY", "STATE", "STEP", "EXAMPLES", "BEST", "SIZE", "AGE")


def show_run(call: Context, run: Run) -> None:
    """Show the progress of a run, its data, and every setting with its origin."""
    facts = facts_of(run)
    document, data = run.read("config.json"), data_of(run)
    starts = (run.read("env.json") or {"starts": []})["starts"]
    details = {**facts, **document, "data": run.read("data.json"), "starts": starts}
    call.output.result(details, _describe(facts, document, data, starts), bare=str(run.path))


def compare_runs(call: Context, names: Sequence[str]) -> None:
    """Show the progress of runs, and every setting in which they differ.

    Raises:
        GenctlError: fewer than two runs, or one that does not exist.
    """
    if len(names) < 2:
        raise GenctlError(ExitStatus.USAGE, "give at least two runs", hint="genctl compare RUN RUN")
    found = [directories.find(name) for name in names]
    facts = [facts_of(run) for run in found]
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


def differing(documents: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The settings in which ``config.json`` documents differ: key -> the value of each."""
    each = [
        {key: value for key, value, _ in directories.settings(document)} for document in documents
    ]
    families = tuple(str(document["config"]["family"]) for document in documents)
    keys = dict.fromkeys(key for values in each for key in values)
    rows = {key: tuple(values.get(key, "-") for values in each) for key in keys}
    return {k: v for k, v in {"family": families, **rows}.items() if len(set(v)) > 1}


def facts_of(run: Run) -> dict[str, Any]:
    """The kind and the progress of a run; the state of a damaged run is ``damaged``."""
    facts: dict[str, Any] = {"run": run.name, "path": str(run.path)}
    empty = {"family": None, "holder": None, "step": 0, "examples": 0, "best": None}
    try:
        last = run.read("last.json") or {}
        state, holder = state_of(run)
        known = {
            "family": run.read("config.json")["config"]["family"],
            "state": state,
            "holder": holder,
            "step": last.get("step", 0),
            "examples": last.get("position", 0),
            "best": run.read("best.json"),
        }
    except (GenctlError, OSError, KeyError, TypeError):
        known = {**empty, "state": "damaged"}
    moment = datetime.datetime.fromtimestamp(directories.written(run), datetime.UTC)
    return {**facts, **known, "written": moment.isoformat(timespec="seconds")}


def row_of(facts: dict[str, Any]) -> tuple[str, ...]:
    """The columns of `HEADER`."""
    return (
        facts["run"],
        facts["family"] or "?",
        f"running ({facts['holder']})" if facts["holder"] else facts["state"],
        str(facts["step"]),
        f"{facts['examples']:,}",
        _best(facts),
        size_text(facts["bytes"]),
        age_text(facts["written"]),
    )


def size_text(count: int) -> str:
    """Bytes as megabytes or kilobytes."""
    return f"{count / 1e6:,.0f} MB" if count >= 1e6 else f"{count / 1e3:,.0f} kB"


def _best(facts: dict[str, Any]) -> str:
    best = facts["best"]
    return f"{best['metric']} {best['value']:.4g}" if best else "-"


def age_text(written: str) -> str:
    """The time since an ISO date, as text."""
    seconds = (
        datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(written)
    ).total_seconds()
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _seen(examples: int, data: DataSpec | None) -> str:
    """A number of examples in words; a run may have stopped before its data was read."""
    return data.in_words(examples) if data else f"{examples:,} examples"


def _describe(
    facts: dict[str, Any],
    document: dict[str, Any],
    data: DataSpec | None,
    starts: list[dict[str, Any]],
) -> str:
    best = facts["best"]
    lines = [
        ("run", facts["path"]),
        ("family", f"{facts['family']}, preset {document['config']['preset']}"),
        ("state", facts["state"] + (f" by {facts['holder']}" if facts["holder"] else "")),
        (
            "last",
            f"step {facts['step']}, {_seen(facts['examples'], data)}, "
            f"{age_text(facts['written'])} ago",
        ),
    ]
    if best:
        lines.append(("best", f"{_best(facts)} at step {best['step']} ({best['weights']})"))
    if data:
        lines.append(("data", f"{data.source}: {_seen(data.examples, data)}"))
    if starts:
        last = starts[-1]
        where = f"{last['device']}, torch {last['torch']}, genctl {last['genctl']}"
        lines.append(("starts", f"{len(starts)}, the last one {last['started']} on {where}"))
    return "\n\n".join(
        [table(lines), table(directories.settings(document), ("KEY", "VALUE", "FROM"))]
    )
