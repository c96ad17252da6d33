"""Metrics: what can be measured, of which kind of output, and what each needs."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genctl.errors import ExitStatus, GenctlError, unknown
from genctl.registry.plugins import Registry, import_target

ROOM = "genctl.evaluation.metrics"
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """What genctl knows of a metric before anything heavy is imported.

    Attributes:
        api: the `SPEC_API` that it was written for.
        name: what people type; unique over all kinds of output.
        of: the kinds of output that it measures.
        needs: what must be there: ``samples``, ``features`` (of a feature extractor),
            ``reference`` (real examples), ``images`` (the reference as single examples, not as
            statistics), ``classifier``, ``classes``, ``held_out``, ``token_losses``, ``model``.
        parts: each number that it gives -> whether higher is better.
        target: ``"module:function"`` from the evaluation's inputs to a list of scores.
        summary: one line for help, pages and docs.
        parameter: what follows a dash or stands in brackets, in words; empty where nothing may:
            ``distinct-2`` has the parameter ``2``.
        choices: the parameters that ``all`` and lists show; any where empty.
        explain: how to read the numbers, for the page and the model card.
    """

    api: int
    name: str
    of: frozenset[str]
    needs: frozenset[str]
    parts: Mapping[str, bool]
    target: str
    summary: str
    parameter: str = ""
    choices: tuple[str, ...] = ()
    explain: str = ""

    def load(self) -> Any:
        """Import the function that measures."""
        return import_target(self.target)


@dataclass(frozen=True)
class Metric:
    """A metric as it was asked for.

    Attributes:
        spec: which.
        parameter: the text behind its dash or in its brackets; empty without one.
    """

    spec: MetricSpec
    parameter: str = field(default="")

    @property
    def name(self) -> str:
        """As people type it: ``fid``, ``distinct-2``."""
        return f"{self.spec.name}-{self.parameter}" if self.parameter else self.spec.name


def _built_in() -> dict[str, str]:
    """Every module of the metrics' room that has a ``SPEC``: one file a metric."""
    return {_spec_name(module): f"{module}:SPEC" for module in _modules()}


def _spec_name(module: str) -> str:
    name: str = importlib.import_module(module).SPEC.name
    return name


def _modules() -> Iterator[str]:
    room = importlib.import_module(ROOM)
    for group in pkgutil.iter_modules(room.__path__):
        if group.ispkg:
            package = importlib.import_module(f"{ROOM}.{group.name}")
            for module in pkgutil.iter_modules(package.__path__):
                if not module.name.startswith("_"):
                    yield f"{ROOM}.{group.name}.{module.name}"


METRICS: Registry[MetricSpec] = Registry("metric", "genctl.metrics", MetricSpec, _built_in)


def metrics_of(kind: str) -> list[MetricSpec]:
    """The metrics of a kind of output."""
    return [spec for spec in METRICS.all() if kind in spec.of]


def parse_metrics(text: str | Sequence[str]) -> list[Metric]:
    """The metrics that ``text`` names, each once; empty for ``all``.

    Args:
        text: names between commas, or a list of them. A parameter follows a dash
            (``distinct-2``), a colon (``fd:clip:NAME``) or stands in brackets (``fd[clip:NAME]``).

    Raises:
        GenctlError: (USAGE) an unknown name, or a parameter where none may be.
    """
    names = (
        split_names(text) if isinstance(text, str) else [n for t in text for n in split_names(t)]
    )
    if ALL in names:
        return []
    found = {metric.name: metric for metric in map(parse_metric, names)}
    return list(found.values())


def split_names(text: str) -> list[str]:
    """Names between commas; commas in brackets belong to the name."""
    return [name.strip() for name in re.split(r",(?![^\[]*\])", text) if name.strip()]


def parse_metric(name: str) -> Metric:
    """One metric; see `parse_metrics`."""
    if name in METRICS.names():
        return Metric(METRICS.get(name))
    match = re.fullmatch(r"(?P<a>[^\[:]+)(?:\[(?P<b>[^\]]*)\]|:(?P<c>.+))", name)
    if match:
        return _with_parameter(match["a"], match["b"] or match["c"] or "", name)
    head, dash, tail = name.rpartition("-")
    if dash and head in METRICS.names() and METRICS.get(head).parameter:
        return _with_parameter(head, tail, name)
    raise unknown("metric", name, [*metric_names(), ALL])


def _with_parameter(head: str, parameter: str, name: str) -> Metric:
    spec = METRICS.get(head)
    if not spec.parameter:
        raise GenctlError(
            ExitStatus.USAGE, f"the metric {head!r} takes no parameter, as in {name!r}"
        )
    if spec.choices and parameter not in spec.choices:
        raise unknown(f"{spec.parameter} of {head}", parameter, spec.choices)
    return Metric(spec, parameter)


def metric_names() -> list[str]:
    """What people can type, parameters in full: ``fid``, ``distinct-1``, ``distinct-2`` ..."""
    return [
        name
        for spec in METRICS.all()
        for name in ([f"{spec.name}-{c}" for c in spec.choices] or [spec.name])
    ]
