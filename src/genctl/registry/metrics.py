"""Metrics: what can be measured, for which kinds of output, and what each needs."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
        needs: the required inputs: ``samples``, ``features`` (of a feature extractor),
            ``reference`` (real examples), ``images`` (the reference as single images, not as
            statistics), ``classifier``, ``classes``, ``held_out``, ``token_losses``, ``model``.
        parts: each number that it computes -> whether higher is better; None where neither is.
        target: ``"module:function"`` from the inputs (`genctl.evaluation.image_inputs.EvalInputs`
            for images, `genctl.evaluation.inputs.SampleInputs` for other kinds) to a list of
            scores. A metric with a parameter gets it as a second argument, ``""`` by default.
        summary: one line for help, pages and docs.
        parameter: what the parameter means, in words; empty where there is none.
        choices: the values of the parameter, which follow the name after a dash (``distinct-2``);
            where empty, any value in brackets or after a colon (``fd[digits]``, ``fd:digits``).
        explain: part -> how to read the number, for the page and the model card.
        unverified: part -> its name without the published weights that the usual name requires:
            ``{"fid": "fd"}``.
        least: the minimum number of examples: of ``samples``, of real ``images``, of
            ``classes`` that both sides have, and of samples in each ``class`` on average.
        chart: ``"module:function"`` from a score, its baseline (or None) and the inputs to a
            caption and an SVG; empty without a chart.
    """

    api: int
    name: str
    of: frozenset[str]
    needs: frozenset[str]
    parts: Mapping[str, bool | None]
    target: str
    summary: str
    parameter: str = ""
    choices: tuple[str, ...] = ()
    explain: Mapping[str, str] = field(default_factory=dict)
    unverified: Mapping[str, str] = field(default_factory=dict)
    least: Mapping[str, int] = field(default_factory=dict)
    chart: str = ""

    def load(self) -> Any:
        """Import the function that measures."""
        return import_target(self.target)

    def load_chart(self) -> Any:
        """Import the function that draws; None where there is no chart."""
        return import_target(self.chart) if self.chart else None

    def part(self, score: str) -> Part | None:
        """The part that a score is named after; None for a name of another metric.

        Args:
            score: its name, with or without an extractor in brackets: ``fd[digits]``, ``recall``.
        """
        name = score.partition("[")[0]
        for part, higher in self.parts.items():
            if name in (part, self.unverified.get(part)):
                return Part(self, name, higher, self.explain.get(part, ""))
        return None

    @property
    def names(self) -> list[str]:
        """What people can type: ``fid``; ``distinct-1``, ``distinct-2`` ..."""
        return [f"{self.name}-{choice}" for choice in self.choices] or [self.name]


@dataclass(frozen=True)
class Metric:
    """A metric as the user requested it.

    Attributes:
        spec: the description of the metric.
        parameter: the text behind its dash or in its brackets; empty without one.
    """

    spec: MetricSpec
    parameter: str = field(default="")

    @property
    def name(self) -> str:
        """As people type it: ``fid``, ``distinct-2``, ``fd[digits]``."""
        if not self.parameter:
            return self.spec.name
        if self.spec.choices:
            return f"{self.spec.name}-{self.parameter}"
        return f"{self.spec.name}[{self.parameter}]"


class Part(NamedTuple):
    """One number that a metric computes.

    Attributes:
        spec: the metric.
        name: the name of the number.
        higher: whether higher is better; None where neither is.
        explain: how to read it; may be empty.
    """

    spec: MetricSpec
    name: str
    higher: bool | None
    explain: str

    @property
    def direction(self) -> str:
        """Which values are better, in words; empty where neither is."""
        if self.higher is None:
            return ""
        return "larger is better" if self.higher else "smaller is better"

    @property
    def meaning(self) -> str:
        """How to read it, and which values are better."""
        return "; ".join(filter(None, (self.explain, self.direction)))


def _built_in() -> dict[str, str]:
    """Every module in the package of the metrics that has a ``SPEC``: one file per metric."""
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


def all_metrics(kind: str) -> list[Metric]:
    """What ``all`` stands for: every metric of a kind of output that works without a parameter.

    A metric whose parameter has choices counts once for each choice.
    """
    specs = [spec for spec in metrics_of(kind) if spec.choices or not spec.parameter]
    return [Metric(spec, choice) for spec in specs for choice in spec.choices or ("",)]


def part_of(score: str) -> Part | None:
    """The part that a score is named after, of any metric; None where no metric has it."""
    return next((part for spec in METRICS.all() if (part := spec.part(score))), None)


def unverified_names() -> dict[str, str]:
    """Part -> its name without the published weights, for all metrics."""
    return {part: name for spec in METRICS.all() for part, name in spec.unverified.items()}


def parse_metrics(text: str | Sequence[str]) -> list[Metric] | None:
    """The metrics that ``text`` names, each once, as they were typed; None for ``all``.

    Args:
        text: names between commas, or a list of them. A parameter follows a dash
            (``distinct-2``), a colon (``fd:clip:NAME``) or stands in brackets (``fd[clip:NAME]``).

    Raises:
        GenctlError: (USAGE) an unknown name, or a parameter where none is allowed.
    """
    names = (
        split_names(text) if isinstance(text, str) else [n for t in text for n in split_names(t)]
    )
    if not names or "" in names:
        raise GenctlError(
            ExitStatus.USAGE,
            "a metric has no name",
            option="metric",
            hint="name one or several, with commas between them",
        )
    if ALL in names:
        return None
    found = {metric.name: metric for name in names for metric in _expanded(parse_metric(name))}
    return list(found.values())


def split_names(text: str) -> list[str]:
    """Names between commas; commas in brackets belong to the name."""
    return [name.strip() for name in re.split(r",(?![^\[]*\])", text)]


def parse_metric(name: str) -> Metric:
    """One metric; see `parse_metrics`."""
    if name in METRICS.names():
        return Metric(METRICS.get(name))
    match = re.fullmatch(r"(?P<a>[^\[:]+)(?:\[(?P<b>[^\]]*)\]|:(?P<c>.+))", name)
    if match:
        return _with_parameter(match["a"], match["b"] or match["c"] or "", name)
    head, dash, tail = name.rpartition("-")
    if dash and head in METRICS.names() and METRICS.get(head).choices:
        return _with_parameter(head, tail, name)
    raise unknown("metric", name, [*metric_names(), ALL], option="metric")


def _with_parameter(head: str, parameter: str, name: str) -> Metric:
    if head not in METRICS.names():
        raise unknown("metric", head, [*metric_names(), ALL], option="metric")
    spec = METRICS.get(head)
    if not spec.parameter:
        raise GenctlError(
            ExitStatus.USAGE,
            f"the metric {head!r} takes no parameter, as in {name!r}",
            option="metric",
            suggest=head,
        )
    if spec.choices and parameter not in spec.choices:
        raise unknown(f"{spec.parameter} of {head}", parameter, spec.choices, option="metric")
    return Metric(spec, parameter)


def _expanded(metric: Metric) -> list[Metric]:
    """The metric itself, or one for each choice where a required choice is missing."""
    if metric.parameter or not metric.spec.choices:
        return [metric]
    return [Metric(metric.spec, choice) for choice in metric.spec.choices]


def metric_names() -> list[str]:
    """What people can type, parameters in full: ``fid``, ``distinct-1``, ``distinct-2`` ..."""
    return [name for spec in METRICS.all() for name in spec.names]
