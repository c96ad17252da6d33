"""What answers at once loads nothing heavy; benchmarks/startup.py holds the times."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "PIL",
    "anyio",
    "jinja2",
    "matplotlib",
    "numpy",
    "pydantic",
    "safetensors",
    "scipy",
    "starlette",
    "tokenizers",
    "torch",
    "torchvision",
    "uvicorn",
}
REPORT = """
import sys
from genctl.cli import main
code = main(sys.argv[1:])
print(code, *sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize(
    "command", ["--help", "--version", "train --help", "train gan --help", "models", "runs ls"]
)
def test_it_loads_nothing_heavy(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPORT, *command.split()],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    code, *loaded = done.stdout.splitlines()[-1].split()
    assert code == "0", done.stderr
    assert not HEAVY.intersection(loaded)


def test_training_starts_without_what_it_draws_and_serves_with() -> None:
    script = (
        "import sys, genctl.api.training.train, genctl.api.evaluation.evaluate\n"
        "import genctl.api.pages.run_page, genctl.api.pages.watch\n"
        "late = {'anyio', 'jinja2', 'matplotlib', 'starlette', 'uvicorn'}\n"
        "sys.exit(' '.join(late & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_sdk_loads_nothing_before_it_is_used() -> None:
    script = "import sys, genctl; sys.exit('torch' in sys.modules or 'typer' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
