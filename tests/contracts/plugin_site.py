"""The example plug-in and some that are wrong, as pip would install them, seen by this process."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from genctl.registry import REGISTRIES

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"

_WRONG = '''
"""Plug-ins that cannot be used, each in its own way."""
from dataclasses import dataclass

from genctl.registry import DataKind, MetricSpec, OutputKind, Spec


@dataclass(frozen=True)
class Config:
    source: str = ""


def of_api_1():
    return Spec(
        name="old", summary="", config=Config, targets={}, inputs=frozenset(), output="images"
    )


def claims(source):
    raise RuntimeError("no answer")


CLAIMING = DataKind(
    api=2, name="claiming", summary="", config=Config, features={"image": "image"}, outputs={},
    words=("thing", "things"),
    targets={"claims": "wrong_plugins:claims", "list": "wrong_plugins:claims"},
)
UNSURE = DataKind(
    api=2, name="unsure", summary="", config=Config, features={"image": "image"}, outputs={},
    words=("thing", "things"),
    targets={"claims": "wrong_plugins:unsure", "list": "wrong_plugins:unsure"},
)
SOURCELESS = DataKind(
    api=2, name="sourceless", summary="", config=int, features={}, outputs={},
    words=("thing", "things"), targets={},
)
ONE_WORD = OutputKind(api=2, name="one-word", summary="", targets={}, words="thing")
NO_PRESETS = Spec(
    api=2, name="no-presets", summary="", config=Config, targets={}, reads={}, makes=None,
    presets={},
)
NO_METRIC = "gc"
TAKEN = OutputKind(api=2, name="text", summary="", targets={}, words=("text", "texts"))
NEWER = MetricSpec(
    api=3, name="newer", of=frozenset(), needs=frozenset(), parts={}, target="", summary=""
)
FAILING = MetricSpec(
    api=2, name="failing", of=frozenset({"sequences"}), needs=frozenset({"samples"}),
    parts={"failing": None}, target="wrong_plugins:measure", summary="always fails",
)


def unsure(source=""):
    return None


def measure(inputs):
    raise RuntimeError("no number")


def __getattr__(name):
    if name == "OLD":
        return of_api_1()
    raise AttributeError(name)
'''

WRONG = {
    "genctl.models": {"old": "wrong_plugins:OLD", "no-presets": "wrong_plugins:NO_PRESETS"},
    "genctl.data": {
        "claiming": "wrong_plugins:CLAIMING",
        "unsure": "wrong_plugins:UNSURE",
        "sourceless": "wrong_plugins:SOURCELESS",
        "absent": "no_such_module:KIND",
    },
    "genctl.outputs": {"taken": "wrong_plugins:TAKEN", "one-word": "wrong_plugins:ONE_WORD"},
    "genctl.metrics": {
        "no-metric": "wrong_plugins:NO_METRIC",
        "newer": "wrong_plugins:NEWER",
        "failing": "wrong_plugins:FAILING",
    },
}


def add_distribution(site: Path, name: str, points: Mapping[str, Mapping[str, str]]) -> None:
    """Write the entry points of a distribution into ``site``, without its modules."""
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        line
        for group, members in points.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in members.items()))
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")


def install_example(site: Path) -> None:
    """Put the example into ``site``."""
    package = "genctl_example"
    shutil.copytree(EXAMPLE / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    add_distribution(site, package, project["entry-points"])


def install_wrong(site: Path) -> None:
    """Put plug-ins into ``site`` that cannot be used."""
    (site / "wrong_plugins.py").write_text(_WRONG)
    add_distribution(site, "wrong_plugins", WRONG)


@contextlib.contextmanager
def seen(site: Path) -> Iterator[None]:
    """This process sees what is installed in ``site``, and forgets it afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(site))
    _forget()
    try:
        yield
    finally:
        sys.path.remove(str(site))
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in ("genctl_example", "wrong_plugins"):
                del sys.modules[name]
        _forget()


def _forget() -> None:
    importlib.invalidate_caches()
    for registry in REGISTRIES:
        registry.forget()
