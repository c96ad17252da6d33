"""One configuration from several layers; later layers override earlier ones."""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genctl import documents
from genctl.config.aliases import current_value
from genctl.config.environment import settings_from
from genctl.config.keys import (
    KIND,
    OPTIONS,
    SECTIONS,
    SETS,
    all_keys,
    all_of,
    find_key,
    section_types,
    type_of,
)
from genctl.config.sections import Config
from genctl.config.values import Typed, build, value_of
from genctl.errors import ExitStatus, GenctlError, Suggestion, opt, unknown
from genctl.registry import DATA_KINDS, DataKind, Spec, choose_kind


def resolve(
    spec: Spec,
    *,
    preset: str | None = None,
    default_preset: str = "",
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    sets: Iterable[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Merge the layers and validate the result.

    Args:
        preset: a name in ``spec.presets``; the file's, or ``default_preset``, when None.
        default_preset: the family's first when empty.
        file: TOML or JSON, nested by section or with dotted keys.
        environ: variables to read ``GENCTL_SECTION_KEY`` from; the process's own when None.
        sets: ``key=value`` texts; a value is TOML, or plain text if it does not parse or its key
            takes text.
        flags: dotted or short key -> value, `Typed` where it is such a text; None values are
            absent.

    Raises:
        GenctlError: an unknown key, preset or file, or a value that does not fit, with its origin.
    """
    from_file = dict(_read_file(spec, file)) if file else {}
    of_file = from_file.pop("preset", None)
    origin = str(file) if of_file and not preset else ""
    preset = preset or of_file or default_preset or spec.default_preset
    if preset not in spec.presets:
        raise unknown(
            "preset",
            preset,
            spec.presets,
            origin=origin,
            option="preset",
            suggest=all_of(spec),
        )
    written = [(key, value, f"preset {preset}") for key, value in spec.presets[preset].items()]
    written += [(key, value, str(file)) for key, value in from_file.items()]
    variables = list(settings_from(spec, os.environ if environ is None else environ))
    later = [(key, value, SETS) for key, value in _assigned(sets)]
    later += [(key, value, OPTIONS) for key, value in (flags or {}).items() if value is not None]
    kind = _kind_of(spec, [*written, *variables, *later])
    known = set(all_keys(spec, kind))
    layers = _Layers(spec, kind)
    for key, value, origin in [*written, *(v for v in variables if v[0] in known), *later]:
        layers.put(key, value, origin)
    _derive(spec, layers)
    return _validated(spec, preset, layers)


def _assigned(sets: Iterable[str]) -> Iterator[tuple[str, Typed]]:
    """The keys and values of ``key=value`` texts."""
    for assignment in sets:
        key, separator, text = assignment.partition("=")
        if not separator:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt('sets', assignment)} is not KEY=VALUE",
                option="sets",
                suggest="lr=2e-4",
            )
        yield key.strip(), Typed(text.strip())


def _kind_of(spec: Spec, written: Sequence[tuple[str, Any, str]]) -> DataKind:
    """The kind of data, which decides what the keys of the section ``data`` are."""
    named, kind = {}, DATA_KINDS.get(spec.data)
    for key, value, _ in written:
        with contextlib.suppress(GenctlError):  # a key of another kind of data, or a wrong one
            dotted = find_key(spec, kind, key)
            named[dotted] = _read(spec, kind, dotted, value)
    source = named.get("data.source")
    return choose_kind(spec, None if source is None else str(source), named)


def from_json(spec: Spec, data: Mapping[str, Any]) -> Config:
    """The `Config` from the output of `Config.to_json`.

    Raises:
        GenctlError: the values do not fit this version of the family.
    """
    section = data.get("data")
    kind = section.get("kind") if isinstance(section, Mapping) else None
    layers = _Layers(spec, DATA_KINDS.get(str(kind or spec.data)))
    for key, value in _flat(data):
        if key not in ("family", "preset"):
            layers.put(key, value, "the run")
    return _validated(spec, str(data["preset"]), layers)


def _read(spec: Spec, kind: DataKind, key: str, value: Any) -> Any:
    """A `Typed` text as a value of its key; other values stay."""
    return value_of(value, type_of(spec, kind, key)) if isinstance(value, Typed) else value


@dataclass
class _Layers:
    """Values and origins by dotted key, filled layer by layer."""

    spec: Spec
    kind: DataKind
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, value: Any, origin: str) -> None:
        """Set a value; skip a preset's value where this kind of data lacks the key."""
        if origin.startswith("preset "):
            key = self._of_preset(key)
            if key.startswith("data.") and key not in all_keys(self.spec, self.kind):
                return
        dotted = find_key(self.spec, self.kind, key, origin)
        found = _read(self.spec, self.kind, dotted, value)
        self.values[dotted] = current_value(dotted, found)
        self.origins[dotted] = origin

    def _of_preset(self, key: str) -> str:
        """The dotted key; presets are written for the family's default kind of data."""
        with contextlib.suppress(GenctlError):
            return find_key(self.spec, DATA_KINDS.get(self.spec.data), key)
        return key


def _read_file(spec: Spec, path: Path) -> Iterator[tuple[str, Any]]:
    try:
        text = documents.text(path.read_bytes())
    except FileNotFoundError:
        raise GenctlError(ExitStatus.USAGE, f"no config file at {path}", option="config") from None
    except (OSError, ValueError) as error:
        raise GenctlError(
            ExitStatus.USAGE, f"cannot read {path}: {error}", option="config"
        ) from None
    try:
        data = documents.parse(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise GenctlError(
            ExitStatus.USAGE, f"{path} does not parse: {error}", option="config"
        ) from None
    if not isinstance(data, dict):
        raise GenctlError(ExitStatus.USAGE, f"{path} is not a table of sections", option="config")
    family = data.pop("family", spec.name)
    if family != spec.name:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{path} is a configuration of {family!r}, not of {spec.name!r}",
            option="config",
            suggest=Suggestion("train", {"config": str(path)}, args=(family,)),
        )
    if not isinstance(data.get("preset", ""), str):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{path}: preset = {data['preset']!r} is not a name",
            hint=f'preset = "{spec.default_preset}"',
        )
    for section, value in data.items():
        if isinstance(value, Mapping) and section not in SECTIONS:
            raise unknown("section", section, SECTIONS, origin=str(path))
    return _flat(data)


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, Mapping) and not prefix and key in SECTIONS:
            yield from _flat(value, f"{key}.")
        else:
            yield f"{prefix}{key}", value


def _derive(spec: Spec, layers: _Layers) -> None:
    """Let the family derive values that the user did not choose from other values."""
    if "derive" not in spec.targets:
        return
    for key, (value, origin) in spec.load("derive")(layers.values).items():
        if layers.origins.get(key, "default").startswith(("default", "preset ")):
            layers.put(key, value, origin)


def _validated(spec: Spec, preset: str, layers: _Layers) -> Config:
    sections = {
        section: build(
            cls,
            {
                k.partition(".")[2]: v
                for k, v in layers.values.items()
                if k.startswith(f"{section}.") and k != KIND
            },
            layers.origins,
            f"{section}.",
        )
        for section, cls in section_types(spec, layers.kind).items()
    }
    parents = {
        key.partition(".")[2]: str(value)
        for key, value in layers.values.items()
        if key.startswith("parents.") and value
    }
    seed = layers.values.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('seed', seed)} is not a whole number from 0 up",
            option="seed",
            suggest=0,
        )
    origins = {key: layers.origins.get(key, "default") for key in all_keys(spec, layers.kind)}
    return Config(
        spec.name,
        preset,
        kind=layers.kind.name,
        parents=parents,
        seed=seed,
        origins=origins,
        **sections,
    )
