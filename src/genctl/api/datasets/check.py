"""A check of a data set: what to know of images or texts before a model is trained on them."""

from __future__ import annotations

from pathlib import Path

from genctl.data.findings import DataCheck
from genctl.data.images.check import check_images
from genctl.data.source_kind import is_text
from genctl.data.text.check import check_texts
from genctl.errors import ExitStatus, GenctlError, opt


def check_data(source: str, preview: Path | None = None, encoding: str | None = None) -> DataCheck:
    """Look at every image or text that ``source`` names.

    Args:
        preview: a ``.png`` to write, with up to 64 of the images.
        encoding: of the texts that have no byte-order mark and are not UTF-8.

    Raises:
        GenctlError: (DATA) no such source, or nothing in it; the place is not writable; (USAGE)
            a preview of texts or an encoding of images.
    """
    if is_text(source):
        _refuse("preview", preview, f"{source} holds no images")
        return check_texts(source, encoding)
    _refuse("encoding", encoding, f"{source} holds no text")
    return check_images(source, preview)


def _refuse(option: str, value: object, why: str) -> None:
    if value is not None:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt(option, value)} is of no use: {why}",
            hint=f"leave {opt(option)} out",
            option=option,
        )
