"""The keys of a family's configuration, and which key a name stands for."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

from annotated_types import Ge, Gt, Le, Lt

from genctl.config.aliases import current_key
from genctl.config.sections import TrainConfig
from genctl.errors import ExitStatus, GenctlError, Suggestion, opt, unknown
from genctl.registry import DATA_KINDS, DataKind, Spec

SECTIONS = ("model", "data", "train", "sample", "parents")
KIND = "data.kind"
"""The key that names the kind of data, in the section that is the kind's own."""

ARGUMENTS = {
    "data.source": "data",
    "train.budget": "budget",
    "train.precision": "precision",
    "seed": "seed",
}
"""Key -> the argument of a training that sets it in every family."""

MEANT = 3
"""The number of keys that an error proposes by their help."""

SETS, OPTIONS = "sets", "options"
"""Origins of values that the call itself passed: as ``key=value`` texts, and by name."""


@dataclass(frozen=True)
class OptionInfo:
    """One key of a configuration, as help shows it."""

    key: str
    type: str
    default: Any
    help: str

    @property
    def leaf(self) -> str:
        return self.key.rpartition(".")[2]


def options(spec: Spec) -> list[OptionInfo]:
    """Every key of the family's configuration with type, default (of its first preset) and help.

    The section ``data`` is that of the family's default kind.
    """
    kind = DATA_KINDS.get(spec.data)
    preset = {find_key(spec, kind, k): v for k, v in spec.presets[spec.default_preset].items()}
    found = [
        OptionInfo(
            f"{section}.{f.name}",
            _type_text(types_of(cls)[f.name]),
            preset.get(f"{section}.{f.name}", f.default),
            f.metadata.get("help", ""),
        )
        for section, cls in section_types(spec, kind).items()
        for f in dataclasses.fields(cls)
    ]
    found += [OptionInfo(KIND, "str", kind.name, "kind of data; determined from the source")]
    found += [OptionInfo(f"parents.{role}", "RUN", "", text) for role, text in spec.parents.items()]
    return [*found, OptionInfo("seed", "int", preset.get("seed", 0), "seed of all randomness")]


def request_options(spec: Spec, start: Any = None) -> list[OptionInfo]:
    """The family's sampling options with type, default and help.

    Args:
        start: gives the defaults, as in `request_from`; the defaults of the family's first preset
            when None.
    """
    infos = [info for info in options(spec) if info.key.startswith("sample.")]
    return [
        OptionInfo(i.leaf, i.type, i.default if start is None else getattr(start, i.leaf), i.help)
        for i in infos
    ]


def find_key(spec: Spec, kind: DataKind, key: str, origin: str = "") -> str:
    """The dotted key that ``key`` (dotted, or a unique leaf; ``-`` is ``_``) stands for.

    Args:
        origin: where it was written, for the error.

    Raises:
        GenctlError: no such key, or a leaf that several sections have.
    """
    key = key.replace("-", "_")
    known = list(all_keys(spec, kind))
    if key not in known:
        key = current_key(key)
    if key in known:
        return key
    # A family may have a key called `kind`, so the kind of data is always written in full.
    matches = [dotted for dotted in known if dotted != KIND and dotted.rpartition(".")[2] == key]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise GenctlError(
            ExitStatus.USAGE,
            f"the key {key!r} is ambiguous: {' or '.join(matches)}",
            hint="write its section as well",
            option=matches[0],
        )
    names = known if "." in key else [*known, *(dotted.rpartition(".")[2] for dotted in known)]
    words = key.rpartition(".")[2].replace("_", " ")
    meant = [info.leaf for info in options(spec) if words in info.help][:MEANT]
    raise unknown("key", key, set(names), origin=named(origin), meant=meant, suggest=all_of(spec))


def named(origin: str) -> str:
    """The origin of a value in an error; empty where the user has just typed it."""
    return {SETS: opt("sets"), OPTIONS: ""}.get(origin, origin)


def all_of(spec: Spec) -> Suggestion:
    """The command that lists the keys and presets of a family."""
    return Suggestion("models", text="lists the options", args=(spec.name,))


def all_keys(spec: Spec, kind: DataKind) -> Iterator[str]:
    """Every dotted key of the family, on this kind of data."""
    for section, cls in section_types(spec, kind).items():
        yield from (f"{section}.{f.name}" for f in dataclasses.fields(cls))
    yield KIND
    yield from (f"parents.{role}" for role in spec.parents)
    yield "seed"


def section_types(spec: Spec, kind: DataKind) -> dict[str, type]:
    """Section -> the dataclass that it becomes."""
    return {
        "model": spec.config,
        "data": kind.config,
        "train": TrainConfig,
        "sample": spec.request,
    }


def type_of(spec: Spec, kind: DataKind, key: str) -> Any:
    """The type of the value of a dotted key, with its bounds."""
    section, _, name = key.partition(".")
    if section == "parents" or key == KIND:
        return str
    if not name:
        return int
    return types_of(section_types(spec, kind)[section])[name]


@functools.cache
def types_of(cls: type) -> dict[str, Any]:
    """Field -> its type, with its bounds."""
    return typing.get_type_hints(cls, include_extras=True)


def _type_text(hint: Any) -> str:
    """A short text for a type hint: ``int >= 1``, ``adam|adamw``."""
    if typing.get_origin(hint) is Annotated:
        base, *notes = typing.get_args(hint)
        signs = {Ge: (">=", "ge"), Gt: (">", "gt"), Le: ("<=", "le"), Lt: ("<", "lt")}
        bounds = [
            f"{sign} {getattr(note, attribute):g}"
            for note in notes
            for kind, (sign, attribute) in signs.items()
            if isinstance(note, kind)
        ]
        return " ".join([_type_text(base), *bounds])
    if typing.get_origin(hint) is Literal:
        return "|".join(map(str, typing.get_args(hint)))
    if str in typing.get_args(hint):  # text, or a list of it
        return "str"
    if typing.get_origin(hint) is Union:
        return "|".join(_type_text(part) for part in reversed(typing.get_args(hint)))
    return getattr(hint, "__name__", str(hint))
