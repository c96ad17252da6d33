"""Documents in JSON: written in one way, and checked before use, whoever wrote them."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from genctl.errors import ExitStatus, GenctlError

T = TypeVar("T")

_SURROGATE = re.compile("[\ud800-\udfff]")

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""Byte-order marks of UTF-16, as editors on Windows write it."""


def text(content: bytes) -> str:
    """The text of a file that a person wrote: UTF-8, or UTF-16 with its mark.

    Raises:
        ValueError: it is neither.
    """
    utf16 = content.startswith(UTF16_MARKS)
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        at = len(content) - len(error.object) + error.start
        raise ValueError(
            f"it is not UTF-8, as byte {at} is not the start of a character: save it as UTF-8"
        ) from None


def parse(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is not JSON, or is nested too deeply for Python.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def to_json(
    value: Any, *, indent: int | None = None, default: Callable[[Any], Any] | None = None
) -> str:
    """``value`` as JSON that every reader understands, with non-Latin scripts unescaped.

    JSON has no word for a number that is not finite, so NaN and infinity become ``null``. Bytes of
    a file name that are not UTF-8 are escaped, and `parse` restores them.

    Args:
        value: plain data.
        indent: spaces by which each level is indented; None writes one line.
        default: converts what is not plain data.

    Raises:
        TypeError: something is not plain data, and there is no ``default``.
    """

    def dumped(plain: Any) -> str:
        return json.dumps(
            plain, indent=indent, ensure_ascii=False, allow_nan=False, default=default
        )

    try:
        text = dumped(value)
    except ValueError:
        text = dumped(_finite(value))
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def build(cls: type[T], data: Any) -> T:
    """An instance of a dataclass from plain data, with each field checked for its type.

    Raises:
        ValueError: a field is absent or of another type; the message names it. Unknown fields are
            ignored, so that documents of newer versions can be read.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(cls).validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = first["msg"][:1].lower() + first["msg"][1:]
        raise ValueError(f"{where}: {reason}" if where else reason) from None


def require(data: Any, needed: tuple[str, ...]) -> Any:
    """``data``, if it is an object with these keys, each a dotted path.

    Raises:
        ValueError: it lacks one.
    """
    for path in needed:
        inner = data
        for key in path.split("."):
            if not isinstance(inner, dict) or key not in inner:
                raise ValueError(f"it lacks {path!r}")
            inner = inner[key]
    return data


def damaged(place: Path, error: Exception) -> GenctlError:
    """The error for a document with invalid content."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return GenctlError(ExitStatus.DATA, f"{place} is damaged: {reason}")
