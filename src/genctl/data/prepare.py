"""From a configuration to a data set, whatever kind of data it names."""

from __future__ import annotations

from dataclasses import dataclass

from genctl.config import Config
from genctl.contracts import Dataset
from genctl.registry import DATA_KINDS


@dataclass(frozen=True)
class Prepared:
    """A data set ready to train on.

    Attributes:
        skipped: examples that cannot be read, as ``path: reason``.
        ignored: how many files of other kinds lay among them.
    """

    dataset: Dataset
    skipped: tuple[str, ...] = ()
    ignored: int = 0


def prepare(config: Config) -> Prepared:
    """Read and measure the data that a configuration names.

    Raises:
        GenctlError: nothing there, or nothing that can be used.
    """
    prepared: Prepared = DATA_KINDS.get(config.kind).load("prepare")(config.data)
    return prepared
