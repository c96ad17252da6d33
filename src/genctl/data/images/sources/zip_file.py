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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from genctl.data.foreign import unpacked_name
from genctl.data.images import decode
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

_UTF8 = 0x800  # the flag of a name in UTF-8

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
    """A file or folder in an open archive; several threads may read at once.

    Attributes:
        path: within the archive.
        is_folder: whether it is a folder.
    """

    path: PurePosixPath
    is_folder: bool
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
    """The files and folders in the ZIP at ``path``.

    Some programs on Windows write ``\\`` between folders, where the format demands ``/``.

    Raises:
        GenctlError: (DATA) damaged, locked, or with names that point outside of it.
    """
    try:
        with reading():
            archive = _opened(path)
    except DamagedError as error:
        raise _refusal(path, str(error)) from None
    return [_member(path, archive, info) for info in archive.infolist()]


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    name = unpacked_name(info.filename, bool(info.flag_bits & _UTF8)).replace("\\", "/")
    inner = PurePosixPath(name)
    _check(path, info, inner)
    return Member(inner, name.endswith("/"), archive, info)


def _opened(path: Path) -> zipfile.ZipFile:
    file = path.open("rb")
    try:
        archive = zipfile.ZipFile(file)
    except BaseException:
        file.close()
        raise
    weakref.finalize(archive, file.close)  # members live as long as their set, which nobody closes
    return archive


def _check(path: Path, info: zipfile.ZipInfo, name: PurePosixPath) -> None:
    if not name.parts or ".." in name.parts or name.is_absolute() or ":" in name.parts[0]:
        raise _refusal(path, f"the member {info.filename!r} leads out of it")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _refusal(path, f"the member {info.filename!r} is a link")
    if info.flag_bits & 1:
        raise _refusal(path, f"the member {info.filename!r} is locked by a password")


def _refusal(path: Path, why: str) -> GenctlError:
    return GenctlError(
        ExitStatus.DATA,
        f"cannot take images from {path}: {why}",
        hint="pack the images again, or name a folder of them",
    )
