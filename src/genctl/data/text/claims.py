"""Whether a source contains text, judged by names and the first bytes of a few files."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from genctl.data.source_files import SEEN, files_of
from genctl.data.text.characters import is_binary
from genctl.data.text.source import BUILT_IN
from genctl.errors import GenctlError
from genctl.registry import Claim

_READ = 8
_BINARY = (
    *(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ico", ".pdf"),
    *(".mp3", ".wav", ".flac", ".ogg", ".mp4", ".avi", ".mkv", ".mov", ".ttf", ".otf"),
    *(".zip", ".7z", ".rar", ".tar", ".tgz", ".npz", ".npy", ".parquet", ".arrow"),
    *(".safetensors", ".onnx", ".gguf", ".pt", ".pth"),
)
"""Suffixes of files that are never text, so that they need not be read."""


def claims(source: str) -> Claim:
    """How sure it is that ``source`` contains text: likely if most of its files are texts."""
    if source == BUILT_IN:
        return Claim.SURE
    files = list(islice(files_of(source), SEEN))
    possible = [file for file in files if file.suffix.lower() not in _BINARY]
    read = possible[:_READ]
    texts = sum(map(_is_text, read))
    if not texts:
        return Claim.NO
    share = texts / len(read) * len(possible) / len(files)
    return Claim.LIKELY if share > 0.5 else Claim.POSSIBLE


def _is_text(file: Path) -> bool:
    try:
        return not is_binary(file)
    except GenctlError:
        return False
