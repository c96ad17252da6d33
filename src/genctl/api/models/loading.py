"""From a run, an export or an ONNX file to a trained model in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from genctl import documents, registry, runs
from genctl.config import Config, from_json
from genctl.contracts import INIT, DataSpec, Objective, Parents, Trained
from genctl.engine.devices import resolve_device
from genctl.engine.optim.ema import RAW
from genctl.engine.sampling.loaded import LoadedModel
from genctl.engine.training import checkpoint
from genctl.errors import ExitStatus, GenctlError, Suggestion, nearest
from genctl.export import bundle
from genctl.files import stays_inside
from genctl.output import QUIET, Output
from genctl.registry import Spec
from genctl.runs import Run
from genctl.seeding import seed_of
from genctl.weights import load_into, sha256_of


def load_model(
    origin: str | Path | Run | None = None,
    *,
    checkpoint: str = "best",
    weights: str = "best",
    device: str | None = None,
    output: Output = QUIET,
) -> LoadedModel:
    """Load a trained model.

    Args:
        origin: a run (path, name or `Run`), a folder that was exported, or an
            ``.onnx`` file of genctl; the latest run with a checkpoint when None.
        checkpoint: the checkpoint of a run: ``best``, ``last`` or a step.
        weights: the weights of a run: an average's name such as ``ema``, or ``raw``. ``best`` is
            the average that scored best at the best checkpoint; at other checkpoints it is the
            first average, or ``raw`` if there is none.
        device: see `resolve_device`.

    Raises:
        GenctlError: ``origin`` does not exist, is damaged, or was not written by genctl.
    """
    place = resolve_device(device)
    if isinstance(origin, Run):
        return _load_run(origin, checkpoint, weights, place, output)
    path = Path(origin) if origin is not None else None
    if path is not None and path.suffix == ".onnx":
        return _load_onnx(path)
    if path is not None and bundle.is_bundle(path):
        return _load_bundle(path, place)
    run = _latest() if path is None else runs.find(path)
    if path is None:
        output.say(f"using {run.path}")
    return _load_run(run, checkpoint, weights, place, output)


def build_objective(spec: Spec, config: Config, data: DataSpec, parents: Parents) -> Objective:
    """The family's objective with freshly initialised modules, the same for the same seed."""
    torch.manual_seed(seed_of(config.seed, "init"))
    objective: Objective = spec.load("objective")(config, data, parents)
    return objective


def load_parents(folder: Path, config: Config) -> dict[str, Trained]:
    """The parents that a run or an export keeps a copy of: all but the one of the role `INIT`."""
    return {
        role: _load_bundle(folder / "parents" / role, torch.device("cpu")).trained
        for role in config.parents
        if role != INIT
    }


def read_assets(folder: Path, data: DataSpec) -> dict[str, bytes]:
    """The files of a run or an export that belong to its data.

    Raises:
        GenctlError: a file is missing, has changed, or is not in the folder.
    """
    found = {}
    for name, sha256 in data.assets.items():
        path = folder / name
        if not stays_inside(name):
            raise GenctlError(ExitStatus.DATA, f"{folder} is damaged: its data names {path}")
        if not path.is_file():
            raise GenctlError(
                ExitStatus.DATA,
                f"{path} is missing, and the model needs it",
                hint="copy it again from where the run was trained",
            )
        if sha256_of(path) != sha256:
            raise GenctlError(
                ExitStatus.DATA,
                f"{path} is damaged: its checksum is not the one it was written with",
                hint="copy it again from where the run was trained",
            )
        found[name] = path.read_bytes()
    return found


def _latest() -> Run:
    run = runs.latest()
    if run is None:
        raise GenctlError(
            ExitStatus.DATA,
            f"no run with a checkpoint under {runs.runs_root()}",
            suggest=Suggestion("train", args=("gan",)),
        )
    return run


def _load_run(
    run: Run, wanted: str, weights: str, device: torch.device, output: Output
) -> LoadedModel:
    path = checkpoint.choose(run, wanted, output.warn)
    document = run.read("config.json")
    if document is None:
        raise GenctlError(
            ExitStatus.DATA,
            f"{run.path} is not a run folder (it has no config.json)",
            suggest=Suggestion("runs ls"),
        )
    spec = registry.get(document["config"]["family"])
    config = from_json(spec, document["config"])
    data = _data_of(path / "data.json")
    weights, group = _group_of(run, path, weights)
    tensors = checkpoint.group(path, group)
    parents = load_parents(run.path, config)
    step = checkpoint.read_state(path).index
    modules = _filled(spec, config, data, parents, tensors, device)
    trained = Trained(spec.name, config, data, modules, read_assets(run.path, data))
    return LoadedModel(run.path, trained, weights, step, device, parents)


def _data_of(place: Path) -> DataSpec:
    try:
        return DataSpec.from_json(documents.parse(place.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise documents.damaged(place, error) from None


def _group_of(run: Run, path: Path, weights: str) -> tuple[str, str]:
    """The name of the weights, and of the group of tensors that holds them."""
    averages = [g.removeprefix("ema.") for g in checkpoint.groups(path) if g.startswith("ema.")]
    if weights == "best":
        best = run.read("best.json")
        first = averages[0] if averages else RAW
        weights = best.get("weights", first) if best and best["checkpoint"] == path.name else first
    if weights in averages:
        return weights, f"ema.{weights}"
    if weights == RAW:
        return weights, "model"
    *choices, last = ["best", *averages, RAW]
    close = nearest(weights, [*choices, last])
    raise GenctlError(
        ExitStatus.USAGE,
        f"unknown weights {weights!r}; choose {', '.join(choices)} or {last}",
        option="weights",
        suggest=close[0] if close else "best",
    )


def _load_bundle(path: Path, device: torch.device) -> LoadedModel:
    document, tensors = bundle.read(path)
    spec = registry.get(document["config"]["family"])
    config = from_json(spec, document["config"])
    data = DataSpec.from_json(document["data"])
    parents = load_parents(path, config)
    modules = _filled(spec, config, data, parents, tensors, device)
    trained = Trained(spec.name, config, data, modules, read_assets(path, data))
    return LoadedModel(path, trained, document["weights"], document["step"], device, parents)


def _load_onnx(path: Path) -> LoadedModel:
    from genctl.export import onnx

    document, module = onnx.read(path)
    spec = registry.get(document["config"]["family"])
    config = from_json(spec, document["config"])
    data = DataSpec.from_json(document["data"])
    texts = document.get("assets", {})
    assets = {name: text.encode() for name, text in texts.items()}
    trained = Trained(spec.name, config, data, {document["role"]: module}, assets)
    return LoadedModel(path, trained, document["weights"], document["step"], torch.device("cpu"))


def _built(spec: Spec, config: Config, data: DataSpec, parents: Parents) -> Mapping[str, nn.Module]:
    """Modules of the sizes in the documents, which may be damaged or malicious."""
    try:
        return build_objective(spec, config, data, parents).modules
    except GenctlError:
        raise
    except (
        ArithmeticError,
        LookupError,
        MemoryError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise GenctlError(
            ExitStatus.DATA, f"no model can be built from its configuration and data: {reason}"
        ) from error


def _filled(
    spec: Spec,
    config: Config,
    data: DataSpec,
    parents: Parents,
    tensors: Mapping[str, Tensor],
    device: torch.device,
) -> dict[str, nn.Module]:
    """The modules that ``tensors`` fill, in eval mode; other modules are left out."""
    modules = _built(spec, config, data, parents)
    filled = load_into(modules, tensors)
    return {role: modules[role].to(device).eval().requires_grad_(False) for role in filled}
