"""The result of a training, and the next commands."""

from __future__ import annotations

import shlex

from genctl import registry
from genctl.api.pages.records import data_of
from genctl.output import Output
from genctl.registry import DATA_KINDS, output_kind
from genctl.runs import Run


def show_finished(output: Output, run: Run) -> None:
    """Report a finished run and the next commands."""
    last, best = run.read("last.json"), run.read("best.json")
    steps, data = next_steps(run), data_of(run)
    seen = f", {data.in_words(last['position'])}" if data else ""
    text = f"finished {run.path}: {last['step']} steps{seen}"
    if best:
        text += f"; best {best['metric']} {best['value']:.4g} at step {best['step']}"
        text += f" ({best['weights']})"
    output.result(
        {"run": str(run.path), "last": last, "best": best, "next": steps},
        "\n".join([text, "next:", *(f"  {step}" for step in steps)]),
        bare=str(run.path),
    )


def next_steps(run: Run) -> list[str]:
    """Commands for a trained run."""
    name = shlex.quote(str(run.path))
    steps = []
    config = run.read("config.json")["config"]
    spec = registry.get(config["family"])
    output = output_kind(spec, DATA_KINDS.get(config["data"].get("kind") or spec.data))
    if output is not None and "generate" in output.targets:
        steps.append(f"genctl sample {name} --n {3 if output.shown else 64}")
    if output is not None:
        steps += [f"genctl eval {metric} {name}" for metric in output.default_metrics]
    return [*steps, *(f"genctl export {name} --format {f}" for f in spec.exports())]
