"""The checks of ``genctl doctor``."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import genctl
from genctl import registry, runs
from genctl.files import cache_folder

_FOR_DEVELOPERS = {"bench", "dev", "docs"}
LITTLE_DISK = 2_000_000_000
"""Bytes; a run of a small model takes a tenth of this."""


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: what was checked.
        status: ``ok``, ``note`` (something optional is absent) or ``broken``.
        text: what was found.
        fix: what to do about it.
    """

    name: str
    status: Literal["ok", "note", "broken"]
    text: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def all_checks() -> Iterator[Check]:
    """Run every check in turn; a check that raises an error is broken, and the others still run."""
    for check in (
        _python, _torch, _torchvision, _devices, _precision, _extras, _inception, _emoji, _plugins,
        _root, _disk, _terminal,
    ):  # fmt: skip
        yield from _guarded(check)


def _guarded(check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001
        # doctor reports any error.
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        hint = getattr(error, "hint", "")
        yield Check(check.__name__.strip("_"), "broken", reason, hint)


def _python() -> Iterator[Check]:
    yield Check("genctl", "ok", f"{genctl.__version__} in {Path(genctl.__file__).parent}")
    yield Check("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _torch() -> Iterator[Check]:
    import torch

    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "a build without CUDA"
    yield Check("torch", "ok", f"{torch.__version__}, {build}")


def _torchvision() -> Iterator[Check]:
    from genctl.compat import torchvision as vision

    version = vision.import_torchvision().__version__
    how = "; genctl declares its operators" if vision.shim_in_force() else ""
    yield Check("torchvision", "ok", f"{version}{how}")


def _devices() -> Iterator[Check]:
    import torch

    from genctl.engine.devices import available_devices

    names = available_devices()
    cores = os.cpu_count()
    for name in names:
        text = f"{cores} cores, torch uses {torch.get_num_threads()}" if name == "cpu" else "ready"
        if name.startswith("cuda:"):
            facts = torch.cuda.get_device_properties(name)
            text = f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB"
        yield Check(f"device {name}", "ok", text)


def _precision() -> Iterator[Check]:
    from genctl.engine.devices import resolve_device
    from genctl.engine.optim.precision import resolve_precision

    device = resolve_device(None)
    yield Check("precision", "ok", f"auto is {resolve_precision('auto', device)} on {device}")


def _extras() -> Iterator[Check]:
    for extra, packages in _packages_by_extra().items():
        missing = [package for package in packages if not _installed(package)]
        if missing:
            fix = f'pip install "genctl[{extra}]"'
            yield Check(f"extra {extra}", "note", f"not installed: {', '.join(missing)}", fix)
        else:
            yield Check(f"extra {extra}", "ok", ", ".join(packages))


def _packages_by_extra() -> dict[str, list[str]]:
    """The optional packages that genctl's own metadata names."""
    found: dict[str, list[str]] = {}
    for requirement in importlib.metadata.requires("genctl") or ():
        package = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"extra\s*==\s*['\"]([\w.-]+)['\"]", requirement)
        if package and extra and extra[1] not in _FOR_DEVELOPERS:
            found.setdefault(extra[1], []).append(package[0])
    return found


def _installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _inception() -> Iterator[Check]:
    from genctl.evaluation.extractors.inception.weights import find_weights, missing_weights

    search = find_weights()
    if search.path:
        yield Check("inception weights", "ok", f"verified at {search.path}")
    else:
        missing = missing_weights(search)
        yield Check("inception weights", "note", missing.message, missing.hint)


def _emoji() -> Iterator[Check]:
    from genctl.data.images.sets.emoji import find_font
    from genctl.errors import GenctlError

    try:
        yield Check("data emoji", "ok", f"rendered from {find_font()}")
    except GenctlError as error:
        yield Check("data emoji", "note", "the font Noto Color Emoji is not installed", error.hint)


def _plugins() -> Iterator[Check]:
    families = ", ".join(spec.name for spec in registry.specs())
    yield Check("families", "ok", families)
    with tempfile.TemporaryDirectory() as empty:
        for kind in registry.DATA_KINDS.all():  # a plug-in may also fail when it is used
            kind.claims(empty)
            kind.named()
    for plugin in registry.broken_plugins():
        fix = f"report it to the author of {plugin.value}; GENCTL_PLUGINS=none disables plug-ins"
        yield Check(f"plug-in {plugin.name}", "note", plugin.reason, fix)


def _root() -> Iterator[Check]:
    root = runs.runs_root().absolute()
    place = next(path for path in (root, *root.parents) if path.exists())
    if place.is_dir() and os.access(place, os.W_OK):
        yield Check("runs", "ok", f"written to {root}")
    else:
        fix = "set GENCTL_RUNS to a writable folder"
        yield Check("runs", "broken", f"cannot write to {place}", fix)


def _disk() -> Iterator[Check]:
    for name, folder in (("runs", runs.runs_root()), ("cache", cache_folder())):
        path = folder.absolute()
        place = next(place for place in (path, *path.parents) if place.exists())
        free = shutil.disk_usage(place).free
        text = f"{free / 1e9:,.0f} GB free for {path}"
        low = free < LITTLE_DISK
        fix = "free some space: genctl runs ls lists the sizes of runs" if low else ""
        yield Check(f"disk {name}", "note" if low else "ok", text, fix)


def _terminal() -> Iterator[Check]:
    size = shutil.get_terminal_size()
    encoding = (sys.stdout.encoding or "?").lower()
    colour = "no colours (NO_COLOR)" if os.environ.get("NO_COLOR") else "colours"
    where = "a terminal" if sys.stdout.isatty() else "no terminal"
    text = f"{where}, {size.columns} columns, {encoding}, {colour}"
    plain = encoding.replace("-", "") != "utf8"
    fix = "set PYTHONUTF8=1 to show letters of other scripts" if plain else ""
    yield Check("terminal", "note" if plain else "ok", text, fix)
