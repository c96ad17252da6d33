"""One typed configuration from defaults, presets, files, environment variables and flags.

Later wins: default < preset < file < ``GENCTL_*`` < ``sets`` < ``options``; every value remembers
its origin. Sections are ``model`` (the family's own dataclass), ``data``, ``train``, ``sample``
(options of sampling, which a request can override) and ``parents``; ``seed`` has no section. A
key is dotted (``train.lr``) or a unique leaf (``lr``).
"""

from __future__ import annotations

from genctl.config.keys import ARGUMENTS, OptionInfo, options, request_options
from genctl.config.layers import from_json, resolve
from genctl.config.sections import (
    Config,
    TrainConfig,
    option,
)
from genctl.config.values import Typed, parse_value, request_from

__all__ = [
    "ARGUMENTS",
    "Config",
    "OptionInfo",
    "TrainConfig",
    "Typed",
    "from_json",
    "option",
    "options",
    "parse_value",
    "request_from",
    "request_options",
    "resolve",
]
