"""``train``: from a family's name to a finished run."""

from __future__ import annotations

import dataclasses
import platform
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

import genctl
from genctl import config as configuration
from genctl import registry, runs
from genctl.api.cards import run_card
from genctl.api.devices import resolve_device, use_threads
from genctl.api.exporting import write_bundle
from genctl.api.hooks import make_hooks, save_reals
from genctl.api.model import QUIET, build_modules, load, load_parents
from genctl.config import Config
from genctl.contracts import Objective, Parents, Trained
from genctl.data.images import ImageDataset
from genctl.data.prepare import prepare
from genctl.engine.budget import Budget, parse_budget
from genctl.engine.loggers import logger_type, open_loggers
from genctl.engine.loop import Loop
from genctl.engine.precision import resolve_amp
from genctl.engine.trainer import Plan, Trainer
from genctl.errors import ExitStatus, GenctlError
from genctl.files import make_directory, write_atomic
from genctl.output import Output
from genctl.registry import Spec
from genctl.runs import Run


@dataclass(frozen=True)
class Request:
    """What a person asked of ``train``, before anything was looked up.

    Attributes:
        family: registered name.
        data, preset, budget, seed, amp: see ``genctl train --help``; None leaves them to the
            layers below.
        config: a TOML or JSON file.
        sets: ``key=value`` texts.
        options: dotted key -> text, for values that were given as options of their own.
        out: the run directory; the next free name under the root when None.
        new: never resume.
        device, threads: where and with how many; the best there is when None.
        log: loggers besides ``metrics.jsonl``.
    """

    family: str
    data: str | None = None
    preset: str | None = None
    config: Path | None = None
    sets: Sequence[str] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    budget: str | None = None
    seed: int | None = None
    out: Path | None = None
    new: bool = False
    amp: str | None = None
    device: str | None = None
    threads: int | None = None
    log: Sequence[str] = ()


@dataclass(frozen=True)
class Session:
    """Everything a training needs, looked up and built, before anything is written.

    Attributes:
        run: the run to resume, or None for a new one.
    """

    spec: Spec
    config: Config
    dataset: ImageDataset
    parents: Parents
    objective: Objective
    plan: Plan
    trainer: Trainer
    budget: Budget
    run: Run | None


def train(
    family: str,
    *,
    output: Output = QUIET,
    started: float | None = None,
    **options: Any,
) -> Run:
    """Train a family, or go on with an unfinished run of the same configuration and data.

    Args:
        family: registered name, e.g. ``"gan"``.
        output: where to talk; silent by default.
        started: `time.monotonic` when a wall-clock budget began; now when None.
        options: the other fields of `Request`.

    Returns:
        The finished run.

    Raises:
        GenctlError: bad input, or training could not end well; what was saved stays.
    """
    started = time.monotonic() if started is None else started
    request = Request(family, **options)
    for name in request.log:
        logger_type(name)
    session = open_session(request, output)
    run = session.run or _new_run(request, session)
    with run.lock():
        _record(run, session)
        output.say(_headline(run, session))
        loop = Loop(
            session.trainer,
            run,
            session.budget,
            session.config.train,
            hooks=make_hooks(
                session.spec,
                session.config,
                session.dataset,
                session.parents,
                session.trainer.device,
            ),
            output=output,
            unit=session.dataset.spec.unit,
            loggers=open_loggers(request.log, run, session.config.to_json()),
            started=started,
        )
        loop.run()
        write_atomic(run.path / "README.md", run_card(run, session.config, session.dataset.spec))
    return run


def open_session(request: Request, output: Output) -> Session:
    """Look up and build everything, write nothing.

    Raises:
        GenctlError: bad input of any kind.
    """
    spec = registry.get(request.family)
    config = configuration.resolve(
        spec,
        preset=request.preset,
        file=request.config,
        sets=request.sets,
        flags={
            "data.source": request.data,
            "train.budget": request.budget,
            "train.amp": request.amp,
            "seed": request.seed,
            **{key: configuration.parse_value(text) for key, text in request.options.items()},
        },
    )
    prepared = prepare(config.data)
    for skipped in prepared.skipped:
        output.warn(f"left out: {skipped}")
    run = _resumable(request, config, prepared.dataset.spec.fingerprint)
    plan = _plan(request, config, run)
    parents = load_parents(run.path, config) if run else _given_parents(config)
    objective = build_modules(spec, config, prepared.dataset.spec, parents)
    trainer = Trainer(objective, prepared.dataset, plan)
    budget = parse_budget(
        config.train.budget,
        per_step=trainer.examples_per_step,
        dataset_size=prepared.dataset.spec.examples,
    )
    return Session(spec, config, prepared.dataset, parents, objective, plan, trainer, budget, run)


def _resumable(request: Request, config: Config, fingerprint: str) -> Run | None:
    """The unfinished run that the request means to go on with, if there is one."""
    if request.out is not None:
        return _run_at(request, config, fingerprint)
    if request.new:
        return None
    for run in runs.all_runs():
        same = not _differences(run, config, fingerprint)
        if same and not run.finished and run.holder() is None:
            return run
    return None


def _run_at(request: Request, config: Config, fingerprint: str) -> Run | None:
    out = request.out
    assert out is not None
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not (out / "config.json").is_file():
        raise GenctlError(
            ExitStatus.USAGE, f"{out} exists and is not a run", hint="choose another --out"
        )
    run = Run(out)
    if request.new:
        reason = "exists, and --new never resumes"
    elif differences := _differences(run, config, fingerprint):
        reason = f"was started with other settings: {'; '.join(differences[:3])}"
    elif run.finished:
        reason = "is finished"
    else:
        return run
    raise GenctlError(
        ExitStatus.USAGE, f"{out} {reason}", hint="choose another --out, or leave it out"
    )


def _differences(run: Run, config: Config, fingerprint: str) -> list[str]:
    """Where a run's configuration or data are not the ones asked for, in words."""
    before = _flat(run.read("config.json")["config"])
    now = _flat(config.to_json())
    found = [
        f"{key} was {before.get(key)!r}, now {now.get(key)!r}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if (run.read("data.json") or {}).get("fingerprint") != fingerprint:
        found.append("the data has changed")
    return found


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _plan(request: Request, config: Config, run: Run | None) -> Plan:
    """What is chosen once for a run: read back when it is resumed."""
    kept = run.read("resolved.json") if run else None
    if kept:
        plan = Plan(**kept)
        resolve_device(plan.device)
        use_threads(plan.threads)
        return plan
    device = resolve_device(request.device)
    micro_batch = config.train.micro_batch or config.train.batch_size
    if config.train.batch_size % micro_batch:
        raise GenctlError(
            ExitStatus.USAGE,
            f"train.micro_batch = {micro_batch} does not divide "
            f"train.batch_size = {config.train.batch_size}",
            hint=f"--set micro_batch={_divisor(config.train.batch_size, micro_batch)}",
        )
    return Plan(
        seed=config.seed,
        batch_size=config.train.batch_size,
        micro_batch=micro_batch,
        device=str(device),
        amp=resolve_amp(config.train.amp, device),
        threads=use_threads(request.threads),
        clip=config.train.clip,
    )


def _divisor(whole: int, wanted: int) -> int:
    """The largest divisor of ``whole`` that is at most ``wanted``."""
    return max(k for k in range(1, wanted + 1) if whole % k == 0)


def _given_parents(config: Config) -> dict[str, Trained]:
    return {role: load(path, device="cpu").trained for role, path in config.parents.items()}


def _new_run(request: Request, session: Session) -> Run:
    data = session.dataset.spec
    if request.out is not None:
        run = Run(make_directory(request.out))
    else:
        run = runs.create(runs.stem_of(session.spec.name, data.name))
    for role, path in session.config.parents.items():
        write_bundle(load(path, device="cpu"), run.path / "parents" / role)
    run.write("resolved.json", dataclasses.asdict(session.plan))
    run.write("data.json", data.to_json())
    run.write(
        "config.json",
        {"config": session.config.to_json(), "origins": dict(session.config.origins)},
    )
    save_reals(session.dataset, run)
    return run


def _record(run: Run, session: Session) -> None:
    """Add this start to ``env.json``."""
    starts: Iterable[Any] = (run.read("env.json") or {"starts": []})["starts"]
    here = {
        "started": runs.started_now(),
        "command": sys.argv,
        "genctl": genctl.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "device": _device_name(session.trainer.device),
    }
    run.write("env.json", {"starts": [*starts, here]})


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({platform.processor() or platform.machine()})"


def _reproducibility(budget: Budget) -> str:
    """Which of the three tiers of docs/architecture.md the run belongs to."""
    if budget.examples is not None:
        return "the same command gives the same weights, bit for bit, on this machine"
    return "a budget in time gives weights as good on average, not the same ones"


def _headline(run: Run, session: Session) -> str:
    data, plan = session.dataset.spec, session.plan
    sizes = ", ".join(
        f"{role} {sum(p.numel() for p in module.parameters()) / 1e6:.2f}M"
        for role, module in session.objective.modules.items()
    )
    shape = "x".join(map(str, data.shape))
    return "\n".join(
        (
            f"{session.spec.name} on {data.name}: {data.examples} {data.unit} {shape}"
            + (f", {data.num_classes} classes" if data.num_classes else ""),
            f"preset {session.config.preset}: {sizes} parameters; "
            f"budget {session.config.train.budget}, batch {plan.batch_size}, "
            f"{plan.device}, amp {plan.amp}, {plan.threads} threads, seed {plan.seed}",
            f"run {run.path}: {_reproducibility(session.budget)}",
        )
    )
