"""Checkpoints: directories of safetensors and JSON, written atomically, verified when read.

``checkpoints/step-00001200/`` holds ``state.json``, one ``.safetensors`` file per group of
tensors (``model``, ``ema.NAME``, ``optimizer.NAME``), the ``data.json`` of the run and, written
last, ``manifest.json`` with the size and sha256 of each file. Nothing in it is ever unpickled.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from genctl import documents
from genctl.errors import ExitStatus, GenctlError
from genctl.files import make_directory
from genctl.runs import Run
from genctl.staging import staged
from genctl.weights import load_tensors, save_tensors, sha256_of

FORMAT_VERSION = 1
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class State:
    """The state of a training, as in ``state.json``.

    Attributes:
        index: number of the next step.
        position: examples read so far.
        elapsed: seconds of training so far, over all starts.
        attempt: how often training was set back after non-finite values.
        rate_scale: the factor on the learning rates after these set-backs.
        scaler: state of the loss scaler; empty without one.
    """

    index: int
    position: int
    elapsed: float
    attempt: int
    rate_scale: float
    scaler: Mapping[str, int | float]


@dataclass(frozen=True)
class Snapshot(State):
    """Everything that training needs to continue, bit for bit.

    Attributes:
        tensors: group (``model``, ``ema.NAME``, ``optimizer.NAME``) -> name -> tensor.
    """

    tensors: Mapping[str, Mapping[str, Tensor]] = field(repr=False)

    @property
    def name(self) -> str:
        return name_of(self.index)

    @property
    def finite(self) -> bool:
        """Whether every weight, average and moment is a finite number."""
        return all(
            bool(tensor.isfinite().all())
            for group in self.tensors.values()
            for tensor in group.values()
        )

    def state_json(self) -> dict[str, Any]:
        """All but the tensors, with the version of the format."""
        known = {each.name: getattr(self, each.name) for each in fields(State)}
        return {"format_version": FORMAT_VERSION, **known}


def name_of(index: int) -> str:
    """The name of the checkpoint before the step ``index``."""
    return f"step-{index:08d}"


def save(run: Run, snapshot: Snapshot, *, keep_last: int) -> Path:
    """Write a checkpoint, point ``last.json`` to it, and delete those that are no longer kept.

    ``last.json`` says that the run is unfinished; see `mark_finished`.

    Raises:
        GenctlError: it cannot be written; the earlier checkpoints are unchanged.
    """
    path = make_directory(run.checkpoints) / snapshot.name
    with staged(path, existing="replace") as stage:
        for group, tensors in snapshot.tensors.items():
            save_tensors(stage / f"{group}.safetensors", tensors)
        _write(stage / "state.json", snapshot.state_json())
        _write(stage / "data.json", run.read("data.json"))
        files = {
            file.name: {"size": file.stat().st_size, "sha256": sha256_of(file)}
            for file in sorted(stage.iterdir())
        }
        _write(stage / _MANIFEST, {"format_version": FORMAT_VERSION, "files": files})
    run.write(
        "last.json",
        {
            "checkpoint": snapshot.name,
            "step": snapshot.index,
            "position": snapshot.position,
            "elapsed": round(snapshot.elapsed, 3),
            "finished": False,
        },
    )
    _prune(run, keep_last)
    return path


def mark_finished(run: Run) -> None:
    """Note in ``last.json`` that training has reached its end and everything is written."""
    run.write("last.json", {**run.read("last.json"), "finished": True})


def newest_good(run: Run, say: Callable[[str], None]) -> Path | None:
    """The newest checkpoint that is not damaged; ``say`` gets a message for each damaged one."""
    for path in reversed(all_checkpoints(run)):
        if damage := damage_of(path):
            say(f"checkpoint {path.name} is damaged ({damage}); trying the one before")
        else:
            return path
    return None


def choose(run: Run, wanted: str, say: Callable[[str], None]) -> Path:
    """The checkpoint for ``best``, ``last`` or a step number, verified.

    Raises:
        GenctlError: the run has no checkpoint, or not this one, or it is damaged.
    """
    if not all_checkpoints(run):
        raise GenctlError(
            ExitStatus.DATA,
            f"{run.path} has no checkpoint yet",
            hint="train it further: run the same command again",
        )
    if wanted == "best" and (best := run.read("best.json")):
        wanted = str(best["step"])
    if wanted in ("best", "last"):
        found = newest_good(run, say)
        if found is None:
            raise GenctlError(
                ExitStatus.DATA,
                f"all checkpoints of {run.path} are damaged",
                hint="train again in a new folder",
            )
        return found
    return _numbered(run, wanted)


def read(path: Path) -> Snapshot:
    """Read the checkpoint at ``path``, after `damage_of` has found no damage."""
    state = read_state(path)
    groups = {file.stem: load_tensors(file) for file in path.glob("*.safetensors")}
    return Snapshot(**vars(state), tensors=groups)


def read_state(path: Path) -> State:
    """Read ``state.json`` of a checkpoint.

    Raises:
        GenctlError: (DATA) it is damaged, or was written by another version of genctl.
    """
    place = path / "state.json"
    try:
        found = documents.require(documents.parse(place.read_text("utf-8")), ("format_version",))
        version = found.pop("format_version")
        if version == FORMAT_VERSION:
            return documents.build(State, found)
    except (OSError, ValueError) as error:
        raise documents.damaged(place, error) from None
    raise GenctlError(
        ExitStatus.DATA,
        f"{path} was written by another version of genctl",
        hint="use the version that env.json of the run names",
    )


def group(path: Path, name: str) -> dict[str, Tensor]:
    """One group of a checkpoint's tensors."""
    return load_tensors(path / f"{name}.safetensors")


def groups(path: Path) -> list[str]:
    """The names of a checkpoint's groups."""
    return sorted(file.stem for file in path.glob("*.safetensors"))


def all_checkpoints(run: Run) -> list[Path]:
    """The checkpoints of a run, damaged or not, oldest first."""
    return sorted(run.checkpoints.glob("step-*"))


def damage_of(path: Path) -> str:
    """What is wrong with the checkpoint at ``path``; empty if it is not damaged."""
    try:
        files = documents.parse((path / _MANIFEST).read_text("utf-8"))["files"]
        return next(_misfits(path, files), "")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"its manifest cannot be read: {error}"


def _misfits(path: Path, files: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, known in files.items():
        file = path / name
        if not file.is_file():
            yield f"{name} is missing"
        elif file.stat().st_size != known["size"]:
            yield f"{name} has {file.stat().st_size} bytes instead of {known['size']}"
        elif sha256_of(file) != known["sha256"]:
            yield f"{name} has another checksum"


def _numbered(run: Run, wanted: str) -> Path:
    numbers = {int(path.name.removeprefix("step-")): path for path in all_checkpoints(run)}
    path = numbers.get(int(wanted)) if wanted.isdecimal() else None
    if path is None:
        kept = ", ".join(map(str, numbers))
        raise GenctlError(
            ExitStatus.USAGE,
            f"no checkpoint {wanted!r} in {run.path}; choose best, last or {kept}",
            option="checkpoint",
            suggest="last",
        )
    if damage := damage_of(path):
        raise GenctlError(
            ExitStatus.DATA,
            f"checkpoint {path.name} is damaged ({damage})",
            option="checkpoint",
            suggest="last",
        )
    return path


def _prune(run: Run, keep_last: int) -> None:
    best = (run.read("best.json") or {}).get("checkpoint")
    for path in all_checkpoints(run)[:-keep_last]:
        if path.name != best:
            shutil.rmtree(path, ignore_errors=True)
    for leftover in run.checkpoints.glob(".step-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _write(path: Path, data: Any) -> None:
    path.write_text(documents.to_json(data, indent=2), "utf-8")
