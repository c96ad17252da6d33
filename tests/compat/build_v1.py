"""What wrote ``tests/compat/v1/``: small runs and exports of genctl 0.1.0, before its redesign.

It is kept for the record, and runs with version 0.1.0 as of commit f1ad4bb alone; a newer genctl
writes newer files, which belong in a folder of their own. In REPOSITORY, where this file lies::

    git worktree add ../genctl-0.1.0 f1ad4bb
    PYTHONPATH=../genctl-0.1.0/src:. python tests/compat/build_v1.py

Everything is computed on one thread of a CPU. Pictures and locks are left out, and no document
names the machine.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import platform
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from genctl.engine.trainer import Trainer

from genctl import __version__
from genctl.cli import main
from genctl.weights import load_tensors, sha256_of_tensors
from tests.compat.machine import fingerprint

HOME = Path(__file__).parent / "v1"
FAMILIES = ("gan", "diffusion", "lm")

SETTINGS = {
    "gan": "--data digits --preset digits --width 4 --z-dim 8 --batch-size 8 --budget 8steps "
    "--amp off --seed 5",
    "diffusion": "--data digits --preset digits --width 4 --multiples 1,1 --set batch_size=8 "
    "--budget 64",
    "lm": "--data text.txt --preset tiny-cpu --set model.width=8 --depth 2 --heads 2 "
    "--vocab-size 300 --context 32 --short-context 0 --budget 40steps --keep-last 1",
}
"""As they were typed at version 0.1.0."""

EVALUATIONS = {"gan": 0, "diffusion": 0, "lm": 2}
"""Scores of the runs that are stopped. A score of images takes seconds, one of text does not."""

STOP_AT = {"gan": 4, "diffusion": 4, "lm": 21}
"""Steps of the runs that are stopped; that of text has been scored before, at step 20."""

SAMPLES = {
    "gan": {"gan.npz": "", "gan-raw.npz": "--weights raw --labels 3,7 --truncation 0.7"},
    "diffusion": {
        "diffusion.npz": "",
        "diffusion-raw.npz": "--weights raw --labels 3,7 --sampler heun --steps 4 --guidance 2",
    },
    "lm": {
        "lm.jsonl": "--n 4 --temperature 0.8 --max-new-tokens 40",
        "lm-greedy.jsonl": "--n 2 --temperature 0 --max-new-tokens 40 "
        "--repetition-penalty 1.5 "
        "--prompt 'The wind' --prompt 宁波",
    },
}
"""File -> options besides ``--n 8 --seed 3``."""

EXPORTS = {
    "gan": {"gan": "safetensors", "gan.onnx": "onnx"},
    "diffusion": {"diffusion": "safetensors", "diffusion-diffusers": "diffusers"},
    "lm": {"lm": "safetensors", "lm.onnx": "onnx", "lm-hf": "hf", "lm.gguf": "gguf"},
}

SCORES = {
    "gan": "fid --n 64 --extractor px",
    "diffusion": "fid,kid --n 64 --extractor px --ref expected/gan-64.npz",
    "lm": "bpb",
}


def train(family: str, out: str, evaluations: int) -> list[str]:
    """The command that trains a run."""
    words = [*SETTINGS[family].split(), "--evaluations", str(evaluations)]
    return ["train", family, *words, "--device", "cpu", "--threads", "1", "--out", out]


def genctl(arguments: Sequence[str], status: int = 0) -> None:
    """Type a command in this process."""
    sys.argv = ["genctl", *arguments]
    print(" ".join(sys.argv))
    if (found := main(arguments)) != status:
        raise SystemExit(f"it ended with {found} instead of {status}")


def stopped_after(steps: int, work: Callable[[], None]) -> None:
    """Run ``work``; a SIGTERM comes while the step of that number is computed."""
    whole_step = Trainer.step

    def step(self: Trainer, fraction: float) -> object:
        if self.index == steps - 1:
            signal.raise_signal(signal.SIGTERM)
        return whole_step(self, fraction)

    Trainer.step = step  # type: ignore[method-assign,assignment]
    try:
        work()
    finally:
        Trainer.step = whole_step  # type: ignore[method-assign]


def weights(run: Path) -> dict[str, object]:
    """The identity of each group of tensors in the newest checkpoint of a run."""
    newest = max((run / "checkpoints").iterdir())
    groups = {
        file.stem: sha256_of_tensors(load_tensors(file))
        for file in sorted(newest.glob("*.safetensors"))
    }
    return {"checkpoint": newest.name, "groups": groups}


def without_pictures(run: Path) -> None:
    """Leave out what is large, and what belongs to the process that trained."""
    shutil.rmtree(run / "samples", ignore_errors=True)
    for name in ("curves.png", ".lock", ".holder.json"):
        (run / name).unlink(missing_ok=True)


def write_json(name: str, document: object) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (HOME / "expected" / name).write_text(f"{text}\n", "utf-8")


def build() -> None:
    """Write it all anew, next to ``text.txt``."""
    assert __version__ == "0.1.0", __version__
    for name in ("runs", "exports", "expected", "scratch"):
        shutil.rmtree(HOME / name, ignore_errors=True)
    (HOME / "expected").mkdir()
    os.chdir(HOME)
    for name in [name for name in os.environ if name.startswith("GENCTL_")]:
        del os.environ[name]
    os.environ["GENCTL_CACHE"] = str(HOME / "scratch" / "cache")
    platform.platform = lambda *_: "Linux"

    final: dict[str, object] = {}
    commands: dict[str, dict[str, str]] = {}
    for family in FAMILIES:
        finished, stopped = f"runs/{family}", f"runs/{family}-unfinished"
        command = train(family, stopped, EVALUATIONS[family])
        genctl(train(family, finished, EVALUATIONS[family] or 1))
        stopped_after(STOP_AT[family], functools.partial(genctl, command, status=143))
        shutil.copytree(stopped, f"scratch/{family}")
        genctl([*command[:-1], f"scratch/{family}"])
        final[family] = weights(Path(finished))
        assert final[family] == weights(Path(f"scratch/{family}")), "resumed, it ended elsewhere"
        for earlier in sorted(Path(finished, "checkpoints").iterdir())[:-1]:
            shutil.rmtree(earlier)
        for run in (finished, stopped):
            without_pictures(Path(run))
        commands[family] = {"train": shlex.join(command)}

    genctl(shlex.split("sample runs/gan --n 64 --seed 9 --threads 1 --out expected/gan-64.npz"))
    for family in FAMILIES:
        for name, options in SAMPLES[family].items():
            words = ["--n", "8", "--seed", "3"] if "--n " not in options else ["--seed", "3"]
            words += shlex.split(options)
            arguments = ["sample", f"runs/{family}", *words, "--device", "cpu", "--threads", "1"]
            genctl([*arguments, "--out", f"expected/{name}"])
            commands[family][f"sample {name}"] = shlex.join(arguments)
        for name, kind in EXPORTS[family].items():
            words = ["--format", kind, "--threads", "1", "--out", f"exports/{name}"]
            genctl(["export", f"runs/{family}", *words])
        metric, *words = SCORES[family].split()
        arguments = ["eval", metric, f"runs/{family}", *words]
        arguments += ["--device", "cpu", "--threads", "1"]
        commands[family]["eval"] = shlex.join(arguments)
        write_json(f"{family}-eval.json", _answer(arguments))
    write_json("weights.json", final)
    write_json("commands.json", commands)
    write_json("machine.json", {"fingerprint": fingerprint()})
    shutil.rmtree("scratch")


def _answer(arguments: Sequence[str]) -> object:
    """The document that a command with ``--json`` answers."""
    with contextlib.redirect_stdout(io.StringIO()) as answer:
        genctl([*arguments, "--json"])
    return json.loads(answer.getvalue().partition("\n")[2])


if __name__ == "__main__":
    build()
