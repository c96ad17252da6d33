"""Loggers of metrics: always ``metrics.jsonl``, and others on request."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from genctl import documents
from genctl.errors import ExitStatus, GenctlError, opt, unknown
from genctl.files import write_atomic
from genctl.runs import Run
from genctl.seeding import seed_of


class Logger(Protocol):
    """A place for metrics."""

    def log(self, position: int, metrics: Mapping[str, float]) -> None:
        """Record ``metrics`` at example ``position``."""
        ...

    def close(self) -> None:
        """Write what is still buffered."""
        ...


class JsonLines:
    """``metrics.jsonl``: one flat object per row, flushed at once.

    Rows after the example that training resumes from are dropped, since they are written again.
    """

    def __init__(self, path: Path, resume_position: int) -> None:
        _cut(path, resume_position)
        self._path = path
        self._file = path.open("a", encoding="utf-8")

    def log(self, position: int, metrics: Mapping[str, Any]) -> None:
        self._file.write(documents.to_json({"position": position, **metrics}) + "\n")
        self._file.flush()

    def cut(self, position: int) -> None:
        """Drop the rows after an example that training goes back to."""
        self._file.close()  # before the file is replaced
        _cut(self._path, position)
        self._file = self._path.open("a", encoding="utf-8")

    def close(self) -> None:
        self._file.close()


class TensorBoard:
    """Scalars for TensorBoard, in ``tensorboard/`` of the run."""

    module = "torch.utils.tensorboard"

    def __init__(self, run: Run, config: Mapping[str, Any]) -> None:
        module = importlib.import_module(self.module)
        self._writer = module.SummaryWriter(str(run.path / "tensorboard"))
        self._writer.add_text("config", f"```json\n{documents.to_json(config, indent=2)}\n```")

    def log(self, position: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, position)

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A Weights & Biases run, named and resumed like the genctl run."""

    module = "wandb"

    def __init__(self, run: Run, config: Mapping[str, Any]) -> None:
        module = importlib.import_module(self.module)
        self._session = module.init(
            project="genctl",
            id=f"{seed_of(str(run.path.resolve())):x}",
            name=run.name,
            dir=str(run.path),
            config=config,
            resume="allow",
        )

    def log(self, position: int, metrics: Mapping[str, float]) -> None:
        self._session.log(dict(metrics), step=position)

    def close(self) -> None:
        self._session.finish()


LOGGERS: Mapping[str, type[TensorBoard] | type[WeightsAndBiases]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
}


def open_loggers(names: Iterable[str], run: Run, config: Mapping[str, Any]) -> list[Logger]:
    """Open the loggers of these names.

    Raises:
        GenctlError: as `logger_type`.
    """
    return [logger_type(name)(run, config) for name in names]


def logger_type(name: str) -> type[TensorBoard] | type[WeightsAndBiases]:
    """The logger called ``name``, ready to be opened.

    Raises:
        GenctlError: the name is unknown, or its package is not installed.
    """
    if name not in LOGGERS:
        raise unknown("logger", name, LOGGERS, option="log")
    try:
        importlib.import_module(LOGGERS[name].module)
    except ImportError:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('log', name)} needs the package {name} (not installed)",
            hint=f'pip install "genctl[{name}]"',
            option="log",
        ) from None
    return LOGGERS[name]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of ``metrics.jsonl`` without damaged ones, such as a truncated last row."""
    if not path.exists():
        return []
    return [row for line in path.read_bytes().splitlines() if (row := _row(line))]


def _cut(path: Path, position: int) -> None:
    kept = [row for row in read_rows(path) if row["position"] <= position]
    write_atomic(path, "".join(f"{documents.to_json(row)}\n" for row in kept))


def _row(line: bytes) -> dict[str, Any] | None:
    """The row in a line; None if the line has no valid row."""
    try:
        row = documents.parse(line)
    except ValueError:
        return None
    position = row.get("position") if isinstance(row, dict) else None
    return row if isinstance(position, int) and 0 <= position < 2**63 else None
