"""A check of a data set: what to know about it before a model is trained on it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from genctl.api.datasets.kinds import call_with, kind_at
from genctl.data.findings import DataCheck, Section
from genctl.data.prepare import Prepared
from genctl.registry import DataKind
from genctl.wording import some_of


def check_data(source: str, preview: Path | None = None, encoding: str | None = None) -> DataCheck:
    """Check every example of ``source``; only prepare the data if their kind has no check.

    Args:
        preview: a ``.png`` to write, with up to 64 of the images.
        encoding: the encoding of texts that have no byte-order mark and are not UTF-8.

    Raises:
        GenctlError: (DATA) the source does not exist or is empty, or ``preview`` is not writable;
            (USAGE) this kind of data does not have an option, such as an encoding for images.
    """
    kind = kind_at(source)
    check = kind.load("check") if "check" in kind.targets else partial(_prepared, kind)
    settings = {"preview": preview, "encoding": encoding}
    found: DataCheck = call_with(kind, check, source, settings=settings)
    return replace(found, kind=kind.name)


def _prepared(kind: DataKind, source: str) -> DataCheck:
    """What preparing a source shows, for a kind of data without its own check."""
    prepared: Prepared = kind.load("prepare")(kind.config(source=source))
    data = prepared.dataset.spec
    facts = {
        "to train on": data.in_words(data.examples),
        **{name: f"{value:g}" for name, value in data.statistics.items()},
    }
    warnings = [f"{len(prepared.skipped):,} cannot be read: {some_of(prepared.skipped)}"]
    return DataCheck(source, [Section("Examples", facts, warnings if prepared.skipped else [])])
