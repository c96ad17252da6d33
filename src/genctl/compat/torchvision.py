"""The one door to torchvision, open also where its wheel lies beside a CPU-only torch.

The wheel on the package index is built for CUDA. Beside a CPU-only torch of the same version its
compiled operators cannot load, and importing it stops at ``operator torchvision::nms does not
exist``, although transforms, datasets and models need none of them. Declaring the two operators
that the import itself asks for is enough. Calling a compiled operator still fails, by name.
"""

from __future__ import annotations

import importlib
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from genctl.errors import ExitStatus, GenctlError

if TYPE_CHECKING:
    from types import ModuleType

    from torch.library import Library

_MISSING_OPERATOR = "operator torchvision::nms does not exist"
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_declared: list[Library] = []  # torch forgets a library's operators once nobody holds it


def import_torchvision() -> ModuleType:
    """Import torchvision, declaring its operators first where only that is in the way.

    Call this before anything that imports torchvision by itself (torchmetrics, torch-fidelity,
    transformers, diffusers). Calling it again costs nothing.

    Returns:
        The top-level ``torchvision`` module.

    Raises:
        GenctlError: (FAILURE) torchvision is missing, or was built for another torch than the one
            installed; the hint is the pip line that brings the matching one.
    """
    try:
        return importlib.import_module("torchvision")
    except (ImportError, AttributeError, RuntimeError) as error:
        _require_matching_pair()
        if _MISSING_OPERATOR not in str(error):
            raise
    _forget_torchvision()
    _declare_operators()
    return importlib.import_module("torchvision")


def torchvision_module(name: str) -> ModuleType:
    """A module of torchvision, such as ``transforms.v2.functional``.

    Raises:
        GenctlError: as `import_torchvision`.
    """
    import_torchvision()
    return importlib.import_module(f"torchvision.{name}")


def shim_in_force() -> bool:
    """Whether `import_torchvision` had to declare operators, for reports on the installation."""
    return bool(_declared)


def _declare_operators() -> None:
    from torch.library import Library

    library = Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        library.define(operator + _SIGNATURE)
    _declared.append(library)


def _forget_torchvision() -> None:
    """Drop the modules of an import that stopped half-way, so that the next starts afresh."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "torchvision":
            del sys.modules[name]


def _require_matching_pair() -> None:
    """Raise unless torchvision's own metadata pins the torch that is installed."""
    torch = version("torch").partition("+")[0]
    hint = f'python -m pip install "torch=={torch}" "{_torchvision_for(torch)}"'
    try:
        pinned = _pinned_torch()
        torchvision = version("torchvision")
    except PackageNotFoundError:
        raise GenctlError(ExitStatus.FAILURE, "torchvision is not installed", hint=hint) from None
    if pinned != torch:
        built_for = f"torch {pinned}" if pinned else "an unnamed torch"
        message = f"torchvision {torchvision} is built for {built_for}, but torch is {torch}"
        raise GenctlError(ExitStatus.FAILURE, message, hint=hint) from None


def _pinned_torch() -> str | None:
    """The torch version that the installed torchvision demands, without a local label."""
    for requirement in requires("torchvision") or ():
        if match := re.match(r"torch\s*\(?\s*==\s*([^\s;,)+]+)", requirement):
            return match[1]
    return None


def _torchvision_for(torch: str) -> str:
    """The requirement that names torchvision's release line for ``torch`` (2.x goes with 0.(x+15)).

    The pair is published together; pip chooses the patch release from the exact torch beside it.
    """
    major, minor = torch.split(".")[:2]
    return f"torchvision==0.{int(minor) + 15}.*" if major == "2" else "torchvision"
