"""The arguments of a training as the user gave them, before anything is looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrainRequest:
    """The arguments of `genctl.train`, which documents them."""

    family: str
    data: str | Path | None = None
    preset: str | None = None
    config: str | Path | None = None
    sets: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    budget: str | None = None
    seed: int | None = None
    out: str | Path | None = None
    new: bool = False
    precision: str | None = None
    device: str | None = None
    threads: int | None = None
    log: Sequence[str] = ()
    eval_every: str | None = None
    download: bool = False

    @property
    def place(self) -> Path | None:
        """The run directory, if one is given."""
        return None if self.out is None else Path(self.out)
