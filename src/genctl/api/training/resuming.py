"""Finds the run that a training resumes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from genctl import registry, runs
from genctl.config import Config
from genctl.config.aliases import current
from genctl.config.keys import KIND, section_types
from genctl.errors import ExitStatus, GenctlError, opt
from genctl.files import typed_path
from genctl.registry import DATA_KINDS
from genctl.runs import Run
from genctl.staging import is_free, settle
from genctl.wording import some_of

SOURCE = "data.source"


def find_resumable(
    config: Config,
    fingerprint: str,
    *,
    out: Path | None,
    new: bool,
    warn: Callable[[str], None],
) -> Run | None:
    """The unfinished run of the same configuration and data, if there is one.

    Args:
        fingerprint: the fingerprint of the data.
        out: the only folder to look in; all runs under the root when None.
        new: never resume.
        warn: called once with the names of runs under the root that cannot be read.

    Raises:
        GenctlError: ``out`` holds something that cannot be resumed.
    """
    if out is not None:
        return _run_at(out, config, fingerprint, new=new)
    if new:
        return None
    unreadable = []
    try:
        for run in runs.all_runs():
            try:
                if _is_resumable(run, config, fingerprint):
                    return run
            except (GenctlError, OSError, TypeError, AttributeError):  # a folder of another program
                unreadable.append(run.name)
    finally:
        if unreadable:
            warn(f"skipped runs that cannot be read: {some_of(unreadable)}")
    return None


def _is_resumable(run: Run, config: Config, fingerprint: str) -> bool:
    same = not _differences(run, config, fingerprint)
    return same and not run.finished and run.holder() is None


def _run_at(out: Path, config: Config, fingerprint: str, *, new: bool) -> Run | None:
    settle(out, last="config.json")
    if is_free(out):
        return None
    if not (out / "config.json").is_file():
        raise GenctlError(
            ExitStatus.USAGE,
            f"{out} exists and is not a run folder",
            hint=f"choose another {opt('out')}",
            option="out",
        )
    run = Run(out)
    if new:
        reason = f"exists, and {opt('new')} never resumes"
    elif differences := _differences(run, config, fingerprint):
        reason = f"was started with other settings: {'; '.join(differences[:3])}"
    elif run.finished:
        reason = "is finished"
    else:
        return run
    raise GenctlError(
        ExitStatus.USAGE,
        f"{out} {reason}",
        hint=f"choose another {opt('out')}, or leave it out",
        option="out",
    )


def _differences(run: Run, config: Config, fingerprint: str) -> list[str]:
    """How a run's configuration or data differ from the requested ones, in words."""
    before = _defaults(config) | current(_flat(run.read("config.json")["config"]))
    now = _flat(config.to_json())
    found = [
        f"{key} was {before.get(key)!r}, now {now.get(key)!r}"
        for key in sorted(before.keys() | now.keys())
        if not _same(key, before.get(key), now.get(key))
    ]
    if (run.read("data.json") or {}).get("fingerprint") != fingerprint:
        found.append("the data has changed")
    return found


def _same(key: str, one: object, other: object) -> bool:
    """Whether two values mean the same; paths do, however they are spelt."""
    if one == other or key == SOURCE:  # the fingerprint says whether the data are the same
        return True
    paths = key.startswith(("data.", "parents.")) and isinstance(one, str)
    if not paths or not isinstance(other, str):
        return False
    with contextlib.suppress(OSError):
        return os.path.samefile(typed_path(str(one)), typed_path(other))
    return False


def _defaults(config: Config) -> dict[str, Any]:
    """The values of keys that an older version of genctl, which started the run, did not have."""
    sections = section_types(registry.get(config.family), DATA_KINDS.get(config.kind))
    defaults = {name: asdict(section()) for name, section in sections.items()}
    return _flat(defaults) | {KIND: config.kind}


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
