"""How settings are shown: all settings of a training with their origins, or one explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genctl import runs
from genctl.cli.context import Context
from genctl.cli.views.tables import table
from genctl.errors import GenctlError
from genctl.registry import DATA_KINDS, Spec

if TYPE_CHECKING:
    from genctl.config import OptionInfo


def show_settings(
    call: Context,
    spec: Spec,
    *,
    preset: str | None = None,
    file: Path | None = None,
    sets: Sequence[str] = (),
    only: str | None = None,
) -> None:
    """Show every setting that ``genctl train`` would use, with its origin.

    Args:
        only: the one key (dotted, or a leaf) to show as text.

    Raises:
        GenctlError: an unknown key or preset, or a value that does not fit.
    """
    from genctl.config import resolve
    from genctl.config.keys import find_key

    found = resolve(spec, preset=preset, file=file, sets=sets)
    document = {"config": found.to_json(), "origins": dict(found.origins)}
    rows = runs.settings(document)
    if only is not None:
        wanted = find_key(spec, DATA_KINDS.get(found.kind), only)
        rows = [row for row in rows if row[0] == wanted]
    call.output.result(
        document,
        table(rows, ("KEY", "VALUE", "FROM")),
        bare="\n".join(f"{key}={value}" for key, value, _ in rows),
    )


def settings_called(name: str, specs: Sequence[Spec]) -> dict[str, dict[str, OptionInfo]]:
    """Dotted key -> family -> the option, for every key that ``name`` (dotted or a leaf) means."""
    from genctl.config import options
    from genctl.config.keys import find_key

    found: dict[str, dict[str, OptionInfo]] = {}
    for spec in specs:
        keys = [info for info in options(spec) if info.leaf == name.replace("-", "_")]
        if not keys:
            try:
                wanted = find_key(spec, DATA_KINDS.get(spec.data), name)
            except GenctlError:
                continue
            keys = [info for info in options(spec) if info.key == wanted]
        for info in keys:
            found.setdefault(info.key, {})[spec.name] = info
    return found


def show_setting(
    call: Context,
    found: Mapping[str, Mapping[str, OptionInfo]],
    flags: Callable[[str], Mapping[str, str]],
) -> None:
    """Explain the settings that `settings_called` found.

    Args:
        flags: family -> the options of ``genctl train``: key -> option.
    """
    call.output.result(
        {"settings": [_facts(key, families) for key, families in found.items()]},
        "\n\n".join(_describe(key, families, flags) for key, families in found.items()),
        bare="\n".join(found),
    )


def _facts(key: str, families: Mapping[str, OptionInfo]) -> dict[str, Any]:
    first = next(iter(families.values()))
    defaults = {name: info.default for name, info in families.items()}
    return {"key": key, "help": first.help, "type": first.type, "defaults": defaults}


def _describe(
    key: str,
    families: Mapping[str, OptionInfo],
    flags: Callable[[str], Mapping[str, str]],
) -> str:
    family, first = next(iter(families.items()))
    defaults = [f"{name} {_shown(info.default)}" for name, info in families.items()]
    rows = [
        ("type", first.type),
        ("default", ", ".join(defaults)),
        ("option", f"genctl train {family} {_typed(flags(family)[key], first)}"),
        ("other ways", f"--set {key}=VALUE, {_variable(key)}, a file for --config"),
    ]
    if key.startswith("sample."):
        flag = f"--{first.leaf}".replace("_", "-")
        rows.insert(2, ("sampling", f"genctl sample RUN {_typed(flag, first)}"))
    return f"{key}: {first.help}\n{table(rows)}"


def _typed(flag: str, info: OptionInfo) -> str:
    """An option with the placeholder of its value."""
    if isinstance(info.default, bool):
        return f"{flag} or --no-{flag.removeprefix('--')}"
    return f"{flag} VALUE"


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if default in (None, ""):
        return "(empty)"
    return f"{default:g}" if isinstance(default, float) else str(default)


def _variable(key: str) -> str:
    return f"GENCTL_{key.replace('.', '_').upper()}"
