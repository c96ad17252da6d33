"""Each test imports torchvision, or a stand-in for it, in a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

TORCH = version("torch").partition("+")[0]

LOADS_AS_IT_IS = "nms = 'compiled'"
# What torchvision does while it is imported: refused by torch where the operator is unknown.
NEEDS_OPERATORS = """
import torch

@torch.library.register_fake("torchvision::nms")
def nms(dets, scores, iou_threshold):
    return dets.new_empty(0)

@torch.library.register_fake("torchvision::qnms")
def qnms(dets, scores, iou_threshold):
    return dets.new_empty(0)
"""

REPORT = """
import json, sys
from genctl.compat.torchvision import import_torchvision, shim_in_force
from genctl.errors import GenctlError
try:
    first = import_torchvision()
except GenctlError as error:
    print(json.dumps({"code": int(error.code), "message": error.message, "hint": error.hint}))
else:
    second = import_torchvision()
    print(json.dumps({
        "file": first.__file__, "same": first is second, "shim": shim_in_force(),
        "torch": "torch" in sys.modules,
    }))
"""


def run(code: str, *, ahead: Path | None = None) -> Any:
    """The JSON that ``code`` prints in a fresh interpreter that looks in ``ahead`` first."""
    path = [str(ahead)] if ahead else []
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*path, *filter(None, sys.path)])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def install(folder: Path, body: str, *, requirement: str | None) -> Path:
    """Put a stand-in for torchvision, with metadata of its own, into ``folder``."""
    package = folder / "torchvision"
    package.mkdir()
    (package / "extension.py").write_text("", encoding="utf-8")
    (package / "__init__.py").write_text(f"import torchvision.extension\n{body}", encoding="utf-8")
    metadata = "Metadata-Version: 2.1\nName: torchvision\nVersion: 0.99.0\nRequires-Dist: numpy\n"
    if requirement:
        metadata += f"Requires-Dist: {requirement}\n"
    info = folder / "torchvision-0.99.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    return folder


def test_a_torchvision_that_loads_is_used_as_it_is(tmp_path: Path) -> None:
    ahead = install(tmp_path, LOADS_AS_IT_IS, requirement="torch (==1.0.0)")
    report = run(REPORT, ahead=ahead)
    assert report == {
        "file": str(tmp_path / "torchvision" / "__init__.py"),
        "same": True,
        "shim": False,
        "torch": False,
    }


@pytest.mark.parametrize("form", ["torch (=={})", "torch=={}", "torch == {} ; python_version>'3'"])
def test_the_wheel_beside_a_cpu_torch_gets_its_operators_declared(
    tmp_path: Path, form: str
) -> None:
    ahead = install(tmp_path, NEEDS_OPERATORS, requirement=form.format(TORCH))
    report = run(REPORT, ahead=ahead)
    assert report["same"]
    assert report["shim"]


@pytest.mark.parametrize(
    ("requirement", "built_for"),
    [("torch (==1.0.0)", "torch 1.0.0"), (None, "an unnamed torch")],
)
@pytest.mark.parametrize("body", [NEEDS_OPERATORS, "from torch import no_such_name"])
def test_a_mismatched_pair_gets_the_pip_line_that_mends_it(
    tmp_path: Path, requirement: str | None, built_for: str, body: str
) -> None:
    report = run(REPORT, ahead=install(tmp_path, body, requirement=requirement))
    minor = int(TORCH.split(".")[1]) + 15
    assert report == {
        "code": 1,
        "message": f"torchvision 0.99.0 is built for {built_for}, but torch is {TORCH}",
        "hint": f'python -m pip install "torch=={TORCH}" "torchvision==0.{minor}.*"',
    }


def test_a_missing_torchvision_gets_the_pip_line_that_brings_it() -> None:
    code = f"""
import importlib.metadata, sys
sys.modules["torchvision"] = None  # what makes an import fail as if it were not there
def requires(name):
    raise importlib.metadata.PackageNotFoundError(name)
importlib.metadata.requires = requires
{REPORT}"""
    report = run(code)
    assert report["code"] == 1
    assert report["message"] == "torchvision is not installed"
    assert f'"torch=={TORCH}" "torchvision==' in report["hint"]


def test_another_failure_of_a_matching_pair_is_not_hidden(tmp_path: Path) -> None:
    install(tmp_path, "raise RuntimeError('broken')", requirement=f"torch=={TORCH}")
    code = """
import json
from genctl.compat.torchvision import import_torchvision, shim_in_force
try:
    import_torchvision()
except RuntimeError as error:
    print(json.dumps([str(error), shim_in_force()]))
"""
    assert run(code, ahead=tmp_path) == ["broken", False]


def test_the_installed_torchvision_transforms_an_image() -> None:
    code = """
import json
from genctl.compat.torchvision import import_torchvision, shim_in_force
try:
    import torchvision
    loads_alone = True
except RuntimeError:
    loads_alone = False
import_torchvision()
import torch
from torchvision.transforms import v2
image = torch.arange(4, dtype=torch.uint8).view(1, 2, 2)
flipped = v2.functional.horizontal_flip(image).flatten().tolist()
print(json.dumps([flipped, loads_alone != shim_in_force()]))
"""
    assert run(code) == [[1, 0, 3, 2], True]
