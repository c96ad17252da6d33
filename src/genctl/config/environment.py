"""Settings from ``GENCTL_*`` variables, and warnings about unknown variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from genctl.config.aliases import current_key
from genctl.config.keys import SECTIONS, all_keys
from genctl.config.values import Typed
from genctl.config.variables import VARIABLES
from genctl.errors import nearest, unknown
from genctl.registry import DATA_KINDS, FAMILIES, Spec

PREFIX = "GENCTL_"
_OTHERS = {name for name in VARIABLES if not name.endswith("_KEY")}
"""Variables that are no settings of a section."""

_ORCHESTRATOR = re.compile(r"PORT(_.*)?|SERVICE_.*")
"""Variables that Kubernetes sets for containers if a service is named genctl."""


def settings_from(spec: Spec, environ: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    """``GENCTL_TRAIN_LR=1e-4`` as (``train.lr``, `Typed` ``1e-4``, the variable).

    Variables for keys that only other families have are skipped. Those for other kinds of data
    are not, because the variables also choose the kind.

    Raises:
        GenctlError: (USAGE) a variable names a key that no family has.
    """
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX):
            continue
        section, _, leaf = name.removeprefix(PREFIX).lower().partition("_")
        if section in SECTIONS and leaf:
            key = current_key(f"{section}.{leaf}")
            if key in _keys(spec):
                yield key, Typed(text), name
            elif not any(key in _keys(other) for other in FAMILIES.all()):
                raise unknown("key", key, _keys(spec), origin=name)
        elif name == f"{PREFIX}SEED":
            yield "seed", Typed(text), name


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each ``GENCTL_`` variable that genctl never reads, with the nearest name."""
    found = []
    for name in sorted(environ):
        rest = name.removeprefix(PREFIX)
        section, _, leaf = rest.lower().partition("_")
        if rest == name or name in _OTHERS or (section in SECTIONS and leaf):
            continue
        if not _ORCHESTRATOR.fullmatch(rest):
            close = nearest(name, _OTHERS, n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            found.append(f"the variable {name} is unknown to genctl{meant}")
    return found


def _keys(spec: Spec) -> set[str]:
    """Every key of a family, on all kinds of data."""
    return {key for kind in DATA_KINDS.all() for key in all_keys(spec, kind)}
