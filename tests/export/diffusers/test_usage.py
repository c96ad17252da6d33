"""``pipeline.py``: the template is a module of its own, and an export fills in its constants."""

from __future__ import annotations

import ast
import dataclasses
from importlib import import_module, resources
from typing import Any

import pytest

from genctl.export.diffusers.usage import pipeline_code
from tests.export.diffusers.test_folder import plan_of

TEMPLATE = (
    resources.files("genctl.export.diffusers").joinpath("pipeline_template.py").read_text("utf-8")
)


def constants(code: str) -> dict[str, Any]:
    """Name -> value of what a module assigns at its top."""
    return {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in ast.parse(code).body
        if isinstance(node, ast.Assign)
    }


@pytest.mark.oracle
def test_the_template_is_a_pipeline() -> None:
    from diffusers import DiffusionPipeline

    module = import_module("genctl.export.diffusers.pipeline_template")
    assert issubclass(module.Pipeline, DiffusionPipeline)


@pytest.mark.parametrize("classes", [("猫", "狗"), ()])
def test_every_constant_is_that_of_the_export(classes: tuple[str, ...]) -> None:
    plan = dataclasses.replace(plan_of("flow", (3, 9, 14), classes, 2), guidance=1.75)
    found = constants(pipeline_code(plan))
    assert found == {
        "SHAPE": (3, 9, 14),
        "PADDED": plan.padded,
        "UNSHUFFLE": 2,
        "TIME_SCALE": plan.time_scale,
        "CLASSES": len(classes),
        "GUIDANCE": 1.75,
    }
    assert found.keys() == constants(TEMPLATE).keys()


def test_nothing_else_of_the_template_is_changed() -> None:
    code = pipeline_code(plan_of("edm"))
    kept = [line for line in TEMPLATE.splitlines() if line in code.splitlines()]
    assert len(TEMPLATE.splitlines()) - len(kept) == 2 + sum(
        value != constants(code)[name] for name, value in constants(TEMPLATE).items()
    )
    assert "genctl" not in code  # it runs without
