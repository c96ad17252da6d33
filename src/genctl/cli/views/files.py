"""Describes a file or a folder that is neither a run nor an export."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genctl import documents, registry, runs
from genctl.cli.context import Context
from genctl.cli.views.settings import show_settings
from genctl.cli.views.tables import table
from genctl.errors import ExitStatus, GenctlError
from genctl.wording import number


def show_file(call: Context, path: Path, family: str | None) -> None:
    """Explain a configuration, scores, a record of a run, or data.

    Args:
        family: the family of a configuration that does not name one.

    Raises:
        GenctlError: a JSON document of another kind, or a configuration of an unknown family.
    """
    if path.suffix == ".toml":
        _show_configuration(call, path, family)
    elif path.suffix == ".json":
        _show_document(call, path, family)
    else:
        _show_data(call, path)


def _show_configuration(call: Context, path: Path, family: str | None) -> None:
    show_settings(call, family_of(path, family), file=path)


def family_of(path: Path, family: str | None) -> registry.Spec:
    """The family of a configuration.

    Args:
        family: its name; when None, the one that the file names.

    Raises:
        GenctlError: neither names a family, or it is unknown.
    """
    named = family or _family_in(path)
    if not isinstance(named, str):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{path} does not name its family",
            hint=f"genctl info {shlex.quote(str(path))} --family gan",
        )
    return registry.get(named)


def _family_in(path: Path) -> object:
    import tomllib

    try:
        text = documents.text(path.read_bytes())
        found = documents.parse(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise GenctlError(ExitStatus.USAGE, f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise documents.damaged(path, error) from None
    return found.get("family") if isinstance(found, dict) else None


def _show_document(call: Context, path: Path, family: str | None) -> None:
    try:
        found = documents.parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise documents.damaged(path, error) from None
    keys = set(found) if isinstance(found, dict) else set()
    if keys >= {"scores"}:
        human = _scores(found["scores"])
    elif keys >= {"config", "origins"}:
        human = table(runs.settings(found), ("KEY", "VALUE", "FROM"))
    elif keys >= {"source", "fingerprint"}:
        human = table([(key, str(value)) for key, value in found.items()])
    elif family or keys & {"family", "preset", "model", "data", "train", "sample"}:
        _show_configuration(call, path, family)
        return
    else:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{path} is not a configuration, scores or a record of a run",
            hint="genctl info --help",
        )
    call.output.result(found, human, bare=str(path))


def _scores(scores: Any) -> str:
    try:
        rows = [
            (s["name"], number(s["value"]), f"± {number(s['error'], '.2g')}", s["signature"])
            for s in scores
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise GenctlError(ExitStatus.DATA, f"the scores are damaged: {error}") from None
    return table(rows, ("SCORE", "VALUE", "ERROR", "SIGNATURE"))


def _show_data(call: Context, path: Path) -> None:
    """Report the size of the data; ``genctl data check`` examines its content."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    facts: Mapping[str, Any] = {
        "path": str(path),
        "files": len(files),
        "bytes": sum(file.stat().st_size for file in files),
        "next": f"genctl data check {shlex.quote(str(path))}",
    }
    size = f"{facts['bytes'] / 1e6:,.1f} MB"
    what = f"a folder of {len(files):,} files, {size}" if path.is_dir() else f"a file of {size}"
    call.output.result(facts, f"{path}: {what}\nnext: {facts['next']}", bare=str(path))
