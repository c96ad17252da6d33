"""The names of ``import genctl``."""

from __future__ import annotations

import importlib
from types import ModuleType

import genctl


def test_a_package_does_not_hide_the_function_of_its_name() -> None:
    importlib.import_module("genctl.export.onnx")
    names = [name for name in genctl.__all__ if isinstance(getattr(genctl, name), ModuleType)]
    assert names == []
    assert callable(genctl.export)
