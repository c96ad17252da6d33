"""``genctl demo``: train, sample, score and export, without a download."""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

from genctl.cli.context import Context
from genctl.cli.options import Device, Threads
from genctl.cli.verbs.models.eval import describe
from genctl.cli.verbs.models.export import describe as describe_export
from genctl.cli.views.next_steps import next_steps
from genctl.errors import ExitStatus, GenctlError

BUDGET = "4m"
"""A time, so that the demo takes as long on a slow machine; scores and export come after it."""


def demo(
    ctx: typer.Context,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget", metavar="AMOUNT", help=f"When to stop training. Default: {BUDGET}."
        ),
    ] = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Train, sample, score and export a GAN of handwritten digits.

    It takes about five minutes and downloads nothing.

    Notes:
        JSON: run, grid, scores, export, next.
    """
    _require_onnx()
    from genctl.api.evaluation import evaluate as scoring
    from genctl.api.evaluation.request import EvalRequest
    from genctl.api.models import exporting
    from genctl.api.models.model import open_model
    from genctl.api.training import train as training
    from genctl.api.training.request import TrainRequest
    from genctl.outputs.base import SampleRequest
    from genctl.outputs.naming import default_place

    call: Context = ctx.obj
    output = call.output
    request = TrainRequest(
        "gan", data="digits", budget=budget or BUDGET, device=device, threads=threads
    )
    run = training.run_training(request, output, call.started)
    model = open_model(run, device=device, output=output)
    grid = model.sample(64).save(default_place(model, SampleRequest(64), ".png"))
    output.say("scoring 2000 samples, exporting to ONNX")
    found = scoring.evaluate(EvalRequest("fid,is", model), output)
    exported = exporting.export(run, "onnx", output=output)
    steps = next_steps(run)
    human = [
        f"run      {run.path}",
        f"grid     {grid}",
        describe(found),
        f"export   {describe_export(exported)}",
        "next:",
        *(f"  {step}" for step in steps),
    ]
    call.output.result(
        {
            "run": str(run.path),
            "grid": str(grid),
            "scores": found.to_json()["scores"],
            "export": exported.to_json(),
            "next": steps,
        },
        "\n".join(human),
        bare=str(grid),
    )


def _require_onnx() -> None:
    """Check the packages before the training, so that the export does not fail after it.

    Raises:
        GenctlError: a package that the export needs is missing.
    """
    packages = ("onnx", "onnxruntime", "onnxscript")
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise GenctlError(
            ExitStatus.USAGE,
            f"the demo ends with an export, which needs {' and '.join(missing)}",
            hint='pip install "genctl[onnx]"',
        )
