"""From a configuration to a data set, for all kinds of data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
        left_out: kinds of files among them that are not read -> their numbers.
        notes: what was found, one line each.
        doubts: what may not be meant so, one line each.
    """

    dataset: Dataset
    skipped: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def prepare(config: Config) -> Prepared:
    """Read and measure the data that a configuration names.

    Raises:
        GenctlError: no such data, or nothing in it that can be used.
    """
    require_utf8([str(config.data.source)])
    prepared: Prepared = DATA_KINDS.get(config.kind).load("prepare")(config.data)
    return prepared
