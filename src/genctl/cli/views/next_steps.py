"""The result of a training, and the next commands."""

from __future__ import annotations

import shlex

from genctl import registry
from genctl.export.card import in_words
from genctl.output import Output
from genctl.registry import Spec
from genctl.runs import Run


def show_finished(output: Output, run: Run) -> None:
    """Report a finished run and the next commands."""
    last, best = run.read("last.json"), run.read("best.json")
    spec = registry.get(run.read("config.json")["config"]["family"])
    steps = next_steps(run, spec)
    data = run.read("data.json")
    seen = in_words(last["position"], data["unit"], data["shape"])
    text = f"finished {run.path}: {last['step']} steps, {seen}"
    if best:
        text += f"; best {best['metric']} {best['value']:.4g} at step {best['step']}"
        text += f" ({best['weights']})"
    output.result(
        {"run": str(run.path), "last": last, "best": best, "next": steps},
        "\n".join([text, "next:", *(f"  {step}" for step in steps)]),
        bare=str(run.path),
    )


def next_steps(run: Run, spec: Spec) -> list[str]:
    """Commands for a trained run."""
    name = shlex.quote(str(run.path))
    steps = []
    if spec.output == "text":
        steps += [f"genctl sample {name} --n 3", f"genctl eval bpb {name}"]
    elif spec.output is not None:
        steps.append(f"genctl sample {name} --n 64")
    if spec.output == "image":
        steps.append(f"genctl eval fid {name}")
    return [*steps, *(f"genctl export {name} --format {f}" for f in spec.exports())]
