"""A training session: everything that a training needs, looked up and built."""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genctl import config as configuration
from genctl import documents, registry
from genctl.api.models.loading import build_objective
from genctl.api.training.parents import given_parents, kept_parents
from genctl.api.training.resuming import find_resumable
from genctl.config import Config, TextData
from genctl.contracts import DataSpec, Objective, Parents
from genctl.data.images.sets.known_sets import KNOWN_SETS, download
from genctl.data.prepare import Prepared, PreparedDataset, prepare
from genctl.data.source_kind import is_images, is_text
from genctl.engine.devices import resolve_device, use_threads
from genctl.engine.optim.precision import resolve_amp
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.training.budget import Budget, parse_budget, times_in
from genctl.engine.training.settings import RunSettings
from genctl.engine.training.trainer import Trainer
from genctl.errors import ExitStatus, GenctlError, unknown
from genctl.output import Output
from genctl.registry import Spec
from genctl.runs import Run

NAMED_FILES = 5
SMALL_SIDE = 32


@dataclass(frozen=True)
class Request:
    """What a person asked of `genctl.train`, before anything was looked up; see there."""

    family: str
    data: str | Path | None = None
    preset: str | None = None
    config: str | Path | None = None
    sets: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    budget: str | None = None
    seed: int | None = None
    out: str | Path | None = None
    new: bool = False
    amp: str | None = None
    device: str | None = None
    threads: int | None = None
    log: Sequence[str] = ()
    eval_every: str | None = None
    download: bool = False

    @property
    def place(self) -> Path | None:
        """The run directory, where one is given."""
        return None if self.out is None else Path(self.out)


@dataclass(frozen=True)
class Session:
    """Everything a training needs, looked up and built, before anything is written.

    Attributes:
        run: the run to resume, or None for a new one.
        world: the processes that train together.
    """

    spec: Spec
    config: Config
    dataset: PreparedDataset
    parents: Parents
    objective: Objective
    plan: RunSettings
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


def open_session(request: Request, output: Output, world: ProcessGroup | None = None) -> Session:
    """Look up and build everything, write nothing.

    Args:
        world: the processes that train together; this one alone when None.

    Raises:
        GenctlError: bad input of any kind.
    """
    world = world or ProcessGroup()
    spec, config = world.run_on_all_ranks(lambda: _configured(request))
    if request.download:
        world.run_on_all_ranks(lambda: _download(config, output) if world.is_main else None)
    prepared = world.rank0_first(lambda: _prepared(config))
    if prepared.skipped:
        output.warn(_left_out(prepared.skipped))
    if prepared.ignored:
        output.detail(f"{prepared.ignored} files of other kinds were passed over")
    dataset = prepared.dataset
    if spec.picture_preset:
        spec, config = world.run_on_all_ranks(lambda: _configured(request, dataset.spec))
    run, plan = _agreed(request, config, dataset.spec, output, world)

    def built() -> Session:
        parents = kept_parents(run, config) if run else given_parents(config)
        objective = build_objective(spec, config, dataset.spec, parents)
        trainer = Trainer(objective, dataset, _on_this_device(plan, world), world, output.warn)
        budget = _budget(config, dataset.spec, trainer)
        return Session(spec, config, dataset, parents, objective, plan, trainer, budget, run, world)

    return world.run_on_all_ranks(built)


def _prepared(config: Config) -> Prepared:
    """The data set; where it is of another kind, the error names the families that take it.

    Raises:
        GenctlError: as `prepare`.
    """
    source, texts = config.data.source, isinstance(config.data, TextData)
    try:
        return prepare(config.data)
    except GenctlError as error:
        if not (is_images(source) if texts else is_text(source)):
            raise
        held, wanted = ("images", "text") if texts else ("text", "images")
        others = [spec.name for spec in registry.specs() if (spec.data is TextData) is not texts]
        commands = (f"genctl train {name} --data {shlex.quote(source)}" for name in others)
        raise GenctlError(
            error.code,
            f"{source} holds {held}, and {config.family} learns from {wanted}",
            hint=" or ".join(commands),
        ) from None


def _download(config: Config, output: Output) -> None:
    """Fetch what the data are called, where that is a well-known set.

    Raises:
        GenctlError: (USAGE) it is none; as `download`.
    """
    name = config.data.source
    if name not in KNOWN_SETS:
        raise unknown("data set to download", name, KNOWN_SETS, hint="leave --download out")
    download(name, output.say)


def _configured(request: Request, data: DataSpec | None = None) -> tuple[Spec, Config]:
    """The family, and the configuration that suits ``data`` once they are known."""
    spec = registry.get(request.family)
    preset = _default_preset(spec, request, data)
    config = _resolved(spec, request, preset, {})
    if request.eval_every is not None:
        times = times_in(config.train.budget, request.eval_every)
        config = _resolved(spec, request, preset, {"train.evaluations": times})
    return spec, config


def _resolved(spec: Spec, request: Request, preset: str, more: Mapping[str, Any]) -> Config:
    """The configuration of all layers, and ``more`` on top of them."""
    return configuration.resolve(
        spec,
        preset=request.preset,
        default_preset=preset,
        file=None if request.config is None else Path(request.config),
        sets=request.sets,
        flags={
            "data.source": None if request.data is None else str(request.data),
            "train.budget": request.budget,
            "train.amp": request.amp,
            "seed": request.seed,
            **{key: configuration.parse_value(value) for key, value in request.options.items()},
            **more,
        },
    )


def _default_preset(spec: Spec, request: Request, data: DataSpec | None) -> str:
    """The family's preset for such data, or for GPUs where training runs on one."""
    if spec.picture_preset and data is not None and _are_pictures(data):
        return spec.picture_preset
    if spec.gpu_preset and resolve_device(request.device).type == "cuda":
        return spec.gpu_preset
    return spec.default_preset


def _are_pictures(data: DataSpec) -> bool:
    """Whether a preset for small grey images would be too small for these."""
    return data.unit == "img" and (data.shape[0] > 1 or min(data.shape[1:]) > SMALL_SIDE)


def _budget(config: Config, data: DataSpec, trainer: Trainer) -> Budget:
    return parse_budget(
        config.train.budget,
        per_step=trainer.examples_per_step,
        dataset_size=data.examples,
        tokens_per_example=data.units_per_example,
    )


def _agreed(
    request: Request, config: Config, data: DataSpec, output: Output, world: ProcessGroup
) -> tuple[Run | None, RunSettings]:
    """The run to go on with, if any, and the plan: what rank 0 finds, for all processes."""

    def found() -> tuple[str | None, dict[str, Any]]:
        run = find_resumable(config, data.fingerprint, out=request.place, new=request.new)
        plan = _kept_plan(request, run, output) if run else _new_plan(request, config)
        _check_shares(plan, world)
        return str(run.path) if run else None, dataclasses.asdict(plan)

    path, fields = world.broadcast_from_rank0(found)
    plan = RunSettings(**fields)
    use_threads(plan.threads)
    return Run(Path(path)) if path else None, plan


def _check_shares(plan: RunSettings, world: ProcessGroup) -> None:
    """Whether every process gets as many whole micro-batches as the others."""
    if world.size > 1 and plan.device.startswith("mps"):
        raise GenctlError(
            ExitStatus.USAGE, "several processes cannot train on mps", hint="--device cpu"
        )
    if plan.shard and plan.amp == "fp16" and world.size > 1:
        raise GenctlError(
            ExitStatus.USAGE,
            "fp16 scales losses by what every process sees, which `shard` does not allow",
            hint="--amp bf16",
        )
    share, rest = divmod(plan.batch_size, world.size)
    if rest or share % min(plan.micro_batch, share):
        whole = world.size * (plan.micro_batch if plan.micro_batch < share else 1)
        raise GenctlError(
            ExitStatus.USAGE,
            f"train.batch_size = {plan.batch_size} cannot be shared by {world.size} processes in "
            f"micro-batches of {plan.micro_batch}",
            hint=f"--set batch_size={math.ceil(plan.batch_size / whole) * whole}",
        )


def _on_this_device(plan: RunSettings, world: ProcessGroup) -> RunSettings:
    """The plan for this process: each has a GPU of its own."""
    if world.size == 1 or not plan.device.startswith("cuda"):
        return plan
    return dataclasses.replace(plan, device=f"cuda:{world.local_rank}")


def _left_out(files: Sequence[str]) -> str:
    """How many files could not be read, and the first of them by name."""
    named = "; ".join(files[:NAMED_FILES])
    more = f"; and {len(files) - NAMED_FILES} more" if len(files) > NAMED_FILES else ""
    return (
        f"left out {len(files)} unreadable {'file' if len(files) == 1 else 'files'}: {named}{more}"
    )


def _kept_plan(request: Request, run: Run, output: Output) -> RunSettings:
    """What was chosen when the run began; other wishes would change its numbers."""
    try:
        plan = documents.build(RunSettings, run.read("resolved.json"))
    except ValueError as error:
        raise documents.damaged(run.path / "resolved.json", error) from None
    for name, wanted, kept in (
        ("threads", request.threads, plan.threads),
        ("device", request.device, plan.device),
    ):
        if wanted is not None and wanted != kept:
            output.warn(
                f"--{name} {wanted} is ignored: the run began with {kept}; --new changes it"
            )
    resolve_device(plan.device)
    use_threads(plan.threads)
    return plan


def _new_plan(request: Request, config: Config) -> RunSettings:
    device = resolve_device(request.device)
    micro_batch = config.train.micro_batch or config.train.batch_size
    if config.train.batch_size % micro_batch:
        raise GenctlError(
            ExitStatus.USAGE,
            f"train.micro_batch = {micro_batch} does not divide "
            f"train.batch_size = {config.train.batch_size}",
            hint=f"--set micro_batch={_divisor(config.train.batch_size, micro_batch)}",
        )
    return RunSettings(
        seed=config.seed,
        batch_size=config.train.batch_size,
        micro_batch=micro_batch,
        device=str(device),
        amp=resolve_amp(
            config.train.amp,
            device,
            by_preset=config.origins["train.amp"].startswith("preset "),
        ),
        threads=use_threads(request.threads),
        clip=config.train.clip,
        compile=config.train.compile,
        recompute=config.train.recompute,
        shard=config.train.shard,
        deterministic=config.train.deterministic,
    )


def _divisor(whole: int, wanted: int) -> int:
    """The largest divisor of ``whole`` that is at most ``wanted``."""
    return max(k for k in range(1, wanted + 1) if whole % k == 0)
