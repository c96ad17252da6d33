"""Images in an ``.npz`` as a stream: rows are unpacked as they are needed, never all at once."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from genctl.data.images.sources.archive import (
    array_names,
    arrays_in,
    checked_labels,
    checked_shape,
    refusal,
)
from genctl.data.images.sources.zip_file import DamagedError, reading
from genctl.data.images.stream import ImagePass, ImageStream, Pixels, batched
from genctl.files import safe_name
from genctl.weights import sha256_of


class ArchiveStream(ImageStream):
    """``arr_0``: images ``(N, H, W, C)`` or ``(N, H, W)`` uint8; ``arr_1``: labels, if present.

    Raises:
        GenctlError: (DATA) the file is not such an archive.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = safe_name(path.resolve().stem)
        try:
            with self._images() as (_, shape):
                self.count, *rest = shape
            self._shape = tuple(rest)
            found = arrays_in(path, ["arr_1"]) if "arr_1" in array_names(path) else {}
        except DamagedError as error:
            raise refusal(path, str(error)) from None
        if found:
            self.labels = checked_labels(path, found["arr_1"], self.count)
            self.class_names = tuple(map(str, range(self.labels.max() + 1)))

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of the file."""
        return sha256_of(self._path)

    def read(self, rows: Sequence[int]) -> ImagePass:
        """Unpack one batch of rows at a time.

        Raises:
            GenctlError: (DATA) during the pass, the archive is damaged.
        """
        return ImagePass(self._rows(rows), list(rows))

    def pick(self, rows: Sequence[int]) -> list[Pixels]:
        """Unpack all rows up to the last of these."""
        order = sorted(set(rows))
        found = dict(zip(order, (im for batch in self._rows(order) for im in batch), strict=True))
        return [found[row] for row in rows]

    def _rows(self, rows: Sequence[int]) -> Iterator[Pixels]:
        size, place = math.prod(self._shape), 0
        try:
            with self._images() as (file, _):
                for part in batched(rows):
                    images = np.empty((len(part), *self._shape), np.uint8)
                    for image, row in zip(images, part, strict=True):
                        content = _exactly(file, (row - place) * size, size)
                        image[:] = np.frombuffer(content, np.uint8).reshape(image.shape)
                        place = row + 1
                    yield images
        except DamagedError as error:
            raise refusal(self._path, str(error)) from None

    @contextmanager
    def _images(self) -> Iterator[tuple[IO[bytes], tuple[int, int, int, int]]]:
        """The member with the images, at its first row, and its shape.

        Raises:
            GenctlError: (DATA) the member is missing, or is not an array of images.
            DamagedError: the archive cannot be read.
        """
        names = array_names(self._path)
        if "arr_0" not in names:
            found = ", ".join(names) or "nothing"
            raise refusal(self._path, f"it has no array 'arr_0', only {found}")
        with ExitStack() as opened:
            with reading():
                archive = opened.enter_context(zipfile.ZipFile(self._path))
                file = opened.enter_context(archive.open("arr_0.npy"))
            yield file, self._header(file)

    def _header(self, file: IO[bytes]) -> tuple[int, int, int, int]:
        with reading():
            version = npy.read_magic(file)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, in_columns, dtype = read(file)
        if in_columns:
            raise refusal(self._path, "arr_0 is stored column by column (Fortran order)")
        return checked_shape(self._path, shape, dtype)


def _exactly(file: IO[bytes], skipped: int, size: int) -> bytes:
    """``size`` bytes after ``skipped`` others."""
    with reading():
        file.seek(skipped, io.SEEK_CUR)
        content = file.read(size)
    if len(content) != size:
        raise DamagedError("it ends too early")
    return content
