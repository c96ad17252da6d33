"""Kinds of data: images, text and what plug-ins add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any, TypeVar

from genctl.errors import ExitStatus, GenctlError, nearest, opt
from genctl.registry.families import Spec
from genctl.registry.plugins import SPEC_API, Registry, import_target, require_words

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {name: f"genctl.data.{name}:KIND" for name in ("images", "text")}
)

T = TypeVar("T")

OPTIONAL = "?"
"""Marks a feature that may be absent."""


class Claim(IntEnum):
    """How sure a kind of data is that a source is of its kind."""

    NO = 0
    POSSIBLE = 1
    LIKELY = 2
    SURE = 3


@dataclass(frozen=True, kw_only=True)
class DataKind:
    """What genctl knows of a kind of data before anything heavy is imported.

    Attributes:
        api: the `SPEC_API` that it was written for.
        name: the value of ``data.kind`` that selects it.
        summary: one line.
        config: a frozen dataclass, the ``data`` section; it has the field ``source``.
        features: the features of its examples, batch key -> kind of feature, ``?`` where it depends
            on the source: ``{"image": "image", "label": "label?"}``.
        outputs: kind of feature that a family generates -> its kind of output.
        targets: the functions of the kind, name -> ``"module:attribute"``:
            ``claims``: source -> `Claim`; torch-free;
            ``prepare``: options -> `genctl.data.prepare.Prepared`;
            ``check``: source -> `genctl.data.findings.DataCheck`; optional, like all that follow;
            without it a check prepares the data and describes them;
            ``clean``: source, new folder and settings -> `genctl.data.findings.Cleaned`;
            ``label``: source and settings -> `genctl.data.findings.Labelled`; of the settings of
            these verbs, a function gets those that it takes and that are given;
            ``download``: (name of a set, function that receives a line for each file) -> None;
            ``large``: `DataSpec` -> whether these data need the ``large_preset`` of a family;
            ``list``: () -> the named sets, name -> one line.
        words: the words for one example and for several: ``("image", "images")``.
        accepts: describes valid sources, for the hints of errors.
    """

    api: int
    name: str
    summary: str
    config: type
    features: Mapping[str, str]
    outputs: Mapping[str, str]
    targets: Mapping[str, str]
    words: tuple[str, str]
    accepts: str = ""

    def claims(self, source: str) -> Claim:
        """How sure this kind is of ``source``; `Claim.NO` where a plug-in fails."""
        return self._ask("claims", Claim.NO, Claim, source)

    def named(self) -> dict[str, str]:
        """The named sets: name -> one line; empty where a plug-in fails."""
        return self._ask("list", {}, _lines) if "list" in self.targets else {}

    def _ask(self, target: str, otherwise: T, convert: Callable[[Any], T], *arguments: object) -> T:
        """The result of ``target``; ``otherwise`` if it belongs to a plug-in and fails."""
        try:
            return convert(self.load(target)(*arguments))
        except Exception as error:  # noqa: BLE001
            # A plug-in is foreign code, and a source is shown to all kinds of data.
            DATA_KINDS.note_failure(self.name, error)
            return otherwise

    def load(self, target: str) -> Any:
        """Import what ``target`` names.

        Raises:
            GenctlError: (USAGE) this kind of data cannot do that.
        """
        if target not in self.targets:
            raise GenctlError(ExitStatus.USAGE, f"data of the kind {self.name!r} has no {target!r}")
        return import_target(self.targets[target])

    def suits(self, reads: Mapping[str, str]) -> bool:
        """Whether a family that reads these features can be trained on it."""
        return all(
            self.features.get(key, "").removesuffix(OPTIONAL) == kind
            for key, kind in reads.items()
            if not kind.endswith(OPTIONAL)
        )


def _lines(found: Any) -> dict[str, str]:
    if not isinstance(found, Mapping):
        raise TypeError(f"list returns {type(found).__name__}, not a mapping of names to lines")
    return {str(name): str(line) for name, line in found.items()}


def _check(kind: DataKind) -> None:
    if not is_dataclass(kind.config) or "source" not in {f.name for f in fields(kind.config)}:
        raise TypeError("config is not a dataclass with the field source")
    require_words(kind.words)


DATA_KINDS: Registry[DataKind] = Registry(
    "kind of data", "genctl.data", DataKind, lambda: BUILT_IN, check=_check
)


def kinds_for(spec: Spec, values: Mapping[str, Any]) -> list[DataKind]:
    """The kinds of data that a family takes with these settings; its default first."""
    reads = spec.reads_with(values)
    found = [kind for kind in DATA_KINDS.all() if kind.suits(reads)]
    return sorted(found, key=lambda kind: kind.name != spec.data)


def choose_kind(spec: Spec, source: str | None, values: Mapping[str, Any]) -> DataKind:
    """The kind of data that ``source`` is, for a family.

    Among the kinds that the family takes, the one that is surest wins; the family's default wins
    a tie, or if no kind claims the source.

    Args:
        source: the name of the data; the default kind's own default when None.
        values: dotted key -> value, as chosen so far; ``data.kind`` overrides all claims.

    Raises:
        GenctlError: (USAGE) ``data.kind`` is unknown, or the family does not take it.
    """
    wanted = values.get("data.kind")
    possible = kinds_for(spec, values)
    if wanted:
        names = [kind.name for kind in possible]
        if wanted in names:
            return possible[names.index(wanted)]
        close = nearest(str(wanted), names, n=1) or names[:1]
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('data.kind', wanted)} is not a kind of data that {spec.name} reads; "
            f"choose {', '.join(names)}",
            option="data.kind",
            suggest=close[0] if close else None,
        )
    if not possible:
        return DATA_KINDS.get(spec.data)
    if source is None or len(possible) == 1:
        return possible[0]
    claims = [kind.claims(source) for kind in possible]
    return possible[claims.index(max(claims))]


def kind_of(source: str) -> DataKind | None:
    """The kind that is surest of ``source``, whatever the family; None where none claims it."""
    kinds = DATA_KINDS.all()
    claims = [kind.claims(source) for kind in kinds]
    best = max(claims, default=Claim.NO)
    return None if best is Claim.NO else kinds[claims.index(best)]


__all__ = [
    "DATA_KINDS",
    "OPTIONAL",
    "SPEC_API",
    "Claim",
    "DataKind",
    "choose_kind",
    "kind_of",
    "kinds_for",
]
