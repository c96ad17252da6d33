"""The settings of a run that are chosen once, at its first start, and kept."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from genctl import documents
from genctl.api.training.request import TrainRequest
from genctl.api.training.resuming import find_resumable
from genctl.config import Config
from genctl.config.aliases import current
from genctl.contracts import DataSpec
from genctl.engine.devices import resolve_device, use_threads
from genctl.engine.optim.precision import resolve_precision
from genctl.engine.parallel.process_group import ProcessGroup
from genctl.engine.training.settings import RunSettings, largest_divisor
from genctl.errors import ExitStatus, GenctlError, opt
from genctl.output import Output
from genctl.runs import Run


def agree_on_settings(
    request: TrainRequest, config: Config, data: DataSpec, output: Output, world: ProcessGroup
) -> tuple[Run | None, RunSettings]:
    """The run to resume, if any, and the settings; rank 0 finds both for all processes."""

    def found() -> tuple[str | None, dict[str, Any]]:
        run = find_resumable(
            config, data.fingerprint, out=request.place, new=request.new, warn=output.warn
        )
        settings = _kept(request, run, output) if run else _chosen(request, config)
        _check_shares(settings, world)
        return str(run.path) if run else None, dataclasses.asdict(settings)

    path, fields = world.broadcast_from_rank0(found)
    settings = RunSettings(**fields)
    use_threads(settings.threads)
    return Run(Path(path)) if path else None, settings


def _check_shares(settings: RunSettings, world: ProcessGroup) -> None:
    """Refuse settings with which several processes cannot share every batch equally."""
    if world.size == 1:
        return
    if settings.device.startswith("mps"):
        raise GenctlError(
            ExitStatus.USAGE,
            "several processes cannot train on mps",
            option="device",
            suggest="cpu",
        )
    if settings.shard and settings.precision == "fp16":
        raise GenctlError(
            ExitStatus.USAGE,
            "fp16 scales losses by the gradients of all processes, which sharding does not allow",
            option="precision",
            suggest="bf16",
        )
    share, rest = divmod(settings.batch_size, world.size)
    if rest or share % min(settings.micro_batch, share):
        whole = world.size * (settings.micro_batch if settings.micro_batch < share else 1)
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('train.batch_size', settings.batch_size)} cannot be shared by {world.size} "
            f"processes in micro-batches of {settings.micro_batch}",
            option="train.batch_size",
            suggest=math.ceil(settings.batch_size / whole) * whole,
        )


def on_this_device(settings: RunSettings, world: ProcessGroup) -> RunSettings:
    """The settings for this process: each process has its own GPU."""
    if world.size == 1 or not settings.device.startswith("cuda"):
        return settings
    return dataclasses.replace(settings, device=f"cuda:{world.local_rank}")


def _kept(request: TrainRequest, run: Run, output: Output) -> RunSettings:
    """The settings from the first start of the run; other settings would change its results."""
    try:
        settings = documents.build(RunSettings, current(run.read("resolved.json")))
    except ValueError as error:
        raise documents.damaged(run.path / "resolved.json", error) from None
    for name, wanted, kept in (
        ("threads", request.threads, settings.threads),
        ("device", request.device, settings.device),
    ):
        if wanted is not None and wanted != kept:
            output.warn(
                f"the {name} {wanted} is ignored: the run began with {kept}, and only a new run "
                "can change it"
            )
    resolve_device(settings.device)
    use_threads(settings.threads)
    return settings


def _chosen(request: TrainRequest, config: Config) -> RunSettings:
    device = resolve_device(request.device)
    micro_batch = config.train.micro_batch or config.train.batch_size
    if config.train.batch_size % micro_batch:
        raise GenctlError(
            ExitStatus.USAGE,
            f"{opt('train.micro_batch', micro_batch)} does not divide "
            f"{opt('train.batch_size', config.train.batch_size)}",
            option="train.micro_batch",
            suggest=largest_divisor(config.train.batch_size, micro_batch),
        )
    return RunSettings(
        seed=config.seed,
        batch_size=config.train.batch_size,
        micro_batch=micro_batch,
        device=str(device),
        precision=resolve_precision(
            config.train.precision,
            device,
            by_preset=config.origins["train.precision"].startswith("preset "),
        ),
        threads=use_threads(request.threads),
        clip=config.train.clip,
        compile=config.train.compile,
        recompute=config.train.recompute,
        shard=config.train.shard,
        deterministic=config.train.deterministic,
    )
