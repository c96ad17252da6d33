"""A check of a data set: what to know of data before a model is trained on them."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

from genctl.data.findings import DataCheck
from genctl.errors import ExitStatus, GenctlError, opt
from genctl.registry import DATA_KINDS, kind_of


def check_data(source: str, preview: Path | None = None, encoding: str | None = None) -> DataCheck:
    """Look at every example that ``source`` names.

    Args:
        preview: a ``.png`` to write, with up to 64 of the images.
        encoding: of the texts that have no byte-order mark and are not UTF-8.

    Raises:
        GenctlError: (DATA) no such source, or nothing in it; the place is not writable; (USAGE)
            an option that this kind of data does not have, such as an encoding of images.
    """
    kind = kind_of(source) or DATA_KINDS.all()[0]
    check = kind.load("check")
    taken = inspect.signature(check).parameters
    given = {"preview": preview, "encoding": encoding}
    for name, value in given.items():
        if value is not None and name not in taken:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt(name, value)} is of no use: {source} holds {kind.name}",
                hint=f"leave {opt(name)} out",
                option=name,
            )
    found: DataCheck = check(
        source, **{name: value for name, value in given.items() if value is not None}
    )
    return replace(found, kind=kind.name)
