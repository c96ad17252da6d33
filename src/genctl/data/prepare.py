"""From a configuration to a data set, for all kinds of data."""

from __future__ import annotations

from dataclasses import dataclass

from genctl.config import Config
from genctl.contracts import Dataset
from genctl.data.source_files import require_utf8
from genctl.registry import DATA_KINDS


@dataclass(frozen=True)
class Prepared:
    """A data set ready to train on.

    Attributes:
        dataset: the examples and their description.
        skipped: examples that cannot be read, as ``path: reason``.
        ignored: the number of files of other kinds among them.
    """

    dataset: Dataset
    skipped: tuple[str, ...] = ()
    ignored: int = 0


def prepare(config: Config) -> Prepared:
    """Read and measure the data that a configuration names.

    Raises:
        GenctlError: no such data, or nothing in it that can be used.
    """
    require_utf8([str(config.data.source)])
    prepared: Prepared = DATA_KINDS.get(config.kind).load("prepare")(config.data)
    return prepared
