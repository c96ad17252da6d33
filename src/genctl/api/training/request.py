"""The arguments of a training as the user gave them, before anything is looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genctl.data.foreign import readable
from genctl.errors import ExitStatus, GenctlError, opt


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
        """The run directory, if one is given.

        Raises:
            GenctlError: (USAGE) its name is not in UTF-8, in which safetensors opens files.
        """
        if self.out is None:
            return None
        name = str(self.out)
        if readable(name) != name:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt('out', name)} is not in UTF-8",
                option="out",
                suggest=readable(name),
            )
        return Path(self.out)
