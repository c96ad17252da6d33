"""Files in a ZIP, read without unpacking it, and only if it is safe."""

from __future__ import annotations

import io
import lzma
import stat
import struct
import tarfile
import tokenize
import weakref
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from genctl.data.images import decode
from genctl.data.source_files import is_hidden
from genctl.errors import ExitStatus, GenctlError

_FOREIGN = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    TypeError,
    LookupError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    lzma.LZMAError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
)
"""Errors of the standard library and NumPy on archives that are damaged, locked or of an unknown
kind; the last of these types come from the headers of arrays, which are Python source."""

MAX_BYTES = 2**29
"""Limit for one unpacked file; the largest images that are decoded, 89 million pixels, fit in."""


class DamagedError(Exception):
    """An archive that the library cannot read."""


@contextmanager
def reading() -> Iterator[None]:
    """Wrap only calls of a library that reads archives.

    A bug of genctl inside of the block would look like damage.

    Raises:
        DamagedError: the library raised one of its errors on damage.
    """
    try:
        yield
    except _FOREIGN as error:
        raise DamagedError(decode.reason(error)) from error


@dataclass(frozen=True)
class Member:
    """A file in an open archive; several threads may read at once.

    Attributes:
        path: within the archive.
    """

    path: PurePosixPath
    _archive: zipfile.ZipFile
    _info: zipfile.ZipInfo

    @property
    def stamp(self) -> str:
        """Its name, size and checksum."""
        return f"{self.path}:{self._info.file_size}:{self._info.CRC}"

    def open(self, _mode: Literal["rb"] = "rb", /) -> BinaryIO:
        """Its bytes, in memory.

        Raises:
            OSError: damaged, or much larger than any image.
        """
        if self._info.file_size > MAX_BYTES:
            raise OSError(f"{self._info.file_size:,} bytes when unpacked")
        try:
            with reading(), self._archive.open(self._info) as file:
                content = file.read(MAX_BYTES + 1)  # the archive's own size may be wrong
        except DamagedError as error:
            raise OSError(str(error)) from error
        if len(content) > MAX_BYTES:
            raise OSError(f"more than {MAX_BYTES:,} bytes when unpacked")
        return io.BytesIO(content)


def members(path: Path) -> list[Member]:
    """The files in the ZIP at ``path``; a single top-level folder is dropped.

    Raises:
        GenctlError: (DATA) damaged, locked, or with names that point outside of it.
    """
    try:
        with reading():
            archive = _opened(path)
    except DamagedError as error:
        raise _refusal(path, str(error)) from None
    found = []
    for info in archive.infolist():
        if not info.filename.endswith("/"):
            _check(path, info)
            found.append(Member(PurePosixPath(info.filename), archive, info))
    return _without_common_folder(found)


def _opened(path: Path) -> zipfile.ZipFile:
    file = path.open("rb")
    try:
        archive = zipfile.ZipFile(file)
    except BaseException:
        file.close()
        raise
    weakref.finalize(archive, file.close)  # members live as long as their set, which nobody closes
    return archive


def _check(path: Path, info: zipfile.ZipInfo) -> None:
    name = PurePosixPath(info.filename.replace("\\", "/"))
    if not name.parts or ".." in name.parts or name.is_absolute() or ":" in name.parts[0]:
        raise _refusal(path, f"the member {info.filename!r} leads out of it")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _refusal(path, f"the member {info.filename!r} is a link")
    if info.flag_bits & 1:
        raise _refusal(path, f"the member {info.filename!r} is locked by a password")


def _without_common_folder(found: Sequence[Member]) -> list[Member]:
    visible = [m for m in found if not any(map(is_hidden, m.path.parts))]
    tops = {member.path.parts[0] for member in visible}
    if len(tops) != 1 or any(len(member.path.parts) == 1 for member in visible):
        return list(found)
    return [replace(m, path=PurePosixPath(*m.path.parts[1:])) for m in visible]


def _refusal(path: Path, why: str) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA,
        f"cannot take images from {path}: {why}",
        hint="pack the images again, or name a folder of them",
    )
