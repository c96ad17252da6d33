"""The parents of a new run, trained models that it uses, and what a run keeps of them."""

from __future__ import annotations

from pathlib import Path

from genctl import registry
from genctl.api.models.exporting import write_bundle
from genctl.api.models.loading import load_model, load_parents
from genctl.config import Config
from genctl.contracts import INIT, DataSpec, Feature, Parents, Trained
from genctl.engine.training import checkpoint
from genctl.errors import ExitStatus, GenctlError, Suggestion, opt
from genctl.export.diffusers.reading import is_unet, read_unet
from genctl.runs import Run
from genctl.weights import flatten, sha256_of_tensors

FILE = "parents.json"


def given_parents(config: Config) -> dict[str, Trained]:
    """The parents, loaded from the paths in the configuration."""
    return {role: _given(role, path, config) for role, path in config.parents.items()}


def kept_parents(run: Run, config: Config) -> dict[str, Trained]:
    """The parents that a run keeps, and the parent of its first weights if it has no checkpoint.

    Raises:
        GenctlError: the first weights, or the copy of a parent in the run, have changed.
    """
    kept = load_parents(run.path, config)
    known = run.read(FILE) or {}
    for role, found in identities(kept, config).items():
        if role in known and known[role]["sha256"] != found["sha256"]:
            raise GenctlError(
                ExitStatus.DATA,
                f"{run.path / 'parents' / role} is not the {role} that the run began with",
                option="new",
                suggest=Suggestion("", {"new": True}, f"starts with {config.parents[role]}"),
            )
    if INIT not in config.parents or checkpoint.newest_good(run, lambda _: None):
        return kept
    first = _given(INIT, config.parents[INIT], config)
    if identities({INIT: first}, config)[INIT]["sha256"] != known.get(INIT, {}).get("sha256"):
        raise GenctlError(
            ExitStatus.DATA,
            f"the weights of {config.parents[INIT]} have changed since {run.path} was started "
            "from them",
            option="new",
            suggest=Suggestion("", {"new": True}, "starts from the new ones"),
        )
    return {**kept, INIT: first}


def copy_parents(parents: Parents, config: Config, folder: Path) -> None:
    """Write the parents of a new run into ``folder``, each as a bundle.

    Raises:
        GenctlError: there are other weights at the path of a parent by now.
    """
    used = identities(parents, config)
    for role in parents:
        if role == INIT:
            continue
        model = load_model(config.parents[role], device="cpu")
        if identities({role: model.trained}, config)[role] != used[role]:
            raise GenctlError(
                ExitStatus.DATA,
                f"{config.parents[role]} has got other weights while this training was prepared",
                hint="run the same command again",
            )
        write_bundle(model, folder / role)


def _given(role: str, path: str, config: Config) -> Trained:
    """The model at ``path``; some families can also start from a network of diffusers."""
    spec = registry.get(config.family)
    if role != INIT or "importer.diffusers" not in spec.targets or not is_unet(Path(path)):
        trained = load_model(path, device="cpu").trained
        if role == INIT and trained.family != spec.name:
            raise GenctlError(
                ExitStatus.USAGE,
                f"{opt(f'parents.{INIT}', path)} is a model of the family {trained.family}, and "
                f"{spec.name} can only start from the weights of {spec.name}",
                option=f"parents.{INIT}",
            )
        return trained
    arguments, weights = read_unet(Path(path))
    modules = spec.load("importer.diffusers")(config, arguments, weights)
    data = DataSpec(
        path, Path(path).name, "img", 0, "", {"image": Feature("image", tuple(arguments["shape"]))}
    )
    return Trained(spec.name, config, data, modules)


def identities(parents: Parents, config: Config) -> dict[str, dict[str, str]]:
    """Role -> path, family and sha256 of the weights."""
    return {
        role: {
            "path": config.parents[role],
            "family": trained.family,
            "sha256": sha256_of_tensors(flatten(trained.modules)),
        }
        for role, trained in parents.items()
    }
