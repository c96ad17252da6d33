"""Default names of samples: requests that differ get names that differ."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from genctl.config import request_from
from genctl.engine.sampling.loaded import LoadedModel
from genctl.outputs.base import SampleRequest, label_numbers

LONGEST = 80
"""Maximum length of a name's ending; a longer one becomes a checksum."""


def default_place(model: LoadedModel, request: SampleRequest, suffix: str) -> Path:
    """The default place of samples: in a run, or beside an export.

    Two requests that would generate other samples never get the same name.
    """
    name = "-".join((f"seed{request.seed}", f"n{request.n}", *_differences(model, request)))
    if len(name) > LONGEST:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"seed{request.seed}-n{request.n}-{digest}"
    step = "" if model.step is None else f"step{model.step}-"
    name = f"{step}{model.weights}-{name}"
    if (model.origin / "config.json").is_file():
        return model.origin / "samples" / f"{name}{suffix}"
    unnamed = model.origin.name in ("", "..")
    origin = Path(os.path.abspath(model.origin)) if unnamed else model.origin
    return origin.with_name(f"{origin.name}-{name}{suffix}")


def _differences(model: LoadedModel, request: SampleRequest) -> Iterator[str]:
    """The parts of the request that matter besides number and seed."""
    if request.labels is not None:
        numbers = label_numbers(model, request.labels)
        yield f"labels{_joined([model.data.class_names[number] for number in numbers])}"
    for name in ("image", "mask"):
        if file := getattr(request, name):
            yield f"{name}{_digest(file)[:8]}"
    if request.prompts:
        joined = "\0".join(request.prompts)
        yield f"prompts{hashlib.sha256(joined.encode()).hexdigest()[:8]}"
    if request.between:
        yield "between"
    usual = model.config.sample
    chosen = request_from(model.spec, request.options, usual)
    for field in dataclasses.fields(chosen):
        value = getattr(chosen, field.name)
        if value != getattr(usual, field.name):
            yield f"{field.name}{_safe(str(value))}"


def _joined(names: Sequence[str]) -> str:
    """``names`` with ``+`` between them; a checksum where a name has characters of its own."""
    if all(re.fullmatch(r"[\w.]+", name, re.ASCII) for name in names):
        return "+".join(names)
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:8]


def _safe(text: str) -> str:
    """``text`` if every system allows it in a file name; otherwise its checksum."""
    if re.fullmatch(r"[\w.+]+", text, re.ASCII):
        return text
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _digest(file: Path) -> str:
    """The SHA-256 of a file; of nothing where it is absent, which sampling reports."""
    return hashlib.sha256(file.read_bytes() if file.is_file() else b"").hexdigest()
