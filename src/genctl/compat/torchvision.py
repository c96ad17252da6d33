"""Imports torchvision, also if its wheel is installed beside a CPU-only torch.

The wheel on the package index is built for CUDA. Beside a CPU-only torch of the same version its
compiled operators cannot load, and importing it fails with ``operator torchvision::nms does not
exist``, although transforms, datasets and models need none of them. Declaring the two operators
that the import itself needs is enough. Calling a compiled operator still fails and names it.
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
_declared: list[Library] = []  # torch drops a library's operators with its last reference


def import_torchvision() -> ModuleType:
    """Import torchvision, and declare its operators if only they prevent the import.

    Call this before importing packages that import torchvision (torchmetrics, torch-fidelity,
    transformers, diffusers). Calling it again costs nothing.

    Returns:
        The top-level ``torchvision`` module.

    Raises:
        GenctlError: (FAILURE) torchvision is missing, or was built for another torch than the
            installed one; the hint is the pip command that installs the matching version.
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
    """Drop the modules of an incomplete import, so that the next import loads them again."""
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
    """The torch version that the installed torchvision requires, without a local label."""
    for requirement in requires("torchvision") or ():
        if match := re.match(r"torch\s*\(?\s*==\s*([^\s;,)+]+)", requirement):
            return match[1]
    return None


def _torchvision_for(torch: str) -> str:
    """The requirement for torchvision's release line that matches ``torch`` (2.x and 0.(x+15)).

    The two are released together; pip chooses the patch release that matches the exact torch.
    """
    major, minor = torch.split(".")[:2]
    return f"torchvision==0.{int(minor) + 15}.*" if major == "2" else "torchvision"
