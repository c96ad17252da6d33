"""Reads the tensors of a weight file that the user names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from genctl.errors import ExitStatus, GenctlError, opt
from genctl.weights import load_tensors


def read_tensors(path: Path, *, hint: str) -> Mapping[str, Tensor]:
    """The named tensors of a ``.safetensors`` file, or of a PyTorch file without code.

    Args:
        hint: which file to name instead of an absent one.

    Raises:
        GenctlError: (DATA) the file is absent, unreadable, or holds something else.
    """
    if not path.exists():
        raise _no_file(path, hint)
    if path.suffix == ".safetensors":
        return load_tensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - torch raises many types of errors on damaged files
        reason = str(error).strip().partition("\n")[0]
        raise GenctlError(
            ExitStatus.DATA, f"{path} is not a PyTorch file of tensors: {reason}"
        ) from None
    if not isinstance(content, Mapping):
        raise GenctlError(
            ExitStatus.DATA, f"{path} holds a {type(content).__name__}, not named tensors"
        )
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _no_file(path: Path, hint: str) -> GenctlError:
    """The error for a missing file; a bare name may mean weights of the model."""
    message = f"no such weights file: {path}"
    if path.name == str(path) and not path.suffix:
        message += f" (did you mean {opt('weights', path)}?)"
    return GenctlError(ExitStatus.DATA, message, hint=hint, option="extractor_weights")
