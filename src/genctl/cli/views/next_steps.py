"""The result of a training, and the next commands."""

from __future__ import annotations

import shlex

from genctl import registry
from genctl.contracts import DataSpec
from genctl.output import Output
from genctl.registry import DATA_KINDS, Spec, output_kind
from genctl.runs import Run


def show_finished(output: Output, run: Run) -> None:
    """Report a finished run and the next commands."""
    last, best = run.read("last.json"), run.read("best.json")
    spec = registry.get(run.read("config.json")["config"]["family"])
    steps = next_steps(run, spec)
    seen = DataSpec.from_json(run.read("data.json")).in_words(last["position"])
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
    data = DataSpec.from_json(run.read("data.json"))
    output = output_kind(spec, DATA_KINDS.get(data.kind))
    if output is not None and "generate" in output.targets:
        steps.append(f"genctl sample {name} --n {3 if output.shown else 64}")
    if output is not None:
        steps += [f"genctl eval {metric} {name}" for metric in output.default_metrics]
    return [*steps, *(f"genctl export {name} --format {f}" for f in spec.exports())]
