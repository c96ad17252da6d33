"""Weights on disk: safetensors in and out, content hashes, atomic files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genctl.errors import ExitStatus, GenctlError

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_HEADER_BYTES = 10_000_000
"""Room for some 100,000 tensors; a file that claims more is damaged, or means harm."""


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write ``tensors`` as one safetensors file; tensors that share memory are stored once.

    A tied tensor is recorded as an alias (``alias:name`` in the metadata), and `load_tensors`
    gives it back under both names.

    Raises:
        OSError: the disk is full, or the place is not writable.
    """
    from safetensors.torch import save

    kept: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    owners: dict[tuple[int, tuple[int, ...], tuple[int, ...]], str] = {}
    for name, tensor in tensors.items():
        # Empty tensors have no storage of their own, so they are never aliases.
        key = (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()))
        if tensor.numel() and key in owners:
            aliases[f"alias:{name}"] = owners[key]
        else:
            owners[key] = name
            kept[name] = tensor.detach().contiguous().cpu()
    # Written by Python, so that a full disk is an OSError like any other.
    path.write_bytes(save(kept, {"format": "pt", **aliases, **(metadata or {})}))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file written by genctl or by anyone else.

    Raises:
        GenctlError: the file is absent or is not safetensors.
    """
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata() or {}
    for name, owner in metadata.items():
        if name.startswith("alias:") and owner in tensors:
            tensors[name.removeprefix("alias:")] = tensors[owner]
    return tensors


def sizes_in(path: Path) -> dict[str, int]:
    """How many numbers each module has in a file that `flatten` named, from its header alone.

    Raises:
        GenctlError: the file is absent or is not safetensors.
    """
    sizes: dict[str, int] = {}
    with _opened(path) as file:
        for name in file.keys():  # noqa: SIM118
            role = name.partition(".")[0]
            sizes[role] = sizes.get(role, 0) + math.prod(file.get_slice(name).get_shape())
    return sizes


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file open for reading, its failures put in one line."""
    from safetensors import SafetensorError, safe_open

    try:
        _check_header(path)
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise GenctlError(ExitStatus.DATA, f"no such weights file: {path}") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise GenctlError(ExitStatus.DATA, f"cannot read the weights {path}: {error}") from None


def _check_header(path: Path) -> None:
    """Refuse a header that is not worth parsing; its length is in the first eight bytes."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > MAX_HEADER_BYTES:
        raise ValueError(f"a header of {size} bytes is claimed, {MAX_HEADER_BYTES} are allowed")


def flatten(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Parameters and buffers of ``modules`` by ``module.parameter`` name."""
    return {
        f"{role}.{name}": tensor
        for role, module in modules.items()
        for name, tensor in module.state_dict().items()
    }


def load_into(modules: Mapping[str, nn.Module], tensors: Mapping[str, Tensor]) -> list[str]:
    """Copy ``tensors`` into the modules they name; returns the roles that were filled.

    Raises:
        GenctlError: a module is filled in part, or a shape differs.
    """
    filled = []
    for role, module in modules.items():
        own = {k[len(role) + 1 :]: v for k, v in tensors.items() if k.startswith(f"{role}.")}
        if not own:
            continue
        try:
            module.load_state_dict(own)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise GenctlError(
                ExitStatus.DATA, f"the weights do not fit {role!r}: {reason}"
            ) from None
        filled.append(role)
    return filled


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Hex digest of names, shapes, types and values: the identity of a set of weights."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(json.dumps([name, list(tensor.shape), str(tensor.dtype)]).encode())
        # numpy has no bfloat16, so the bytes are read as they lie.
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
