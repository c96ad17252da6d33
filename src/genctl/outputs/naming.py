"""The names that samples get by themselves: what differs in the request differs in the name."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from genctl.config import request_from
from genctl.engine.sampling.loaded import LoadedModel
from genctl.outputs.base import SampleRequest

LONGEST = 80
"""Characters of a name's ending; a longer one is a checksum."""


def default_place(model: LoadedModel, request: SampleRequest, suffix: str) -> Path:
    """Where samples go by themselves: into a run, or beside an export.

    Two requests that would generate other samples never get the same name.
    """
    name = "-".join((f"seed{request.seed}", f"n{request.n}", *_differences(model, request)))
    if len(name) > LONGEST:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"seed{request.seed}-n{request.n}-{digest}"
    if (model.origin / "config.json").is_file():
        step = "" if model.step is None else f"step{model.step}-"
        return model.origin / "samples" / f"{step}{model.weights}-{name}{suffix}"
    return model.origin.with_name(f"{model.origin.stem}-{name}{suffix}")


def _differences(model: LoadedModel, request: SampleRequest) -> Iterator[str]:
    """What was asked for besides a number and a seed."""
    if request.labels is not None:
        yield f"labels{_safe('+'.join(map(str, request.labels)))}"
    for name in ("image", "mask"):
        if file := getattr(request, name):
            yield f"{name}{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}"
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


def _safe(text: str) -> str:
    """``text`` where it suits a file's name everywhere, else its checksum."""
    if re.fullmatch(r"[\w.+]+", text, re.ASCII):
        return text
    return hashlib.sha256(text.encode()).hexdigest()[:8]
