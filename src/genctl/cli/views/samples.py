"""How ``genctl sample`` shows what was generated: in the terminal, or in a file."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genctl.cli.context import Context
from genctl.errors import ExitStatus, GenctlError
from genctl.output import Mode

if TYPE_CHECKING:
    from genctl.api.models.model import Model
    from genctl.outputs.base import Generated, SampleRequest
    from genctl.registry import OutputKind


@dataclass(frozen=True)
class SampleContext:
    """What ``sample`` was called with.

    Attributes:
        kind: what the model generates.
        out: where to write; None to show the samples, or to write them under a default name.
        jsonl: whether to print one JSON object per line.
        trajectory: the animation to write instead of samples.
    """

    model: Model
    kind: OutputKind
    request: SampleRequest
    out: Path | None = None
    jsonl: bool = False
    trajectory: Path | None = None

    @property
    def is_shown(self) -> bool:
        """Whether samples go to the terminal."""
        return self.kind.shown and self.out is None


def show_samples(call: Context, wanted: SampleContext) -> None:
    """Generate the samples, and show or write them as requested."""
    if wanted.jsonl and call.output.mode is Mode.JSON:
        raise GenctlError(ExitStatus.USAGE, "--json and --jsonl exclude each other")
    if wanted.jsonl and wanted.out is not None and wanted.out.suffix != ".jsonl":
        raise GenctlError(
            ExitStatus.USAGE,
            f"--jsonl writes JSON lines, and {wanted.out} is not a .jsonl",
            hint=f"--out {shlex.quote(str(wanted.out.with_suffix('.jsonl')))}",
        )
    if wanted.trajectory is not None:
        _animate(call, wanted, wanted.trajectory)
        return
    started = time.perf_counter()
    live = wanted.is_shown and not wanted.jsonl and wanted.request.n == 1
    if live and call.output.mode is not Mode.JSON and "stream" in wanted.kind.targets:
        samples: Generated = _stream(call, wanted)
    else:
        samples = _generate(call, wanted)
    _say_speed(call, wanted, samples, time.perf_counter() - started)


def _generate(call: Context, wanted: SampleContext) -> Generated:
    from genctl.outputs.base import check_place

    place = _place(wanted)
    if place is not None:
        check_place(wanted.kind, place, wanted.request.n)
    samples = wanted.model.generate(wanted.request, call.output)
    path = None if place is None else samples.save(place)
    if wanted.jsonl and path is None:
        call.output.piece(samples.jsonl())  # type: ignore[attr-defined]
        return samples
    model = wanted.model
    step = "" if model.step is None else f" of step {model.step}"
    kept = f"{path}: {len(samples)} samples of {model.origin}, {model.weights} weights{step}"
    call.output.result(
        _facts(wanted, path) | samples.to_json(),
        str(samples) if path is None else kept,
        bare=str(samples) if path is None else str(path),
    )
    return samples


def _stream(call: Context, wanted: SampleContext) -> Generated:
    """Generate one sample and show its pieces as they arrive."""
    from genctl.outputs.text.generate import collect

    pieces = wanted.kind.load("stream")(wanted.model, wanted.request)
    call.output.piece(next(iter(wanted.request.prompts), ""))
    samples = collect(_shown(call, pieces), wanted.request)
    call.output.piece("\n")
    return samples


def _shown(call: Context, pieces: Iterator[Any]) -> Iterator[Any]:
    for piece in pieces:
        call.output.piece(piece.text)
        yield piece


def _animate(call: Context, wanted: SampleContext, path: Path) -> None:
    from genctl.outputs.images.samples import check_animation_place, save_animation

    check_animation_place(path)
    frames = wanted.kind.load("trajectory")(wanted.model, wanted.request)
    save_animation(path, frames)
    call.output.result(
        _facts(wanted, path) | frames[-1].to_json(),
        f"{path}: {wanted.request.n} samples of {wanted.model.origin}, {len(frames)} frames",
        bare=str(path),
    )


def _place(wanted: SampleContext) -> Path | None:
    """Where samples are written; None if they are only shown."""
    from genctl.outputs.naming import default_place

    if wanted.is_shown:
        return None
    if wanted.out is not None:
        return wanted.out
    return default_place(wanted.model, wanted.request, _suffix(wanted))


def _suffix(wanted: SampleContext) -> str:
    """The first of the kind's suffixes that can hold this number of samples."""
    from genctl.outputs.base import check_place

    for suffix in wanted.kind.suffixes:
        try:
            check_place(wanted.kind, Path(f"samples{suffix}"), wanted.request.n)
        except GenctlError:
            continue
        return suffix
    return ".npz"


def _facts(wanted: SampleContext, path: Path | None) -> dict[str, Any]:
    model = wanted.model
    return {
        "path": None if path is None else str(path),
        "n": wanted.request.n,
        "seed": wanted.request.seed,
        "kind": wanted.kind.name,
        "weights": model.weights,
        "step": model.step,
        "origin": str(model.origin),
    }


def _say_speed(call: Context, wanted: SampleContext, samples: Generated, seconds: float) -> None:
    """The tokens per second, if the samples count tokens."""
    tokens = getattr(samples, "tokens", None)
    if tokens is None:
        return
    model = wanted.model
    step = f" of step {model.step}" if model.step is not None else ""
    call.output.say(
        f"{tokens} tokens in {seconds:.1f} s ({tokens / seconds:.0f}/s), {model.weights} weights"
        f"{step}, seed {wanted.request.seed}"
    )
