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
)
from genctl.config.sections import Config
from genctl.config.values import build, parse_value
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
        sets: ``key=value`` texts; a value is TOML, or plain text if it does not parse.
        flags: dotted or short key -> value; None values are absent.

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
    written += list(settings_from(spec, os.environ if environ is None else environ))
    for assignment in sets:
        key, separator, text = assignment.partition("=")
        if not separator:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt('sets', assignment)} is not KEY=VALUE",
                option="sets",
                suggest="lr=2e-4",
            )
        written.append((key.strip(), parse_value(text.strip()), SETS))
    written += [(key, value, OPTIONS) for key, value in (flags or {}).items() if value is not None]
    layers = _Layers(spec, _kind_of(spec, written))
    for key, value, origin in written:
        layers.put(key, value, origin)
    _derive(spec, layers)
    return _validated(spec, preset, layers)


def _kind_of(spec: Spec, written: Sequence[tuple[str, Any, str]]) -> DataKind:
    """The kind of data, which decides what the keys of the section ``data`` are."""
    named = {}
    for key, value, _ in written:
        with contextlib.suppress(GenctlError):  # a key of another kind of data, or a wrong one
            named[find_key(spec, DATA_KINDS.get(spec.data), key)] = value
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


@dataclass
class _Layers:
    """Values and origins by dotted key, filled layer by layer."""

    spec: Spec
    kind: DataKind
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, value: Any, origin: str) -> None:
        """Set a value; skip a preset's value where this kind of data lacks the key."""
        if origin.startswith("preset ") and not self._is_known(key):
            return
        dotted = find_key(self.spec, self.kind, key, origin)
        self.values[dotted] = current_value(dotted, value)
        self.origins[dotted] = origin

    def _is_known(self, key: str) -> bool:
        """Presets are written for the family's default kind of data; other kinds lack some keys."""
        return not key.startswith("data.") or key in all_keys(self.spec, self.kind)


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
