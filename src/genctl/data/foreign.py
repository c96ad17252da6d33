"""Names and texts of other systems, in encodings that nothing declares."""

from __future__ import annotations

import os
import re

from genctl import documents

_NOT_UTF8 = re.compile("[\ud800-\udfff%]")


def readable(name: str) -> str:
    """A name of the file system in Unicode, for people, labels and the files of a run.

    A name in UTF-8 stays. Chinese in GBK is decoded. In any other name, each byte that is not
    UTF-8 becomes ``%XX`` and each ``%`` becomes ``%25``, so `urllib.parse.unquote_to_bytes` gives
    the bytes back.
    """
    if not any("\ud800" <= c <= "\udfff" for c in name):
        return name
    try:
        chinese = _chinese(os.fsencode(name))
    except UnicodeEncodeError:  # half a character of a JSON document
        chinese = None
    return chinese or _NOT_UTF8.sub(_escaped, name)


def unpacked_name(name: str, is_utf8: bool) -> str:
    """The name of a member of a ZIP, as `zipfile` gives it, in the encoding that was meant.

    Without the flag for UTF-8, programs write UTF-8, GBK or, as the format demands, cp437.
    """
    if is_utf8 or name.isascii():
        return readable(name)
    content = name.encode("cp437")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return _chinese(content) or name


def decoded(content: bytes) -> tuple[str, str]:
    """The text of a file that a person wrote, and its encoding if that had to be guessed.

    UTF-8, UTF-16 with its mark, Chinese in GBK, or the Western code page of Windows.

    Raises:
        ValueError: it is none of them.
    """
    try:
        return documents.text(content), ""
    except ValueError:
        chinese = _chinese(content)
        if chinese is not None:
            return chinese, "GBK"
        try:
            return content.decode("cp1252"), "Windows-1252"
        except UnicodeDecodeError:
            pass
        raise


def _chinese(content: bytes) -> str | None:
    """The text in GBK if that is Chinese: most of its characters are among the common ones.

    Western letters in pairs with ASCII are valid GBK, too, but rarely common characters.
    """
    try:
        text = content.decode("gbk")
    except UnicodeDecodeError:
        return None
    foreign = [c for c in text if not c.isascii()]
    common = sum(_is_common(c) for c in foreign)
    return text if 2 * common >= len(foreign) else None


def _is_common(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _escaped(found: re.Match[str]) -> str:
    of_a_byte = "\udc80" <= found.group() <= "\udcff"
    content = found.group().encode("utf-8", "surrogateescape" if of_a_byte else "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in content)
