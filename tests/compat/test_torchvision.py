"""Each test imports torchvision, or a stand-in for it, where nothing has imported it before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.kills import needs_fork

pytestmark = needs_fork

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


# Importing torch takes most of the time of these tests, so that they fork one that has done it.
FORKS = """
import json, os, sys, traceback
import torch
for line in sys.stdin:
    code, ahead = json.loads(line)
    child = os.fork()
    if child == 0:
        sys.path[:0] = ahead
        try:
            exec(code, {})
        except BaseException:
            print(json.dumps(traceback.format_exc()))
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
"""

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """``run(code, ahead=FOLDER)``: the JSON line that ``code`` prints, in a fork with torch."""
    path = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", FORKS],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as forks:
        requests, answers = forks.stdin, forks.stdout
        assert requests
        assert answers

        def forked(code: str, *, ahead: Path | None = None) -> Any:
            request = json.dumps([code, [str(ahead)] if ahead else []])
            print(request, file=requests, flush=True)
            return json.loads(answers.readline())

        yield forked


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
    path = os.pathsep.join([str(ahead), *filter(None, sys.path)])
    code = [sys.executable, "-c", REPORT]
    said = subprocess.check_output(code, env={**os.environ, "PYTHONPATH": path}, text=True)
    report = json.loads(said)
    assert report == {
        "file": str(tmp_path / "torchvision" / "__init__.py"),
        "same": True,
        "shim": False,
        "torch": False,
    }


@pytest.mark.parametrize("form", ["torch (=={})", "torch=={}", "torch == {} ; python_version>'3'"])
def test_the_wheel_beside_a_cpu_torch_gets_its_operators_declared(
    run: Run, tmp_path: Path, form: str
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
    run: Run, tmp_path: Path, requirement: str | None, built_for: str, body: str
) -> None:
    report = run(REPORT, ahead=install(tmp_path, body, requirement=requirement))
    minor = int(TORCH.split(".")[1]) + 15
    assert report == {
        "code": 1,
        "message": f"torchvision 0.99.0 is built for {built_for}, but torch is {TORCH}",
        "hint": f'python -m pip install "torch=={TORCH}" "torchvision==0.{minor}.*"',
    }


def test_a_missing_torchvision_gets_the_pip_line_that_brings_it(run: Run) -> None:
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


def test_another_failure_of_a_matching_pair_is_not_hidden(run: Run, tmp_path: Path) -> None:
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


def test_the_installed_torchvision_transforms_an_image(run: Run) -> None:
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
