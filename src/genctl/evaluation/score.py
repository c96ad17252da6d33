"""A comparable number: its value, its error, and the signature of how it was computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from genctl.registry.metrics import unverified_names
from genctl.version import VERSION
from genctl.wording import number

if TYPE_CHECKING:
    from genctl.evaluation.extractors.base import Extractor


@dataclass(frozen=True)
class Score:
    """One metric of one set of samples.

    Attributes:
        name: ``fid``, ``kid`` and so on only for the verified Inception weights, otherwise with the
            extractor in brackets, such as ``fd[digits]``.
        value: the value of the metric.
        error: its uncertainty; see ``error_kind``.
        error_kind: how ``error`` was computed.
        n_generated: the number of images, texts or tokens that were scored.
        n_reference: the number of images they were compared with; None for metrics without a
            reference.
        signature: everything that must be equal for two values to be comparable.
        warnings: what a reader must know before quoting the value, one sentence each.
        seconds: wall-clock time by stage.
        details: further numbers of the same computation.
        higher_is_better: the direction of the metric; None if neither is better.
        facts: what else a reader should know: label -> text.
        groups: the number of groups that ``error`` comes from, such as splits of the images or
            windows of a text; None if it comes from the samples themselves.
        error_is_deviation: whether ``error`` is the deviation of the groups (ddof 0), as papers
            report it, instead of a standard error.
    """

    name: str
    value: float
    error: float
    error_kind: str
    n_generated: int
    n_reference: int | None
    signature: str
    warnings: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, float] = field(default_factory=dict)
    higher_is_better: bool | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    groups: int | None = None
    error_is_deviation: bool = False

    def to_json(self) -> dict[str, Any]:
        """The score as plain dicts, lists, strings and numbers."""
        return asdict(self) | {"warnings": list(self.warnings)}

    def __str__(self) -> str:
        """One line: ``fd[digits] 9.87 ± 0.31``."""
        return f"{self.name} {number(self.value)} ± {number(self.error, '.2g')}"


def warnings_of(scores: Iterable[Score]) -> tuple[str, ...]:
    """The warnings of all scores, without duplicates."""
    return tuple(dict.fromkeys(warning for score in scores for warning in score.warnings))


def metric_name(metric: str, extractor: Extractor) -> str:
    """The name of a value of ``metric``, or of one of its parts, with ``extractor``.

    ``fid`` and ``is`` always mean the published weights; the user's own weights are named by their
    content. ``fd`` and ``kd`` are always named after the extractor.
    """
    names = unverified_names()
    if extractor.origin == "canonical" and metric not in names.values():
        return metric
    label = extractor.name
    if extractor.origin == "custom":
        label = f"{label}:{short_sha(extractor.sha256)}"
    return f"{names.get(metric, metric)}[{label}]"


def signature(metric: str, extractor: Extractor, **fields: object) -> str:
    """The signature of a value, in the manner of sacrebleu (Post 2018, arXiv:1804.08771).

    As ``fd|ex:digits:1a2b3c4d|n:2000/8012|ref:digits.train@9f8e7d6c|sqrt:svd|px:uint8.luma...``

    Args:
        metric: the name of the metric.
        extractor: the extractor of the features.
        fields: everything else that decides the value, in order.
    """
    return plain_signature(
        metric_name(metric, extractor).partition("[")[0],
        ex=f"{extractor.name}:{short_sha(extractor.sha256)}",
        **fields,
        px=f"uint8.{extractor.protocol}",
        dt=extractor.precision,
    )


def plain_signature(metric: str, **fields: object) -> str:
    """The signature of a value that does not depend on an extractor; genctl's version comes last.

    Args:
        metric: the name of the metric.
        fields: everything that decides the value, in order.
    """
    parts = {**fields, "v": VERSION}
    return "|".join([metric, *(f"{key}:{_clean(value)}" for key, value in parts.items())])


def short_sha(sha256: str) -> str:
    """The beginning of a checksum that names and signatures show."""
    return sha256[:8]


def _clean(value: object) -> str:
    """``value`` without the separator, which a file name may contain."""
    return str(value).replace("|", "_")
