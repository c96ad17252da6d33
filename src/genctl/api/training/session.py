"""A training session: everything that a training needs, looked up and built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genctl import config as configuration
from genctl import registry
from genctl.api.models.loading import build_objective
from genctl.api.training.parents import given_parents, kept_parents
from genctl.api.training.request import TrainRequest
from genctl.api.training.settings import agree_on_settings, on_this_device
from genctl.config import ARGUMENTS, Config, Typed
from genctl.config.keys import KIND
from genctl.contracts import Dataset, DataSpec, Objective, Parents
from genctl.data.findings import left_out
from genctl.data.prepare import Prepared, prepare
from genctl.engine.devices import resolve_device
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.training.budget import Budget, parse_budget, times_in
from genctl.engine.training.callbacks import Callbacks
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.trainer import Trainer
from genctl.errors import ExitStatus, GenctlError, Suggestion, escaped, opt
from genctl.output import Output
from genctl.outputs.callbacks import make_callbacks
from genctl.registry import DATA_KINDS, OPTIONAL, Claim, Spec, kind_of, kinds_for
from genctl.runs import Run


@dataclass(frozen=True)
class Session:
    """Everything a training needs, looked up and built, before anything is written.

    Attributes:
        callbacks: the previews and scores.
        run: the run to resume, or None for a new one.
        world: the processes that train together.
    """

    spec: Spec
    config: Config
    dataset: Dataset
    callbacks: Callbacks
    parents: Parents
    objective: Objective
    settings: RunSettings
    trainer: Trainer
    budget: Budget
    run: Run | None
    world: ProcessGroup

    @property
    def parameters(self) -> dict[str, int]:
        """Module -> how many parameters it has."""
        return {
            role: sum(parameter.numel() for parameter in module.parameters())
            for role, module in self.objective.modules.items()
        }


def open_session(
    request: TrainRequest, output: Output, world: ProcessGroup | None = None
) -> Session:
    """Look up and build everything, without writing anything.

    Args:
        world: the processes that train together; only this process when None.

    Raises:
        GenctlError: the input is invalid.
    """
    world = world or ProcessGroup()
    spec, config = world.run_on_all_ranks(lambda: _configured(request))
    if request.download:
        world.run_on_all_ranks(lambda: _download(config, output) if world.is_main else None)
    dataset = _read_data(config, output, world)
    world.run_on_all_ranks(lambda: _check_features(spec, config, dataset.spec))
    if spec.large_preset:
        before = config
        spec, config = world.run_on_all_ranks(lambda: _configured(request, dataset.spec))
        if (config.kind, config.data) != (before.kind, before.data):
            dataset = _read_data(config, output, world)
    run, settings = agree_on_settings(request, config, dataset.spec, output, world)

    def built() -> Session:
        parents = kept_parents(run, config) if run else given_parents(config)
        objective = build_objective(spec, config, dataset.spec, parents)
        trainer = Trainer(objective, dataset, on_this_device(settings, world), world, output.warn)
        budget = _budget(config, dataset.spec, trainer)
        callbacks = make_callbacks(spec, config, dataset, parents, trainer.device)
        _check_monitor(request, objective, callbacks)
        return Session(
            spec,
            config,
            dataset,
            callbacks,
            parents,
            objective,
            settings,
            trainer,
            budget,
            run,
            world,
        )

    return world.run_on_all_ranks(built)


def _check_monitor(request: TrainRequest, objective: Objective, callbacks: Callbacks) -> None:
    """Refuse ``eval_every`` if nothing is scored in training."""
    if request.eval_every is None:
        return
    if callbacks.evaluate is None or not (callbacks.monitor or objective.monitor):
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('eval_every', request.eval_every)}: {request.family} is not scored in training",
            hint=f"leave {opt('eval_every')} out",
            option="eval_every",
        )


def _read_data(config: Config, output: Output, world: ProcessGroup) -> Dataset:
    """The data set; says which splits it has, and warns of the files that were left out."""
    prepared = world.rank0_first(lambda: _prepared(config))
    for note in prepared.notes:
        output.say(escaped(note))
    data = prepared.dataset.spec
    read = data.examples if data.units_per_example == 1 else None  # a text has many windows
    gone = left_out(prepared.left_out, prepared.skipped, read)
    for doubt in (*([gone] if gone else []), *prepared.doubts):
        output.warn(doubt)
    return prepared.dataset


def _prepared(config: Config) -> Prepared:
    """The data set; if only another kind claims it, the error names the families that take it.

    Raises:
        GenctlError: as `prepare`.
    """
    try:
        return prepare(config)
    except GenctlError as error:
        held, wanted = kind_of(config.data.source), DATA_KINDS.get(config.kind)
        asked_for = config.origins[KIND] != "default"
        if held is None or asked_for or wanted.claims(config.data.source) is not Claim.NO:
            raise
        others = [spec.name for spec in registry.specs() if held in kinds_for(spec, {})]
        raise GenctlError(
            error.code,
            f"{config.data.source} holds {held.name}, and {config.family} learns from "
            f"{wanted.name}",
            hint=f"name {wanted.accepts}" if wanted.accepts else "",
            option="data.source",
            suggest=tuple(
                Suggestion("train", {"data": config.data.source}, args=(name,)) for name in others
            ),
        ) from None


def _download(config: Config, output: Output) -> None:
    """Download the data set of this name.

    Raises:
        GenctlError: (USAGE) nothing of this kind can be downloaded; others as the kind's
            ``download``.
    """
    kind = DATA_KINDS.get(config.kind)
    if "download" not in kind.targets:
        raise GenctlError(
            ExitStatus.USAGE,
            f"no {kind.name} can be downloaded",
            hint=f"leave {opt('download')} out",
            option="download",
        )
    kind.load("download")(config.data.source, output.say)


def _configured(request: TrainRequest, data: DataSpec | None = None) -> tuple[Spec, Config]:
    """The family and its configuration, with the default preset for ``data`` if it is given."""
    spec = registry.get(request.family)
    preset = _default_preset(spec, request, data)
    config = _resolved(spec, request, preset, {})
    if request.eval_every is not None:
        times = times_in(config.train.budget, request.eval_every, DATA_KINDS.get(config.kind).words)
        config = _resolved(spec, request, preset, {"train.evaluations": times})
    return spec, config


def _resolved(spec: Spec, request: TrainRequest, preset: str, more: Mapping[str, Any]) -> Config:
    """The configuration from all layers, with ``more`` on top."""
    return configuration.resolve(
        spec,
        preset=request.preset,
        default_preset=preset,
        file=None if request.config is None else Path(request.config),
        sets=request.sets,
        flags={
            **{key: _given(getattr(request, name)) for key, name in ARGUMENTS.items()},
            **{
                key: Typed(value) if isinstance(value, str) else value
                for key, value in request.options.items()
            },
            **more,
        },
    )


def _given(argument: object) -> object:
    """An argument as the value of its key."""
    return str(argument) if isinstance(argument, Path) else argument


def _default_preset(spec: Spec, request: TrainRequest, data: DataSpec | None) -> str:
    """The family's preset for large data, for GPUs, or its default one."""
    if spec.large_preset and data is not None and _is_large(data):
        return spec.large_preset
    if spec.gpu_preset and resolve_device(request.device).type == "cuda":
        return spec.gpu_preset
    return spec.default_preset


def _is_large(data: DataSpec) -> bool:
    """Whether the kind of the data calls them large."""
    kind = DATA_KINDS.get(data.kind)
    return "large" in kind.targets and bool(kind.load("large")(data))


def _check_features(spec: Spec, config: Config, data: DataSpec) -> None:
    """Refuse data without a feature that the family reads.

    Raises:
        GenctlError: (DATA) a feature is missing or of another kind.
    """
    values = {f"model.{key}": value for key, value in vars(config.model).items()}
    for key, kind in spec.reads_with(values).items():
        found = data.features.get(key)
        wanted = kind.removesuffix(OPTIONAL)
        if (found is None and wanted == kind) or (found is not None and found.kind != wanted):
            has = ", ".join(f"{k} ({f.kind})" for k, f in data.features.items())
            raise GenctlError(
                ExitStatus.DATA,
                f"{spec.name} reads {key} ({wanted}), and {data.name} has {has}",
            )


def _budget(config: Config, data: DataSpec, trainer: Trainer) -> Budget:
    return parse_budget(
        config.train.budget,
        per_step=trainer.examples_per_step,
        dataset_size=data.examples,
        tokens_per_example=data.units_per_example,
        words=DATA_KINDS.get(config.kind).words,
    )
