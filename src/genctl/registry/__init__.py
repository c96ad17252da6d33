"""What genctl can train, read, generate and measure: families, data kinds, output kinds, metrics.

Each is described by plain data in a torch-free module. Plug-ins add their own through the
entry-point groups ``genctl.models``, ``genctl.data``, ``genctl.outputs`` and ``genctl.metrics``.
"""

from __future__ import annotations

from genctl.errors import Suggestion
from genctl.registry.data_kinds import (
    DATA_KINDS,
    OPTIONAL,
    Claim,
    DataKind,
    choose_kind,
    kind_of,
    kinds_for,
)
from genctl.registry.families import FAMILIES, NoRequest, Spec
from genctl.registry.formats import BUNDLE, FORMATS, ExportFormat, formats_of
from genctl.registry.metrics import (
    ALL,
    METRICS,
    Metric,
    MetricSpec,
    Part,
    all_metrics,
    metric_names,
    metrics_of,
    parse_metric,
    parse_metrics,
    part_of,
)
from genctl.registry.output_kinds import OUTPUT_KINDS, OutputKind, output_kind
from genctl.registry.plugins import SPEC_API, BrokenPlugin, Registry, import_target

REGISTRIES: tuple[
    Registry[Spec] | Registry[DataKind] | Registry[OutputKind] | Registry[MetricSpec], ...
] = (
    FAMILIES,
    DATA_KINDS,
    OUTPUT_KINDS,
    METRICS,
)
"""All registries, for common tasks such as the verb ``doctor``."""


def get(name: str) -> Spec:
    """The family called ``name``.

    Raises:
        GenctlError: (USAGE) there is none.
    """
    return FAMILIES.get(name, option="family", suggest=Suggestion("models"))


def specs() -> list[Spec]:
    """Every family, built-in ones first.

    >>> "diffusion" in [family.name for family in genctl.models()]
    True
    """
    return FAMILIES.all()


def known_metrics() -> list[MetricSpec]:
    """Every metric, of all kinds of output.

    >>> "fid" in [metric.name for metric in genctl.metrics()]
    True
    """
    return METRICS.all()


def broken_plugins() -> list[BrokenPlugin]:
    """The entry points that could not be used, of all kinds."""
    return [plugin for registry in REGISTRIES for plugin in registry.broken()]


__all__ = [
    "ALL",
    "BUNDLE",
    "DATA_KINDS",
    "FAMILIES",
    "FORMATS",
    "METRICS",
    "OPTIONAL",
    "OUTPUT_KINDS",
    "SPEC_API",
    "BrokenPlugin",
    "Claim",
    "DataKind",
    "ExportFormat",
    "Metric",
    "MetricSpec",
    "NoRequest",
    "OutputKind",
    "Part",
    "Registry",
    "Spec",
    "all_metrics",
    "broken_plugins",
    "choose_kind",
    "formats_of",
    "get",
    "import_target",
    "kind_of",
    "kinds_for",
    "known_metrics",
    "metric_names",
    "metrics_of",
    "output_kind",
    "parse_metric",
    "parse_metrics",
    "part_of",
    "specs",
]
