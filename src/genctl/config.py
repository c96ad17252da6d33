"""One typed configuration out of defaults, presets, files, environment and flags.

Later wins: default < preset < file < ``GENCTL_*`` < ``--set`` < flag; every value remembers its
origin. Sections are ``model`` (the family's own dataclass), ``data``, ``train``, ``sample`` (how
the run is sampled unless a request says otherwise) and ``parents``; ``seed`` stands alone. A key
is dotted (``train.lr``) or a unique leaf (``lr``).
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from annotated_types import Ge, Gt, Le, Lt

from genctl import documents
from genctl.errors import ExitStatus, GenctlError, nearest, unknown
from genctl.registry import Spec

ENV_PREFIX = "GENCTL_"
SECTIONS = ("model", "data", "train", "sample", "parents")


def option(default: Any, help: str) -> Any:
    """A dataclass field with the text that ``--help`` shows for it."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class ImageData:
    """Where images come from and how they are read."""

    source: str = option("digits", "built-in name, folder, or file")
    size: str = option("", "resize to this: 64 or HEIGHTxWIDTH; empty keeps the native size")
    flip: bool = option(False, "mirror half of the images left to right")


@dataclass(frozen=True)
class TextData:
    """Where text comes from and how it becomes tokens."""

    source: str = option("pydoc", "pydoc (built in), a text, .jsonl, .gz or .xz, a folder")
    tokenizer: str = option("auto", "auto, char, byte, bpe, or the path of a tokenizer.json")
    vocab_size: Annotated[int, Ge(257)] = option(512, "tokens of a bpe that is trained here")
    context: Annotated[int, Ge(2)] = option(256, "tokens in a window: what the model can see")


DataConfig = ImageData | TextData


@dataclass(frozen=True)
class TrainConfig:
    """How training runs, for every family."""

    budget: str = option("1000steps", "20steps, 250k examples, 10Mtokens, 3epochs, 110s, 5m, 2h")
    batch_size: Annotated[int, Ge(1)] = option(64, "examples in one optimizer step")
    micro_batch: Annotated[int, Ge(0)] = option(0, "examples at a time (less memory); 0: all")
    optimizer: Literal["adam", "adamw", "sgd", "muon"] = option(
        "adamw", "optimizer; muon moves hidden matrices by Muon and the rest by AdamW"
    )
    lr: Annotated[float, Gt(0)] = option(1e-3, "learning rate at its highest")
    adamw_lr: Annotated[float, Gt(0)] = option(3e-3, "with muon, the rate of what AdamW moves")
    beta1: Annotated[float, Ge(0), Le(1)] = option(0.9, "decay of the first moment, or momentum")
    beta2: Annotated[float, Ge(0), Le(1)] = option(0.999, "decay of the second moment")
    weight_decay: Annotated[float, Ge(0)] = option(0.0, "weight decay of matrices and kernels")
    decay_falls: bool = option(False, "let weight decay fall to zero over the run")
    warmup: Annotated[float, Ge(0), Le(1)] = option(0.0, "share of the run in which lr rises")
    decay: Annotated[float, Ge(0), Le(1)] = option(0.5, "share of the run in which lr falls, last")
    final_lr: Annotated[float, Ge(0), Le(1)] = option(0.0, "lr at the end, as a share of lr")
    clip: Annotated[float, Ge(0)] = option(0.0, "largest gradient norm; 0: no clipping")
    ema_halflife: Annotated[float, Ge(0)] = option(20_000, "half-life of the average, in examples")
    amp: Literal["auto", "off", "bf16", "fp16"] = option("auto", "mixed precision")
    compile: bool = option(False, "compile the networks' blocks: slower to start, then faster")
    recompute: bool = option(False, "run blocks again for gradients: less memory, more time")
    deterministic: bool = option(False, "on a GPU the same bits every time, perhaps slower")
    shard: bool = option(
        False, "several processes share weights, averages and moments out: less memory each"
    )
    checkpoint_seconds: Annotated[float, Gt(0)] = option(45, "a checkpoint at least this often")
    keep_last: Annotated[int, Ge(1)] = option(3, "how many of the newest checkpoints to keep")
    evaluations: Annotated[int, Ge(0)] = option(10, "how often the run is scored, to find the best")


@dataclass(frozen=True)
class Config:
    """The whole configuration of a run, and the origin of each value.

    Attributes:
        family: the registered name of the family.
        preset: the preset that the values started from.
        model: an instance of the family's own config dataclass.
        sample: an instance of the family's own request: what samples are made with where the
            person who asks for them says nothing else.
        parents: role -> path of the trained run that plays it.
        origins: dotted key -> ``default``, ``preset NAME``, a file, a variable, ``--set``, a flag.
    """

    family: str
    preset: str
    model: Any
    data: DataConfig
    train: TrainConfig
    sample: Any
    parents: Mapping[str, str]
    seed: int
    origins: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The values as nested plain data, without their origins: what makes two runs the same."""
        return {
            "family": self.family,
            "preset": self.preset,
            "model": dataclasses.asdict(self.model),
            "data": dataclasses.asdict(self.data),
            "train": dataclasses.asdict(self.train),
            "sample": dataclasses.asdict(self.sample),
            "parents": dict(self.parents),
            "seed": self.seed,
        }


@dataclass(frozen=True)
class OptionInfo:
    """One key of a configuration, as ``--help`` shows it."""

    key: str
    type: str
    default: Any
    help: str

    @property
    def leaf(self) -> str:
        return self.key.rpartition(".")[2]


@dataclass
class _Layers:
    """Values and origins by dotted key, filled layer by layer."""

    spec: Spec
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, value: Any, origin: str) -> None:
        dotted = find_key(self.spec, key)
        self.values[dotted] = value
        self.origins[dotted] = origin


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
    """Put the layers on top of each other and validate the outcome.

    Args:
        preset: a name in ``spec.presets``; the file's, or ``default_preset``, when None.
        default_preset: the family's first when empty.
        file: TOML or JSON, nested by section or with dotted keys.
        environ: variables to read ``GENCTL_SECTION_KEY`` from; the process's own when None.
        sets: ``key=value`` texts; values are TOML, or plain text where that is no TOML.
        flags: dotted or short key -> value; None values are absent.

    Raises:
        GenctlError: an unknown key, preset or file, or a value that does not fit, with its origin.
    """
    layers = _Layers(spec)
    from_file = dict(_read_file(spec, file)) if file else {}
    of_file = from_file.pop("preset", None)
    preset = preset or of_file or default_preset or spec.default_preset
    if preset not in spec.presets:
        raise unknown("preset", preset, spec.presets, hint=f"genctl train {spec.name} --help")
    for key, value in spec.presets[preset].items():
        layers.put(key, value, f"preset {preset}")
    for key, value in from_file.items():
        layers.put(key, value, str(file))
    for key, text in _from_environment(spec, os.environ if environ is None else environ):
        layers.put(key, parse_value(text), f"{ENV_PREFIX}{key.replace('.', '_').upper()}")
    for assignment in sets:
        key, separator, text = assignment.partition("=")
        if not separator:
            raise GenctlError(
                ExitStatus.USAGE, f"--set {assignment!r} is not KEY=VALUE", hint="--set lr=2e-4"
            )
        layers.put(key.strip(), parse_value(text.strip()), "--set")
    for key, value in (flags or {}).items():
        if value is not None:
            layers.put(key, value, f"--{key.rpartition('.')[2].replace('_', '-')}")
    _derive(spec, layers)
    return _validated(spec, preset, layers)


def from_json(spec: Spec, data: Mapping[str, Any]) -> Config:
    """The `Config` that `Config.to_json` wrote.

    Raises:
        GenctlError: the values do not fit this version of the family.
    """
    layers = _Layers(spec)
    for key, value in _flat(data):
        if key not in ("family", "preset"):
            layers.put(key, value, "the run")
    return _validated(spec, str(data["preset"]), layers)


def options(spec: Spec) -> list[OptionInfo]:
    """Every key of the family's configuration with type, default (of its first preset) and help."""
    preset = {find_key(spec, k): v for k, v in spec.presets[spec.default_preset].items()}
    found = [
        OptionInfo(
            f"{section}.{f.name}",
            _type_text(typing.get_type_hints(cls, include_extras=True)[f.name]),
            preset.get(f"{section}.{f.name}", f.default),
            f.metadata.get("help", ""),
        )
        for section, cls in _section_types(spec).items()
        for f in dataclasses.fields(cls)
    ]
    found += [OptionInfo(f"parents.{role}", "RUN", "", text) for role, text in spec.parents.items()]
    return [*found, OptionInfo("seed", "int", preset.get("seed", 0), "seed of all randomness")]


def find_key(spec: Spec, key: str) -> str:
    """The dotted key that ``key`` (dotted, or a unique leaf; ``-`` is ``_``) stands for.

    Raises:
        GenctlError: no such key, or a leaf that several sections have.
    """
    key = key.replace("-", "_")
    known = list(_keys(spec))
    if key in known:
        return key
    matches = [dotted for dotted in known if dotted.rpartition(".")[2] == key]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise GenctlError(ExitStatus.USAGE, f"the key {key!r} is ambiguous: {' or '.join(matches)}")
    names = known if "." in key else [*known, *(dotted.rpartition(".")[2] for dotted in known)]
    raise unknown("key", key, set(names), hint=f"genctl train {spec.name} --help")


def parse_value(text: str) -> Any:
    """``text`` as a TOML value, or as itself where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text


def request_from(spec: Spec, texts: Mapping[str, str], start: Any = None) -> Any:
    """The family's sampling request from option texts such as ``{"steps": "18"}``.

    Args:
        start: what the options that are not named are taken from, such as `Config.sample`; their
            defaults when None.

    Raises:
        GenctlError: an unknown option (with the nearest one) or a value that does not fit.
    """
    hints = typing.get_type_hints(spec.request, include_extras=True)
    names = {f.name for f in dataclasses.fields(spec.request)}
    values: dict[str, Any] = {}
    for name, text in texts.items():
        name = name.replace("-", "_")
        if name not in names:
            shown = [f"--{n.replace('_', '-')}" for n in names]
            raise unknown(
                "option", f"--{name.replace('_', '-')}", shown, hint="genctl sample RUN --help"
            )
        values[name] = parse_value(text)
        if str in typing.get_args(hints[name]) and not isinstance(values[name], str | list):
            values[name] = text  # where text is wanted, a number is text
    flags = {name: f"--{name.replace('_', '-')}" for name in values}
    return _build(spec.request, values, flags, "", start)


def request_options(spec: Spec, start: Any = None) -> list[OptionInfo]:
    """The family's sampling options with type, default and help.

    Args:
        start: what the defaults are taken from, as in `request_from`; those of the family's first
            preset when None.
    """
    infos = [info for info in options(spec) if info.key.startswith("sample.")]
    return [
        OptionInfo(i.leaf, i.type, i.default if start is None else getattr(start, i.leaf), i.help)
        for i in infos
    ]


def _section_types(spec: Spec) -> dict[str, type]:
    return {
        "model": spec.config,
        "data": spec.data or ImageData,
        "train": TrainConfig,
        "sample": spec.request,
    }


def _keys(spec: Spec) -> Iterator[str]:
    for section, cls in _section_types(spec).items():
        yield from (f"{section}.{f.name}" for f in dataclasses.fields(cls))
    yield from (f"parents.{role}" for role in spec.parents)
    yield "seed"


def _read_file(spec: Spec, path: Path) -> Iterator[tuple[str, Any]]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise GenctlError(ExitStatus.USAGE, f"no config file at {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise GenctlError(ExitStatus.USAGE, f"cannot read {path}: {error}") from None
    try:
        data = documents.parse(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise GenctlError(ExitStatus.USAGE, f"{path} does not parse: {error}") from None
    if not isinstance(data, dict):
        raise GenctlError(ExitStatus.USAGE, f"{path} is not a table of sections")
    family = data.pop("family", spec.name)
    if family != spec.name:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{path} is a configuration of {family!r}, not of {spec.name!r}",
            hint=f"genctl train {family} --config {path}",
        )
    if not isinstance(data.get("preset", ""), str):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{path}: preset = {data['preset']!r} is not a name",
            hint=f'preset = "{spec.default_preset}"',
        )
    return _flat(data)


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, Mapping) and not prefix and key in SECTIONS:
            yield from _flat(value, f"{key}.")
        else:
            yield f"{prefix}{key}", value


def _from_environment(spec: Spec, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """``GENCTL_TRAIN_LR=1e-4`` -> ``train.lr``; other ``GENCTL_`` names belong to other readers."""
    for name, text in sorted(environ.items()):
        section, _, leaf = name.removeprefix(ENV_PREFIX).lower().partition("_")
        if not name.startswith(ENV_PREFIX):
            continue
        if section in SECTIONS and leaf:
            key = f"{section}.{leaf}"
            # These sections are each family's own, so a variable for another one is no mistake.
            if section == "train" or key in _keys(spec):
                yield find_key(spec, key), text
        elif name == f"{ENV_PREFIX}SEED":
            yield "seed", text


def _derive(spec: Spec, layers: _Layers) -> None:
    """Let the family fill in what follows from other values, where nobody chose it."""
    if "derive" not in spec.targets:
        return
    for key, (value, origin) in spec.load("derive")(layers.values).items():
        if layers.origins.get(key, "default").startswith(("default", "preset ")):
            layers.put(key, value, origin)


def _validated(spec: Spec, preset: str, layers: _Layers) -> Config:
    sections = {
        section: _build(
            cls,
            {k.partition(".")[2]: v for k, v in layers.values.items() if k.startswith(section)},
            layers.origins,
            f"{section}.",
        )
        for section, cls in _section_types(spec).items()
    }
    parents = {
        key.partition(".")[2]: str(value)
        for key, value in layers.values.items()
        if key.startswith("parents.") and value
    }
    seed = layers.values.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise GenctlError(ExitStatus.USAGE, f"seed = {seed!r} is not a whole number from 0 up")
    origins = {key: layers.origins.get(key, "default") for key in _keys(spec)}
    return Config(spec.name, preset, parents=parents, seed=seed, origins=origins, **sections)


def _build(
    cls: type,
    values: Mapping[str, Any],
    origins: Mapping[str, str],
    prefix: str,
    start: Any = None,
) -> Any:
    """Validate ``values`` into the dataclass ``cls``; the first misfit is the user's one line."""
    from pydantic import TypeAdapter, ValidationError

    hints = typing.get_type_hints(cls, include_extras=True)
    clean = {}
    for name, value in values.items():
        if hints[name] is str and not isinstance(value, str):
            value = str(value)
        try:
            clean[name] = TypeAdapter(hints[name]).validate_python(value)
        except ValidationError as error:
            choices = _choices(hints[name])
            close = nearest(str(value), choices, n=1)
            reason = error.errors()[0]["msg"]
            if close:
                reason = f"did you mean {close[0]!r}? choices are {', '.join(choices)}"
            example = close[0] if close else _example(cls, name)
            key = f"{prefix}{name}"
            origin = origins.get(key) or origins.get(name, "")
            raise GenctlError(
                ExitStatus.USAGE,
                f"{key} = {value!r} (from {origin}): {reason[0].lower()}{reason[1:]}",
                hint=f"--set {name}={example}" if prefix else "",
            ) from None
    return cls(**clean) if start is None else dataclasses.replace(start, **clean)


def _choices(hint: Any) -> tuple[str, ...]:
    """The texts that a type allows, where it allows only some."""
    return typing.get_args(hint) if typing.get_origin(hint) is Literal else ()


def _example(cls: type, name: str) -> Any:
    default = next(f.default for f in dataclasses.fields(cls) if f.name == name)
    return str(default).lower() if isinstance(default, bool) else default


def _type_text(hint: Any) -> str:
    """A short reading of a type hint: ``int >= 1``, ``adam|adamw``."""
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
