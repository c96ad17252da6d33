"""Run directories: create, find, lock, read, list."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genctl import documents, locks
from genctl.errors import ExitStatus, GenctlError, Suggestion, nearest
from genctl.files import disk_error, make_directory, typed_path, write_json

_NEEDED = {
    "config.json": (
        *("config.family", "config.preset", "config.model", "config.data", "config.train"),
        *("config.sample", "config.seed", "origins"),
    ),
    "last.json": ("checkpoint", "step", "position", "elapsed", "finished"),
    "best.json": ("checkpoint", "step", "metric", "value"),
    "data.json": ("source", "name", "unit", "examples", "fingerprint"),
    "env.json": ("starts",),
    "eval.json": ("scores",),
    "genctl.json": ("config.family", "config.preset"),
}
"""The fields that each document of a run must have."""

_NUMBERS = {"last.json": ("step", "position", "elapsed"), "best.json": ("step", "value")}
"""Those of them that must be numbers, because every listing formats them."""


def runs_root() -> Path:
    """The folder of runs: ``$GENCTL_RUNS``, or ``runs`` in the current directory if it is unset."""
    return Path(os.environ.get("GENCTL_RUNS") or "runs")


@dataclass(frozen=True)
class Run:
    """The directory of one training.

    It holds ``config.json`` (the values and their origins), ``resolved.json`` (what was derived
    from them at the first start), ``env.json``, ``data.json``, ``metrics.jsonl``, ``curves.png``,
    ``samples/``, ``checkpoints/step-*/``, ``last.json``, ``best.json`` and ``README.md``.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    def read(self, name: str) -> Any:
        """The JSON document ``name`` of the run, or None if it does not exist yet.

        Raises:
            GenctlError: (DATA) it cannot be parsed, or lacks required fields or numbers.
        """
        try:
            found = documents.parse((self.path / name).read_text("utf-8"))
            documents.require(found, _NEEDED.get(name, ()))
            for field in _NUMBERS.get(name, ()):
                if not isinstance(found[field], int | float):
                    raise ValueError(f"{field!r} is not a number")
            return found
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise documents.damaged(self.path / name, error) from None

    def write(self, name: str, data: Any) -> None:
        """Replace the JSON document ``name`` of the run atomically."""
        write_json(self.path / name, data)

    @property
    def finished(self) -> bool:
        """Whether training reached the end of its budget."""
        return bool((self.read("last.json") or {}).get("finished"))

    def holder(self) -> str | None:
        """The process and host that currently train the run, or None."""
        return locks.holder_of(self.path)

    def lock(
        self, warn: Callable[[str], None] = lambda _: None
    ) -> contextlib.AbstractContextManager[None]:
        """Lock the run, see `genctl.locks.locked`."""
        return locks.locked(self.path, warn)


def create(stem: str, root: Path | None = None) -> Run:
    """Create ``root/stem-N`` with the next free N; two processes never get the same run.

    Raises:
        GenctlError: the folder is not writable.
    """
    root = make_directory(runs_root() if root is None else root)
    number = 1 + max((_number(path.name, stem) for path in root.iterdir()), default=0)
    while True:
        path = root / f"{stem}-{number}"
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        except OSError as error:
            raise disk_error(path, error) from None
        else:
            return Run(path)


def size_of(run: Run) -> int:
    """The size of a run in bytes."""
    inside = ((Path(folder) / name) for folder, _, names in os.walk(run.path) for name in names)
    return sum(map(_size, inside))


def _size(file: Path) -> int:
    """The size of a file; 0 if it has just been deleted, as checkpoints are during training."""
    with contextlib.suppress(OSError):
        return file.lstat().st_size
    return 0


def remove(run: Run) -> None:
    """Delete a run; it is renamed atomically first, so that it is never seen incomplete.

    Raises:
        GenctlError: a process holds its lock, or it cannot be renamed.
    """
    with run.lock():
        path = run.path.resolve()
        gone = path.with_name(f".{path.name}.{os.getpid()}.removed")
        try:
            path.rename(gone)
            if run.path.is_symlink():
                run.path.unlink()
        except OSError as error:
            raise disk_error(run.path, error) from None
    shutil.rmtree(gone, ignore_errors=True)


def find(name: str | Path) -> Run:
    """The run at the path ``name``, or of this name under the root.

    Raises:
        GenctlError: there is no such run; the message suggests the nearest names.
    """
    for path in (typed_path(name), typed_path(runs_root() / name)):
        if _is_run(path):
            return Run(path if path.name not in ("", "..") else path.resolve())
    names = [run.name for run in all_runs()]
    if Path(name).exists():
        reason = "is not a run folder (it has no config.json)"
    elif close := nearest(str(name), names):
        reason = f"does not exist; did you mean {' or '.join(close)}?"
    else:
        reason = f"does not exist under {runs_root()}" + ("" if names else ", which has no runs")
    raise GenctlError(
        ExitStatus.USAGE, f"run {str(name)!r} {reason}", suggest=Suggestion("runs ls")
    )


def all_runs(root: Path | None = None) -> list[Run]:
    """The runs under ``root``, the most recently written one first."""
    root = runs_root() if root is None else root
    if not root.is_dir():
        return []
    # A name that begins with a dot is an incomplete run.
    found = [
        Run(path) for path in root.iterdir() if not path.name.startswith(".") and _is_run(path)
    ]
    return sorted(found, key=lambda run: (_touched(run), run.name), reverse=True)


def _is_run(path: Path) -> bool:
    """Whether a run is at ``path``; not where that cannot be read."""
    try:
        return (path / "config.json").is_file()
    except OSError:
        return False


def latest() -> Run | None:
    """The most recently written run with a checkpoint: the default run of commands."""
    return next((run for run in all_runs() if any(run.checkpoints.glob("step-*"))), None)


def find_or_newest(name: str | None) -> Run:
    """The run called ``name``; when None, the most recently written run, with or without weights.

    Raises:
        GenctlError: there is no such run.
    """
    if name is not None:
        return find(name)
    found = all_runs()
    if not found:
        raise GenctlError(
            ExitStatus.DATA,
            f"no runs under {runs_root()}",
            suggest=Suggestion("train", args=("gan",)),
        )
    return found[0]


def stem_of(family: str, source_name: str) -> str:
    """The name of a run before its number: ``gan-digits``; Chinese and other scripts are kept."""
    clean = re.sub(r"[^\w.-]+", "-", source_name).strip("-.")
    return f"{family}-{clean or 'data'}"


def started_now() -> str:
    """The current time for a run's records, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _number(name: str, stem: str) -> int:
    match = re.fullmatch(rf"{re.escape(stem)}-(\d+)", name)
    return int(match.group(1)) if match else 0


def _touched(run: Run) -> float:
    return max(map(_moment, (run.path / "config.json", run.path / "last.json")))


def written(run: Run) -> float:
    """When a document of the run was last written, in seconds since 1970."""
    return max(map(_moment, (run.path, *run.path.glob("*.json"))))


def _moment(path: Path) -> float:
    """When a file was last written; 0 if it has just been deleted, or cannot be read."""
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def settings(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Every setting of a ``config.json`` with its origin; settings that are not defaults first."""
    config, origins = document["config"], document["origins"]
    rows = []
    for key, origin in origins.items():
        section, _, leaf = key.partition(".")
        value = config[section].get(leaf, "") if leaf else config[section]
        rows.append((key, str(value), origin))
    return sorted(rows, key=lambda row: row[2] == "default")
