"""ONNX: one module as a graph that any ONNX runtime can run, checked before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genctl.contracts import ExportPlan
from genctl.errors import ExitStatus, GenctlError, Placeholder, Suggestion
from genctl.export.document import from_text, to_text
from genctl.export.packages import one_line, quiet, require
from genctl.export.proof import Proof, refuted, scaled_error
from genctl.files import make_directory
from genctl.staging import staged_file

OPSET = 18
"""The native opset of torch's exporter: it needs no conversion, and runtimes support it."""

TOLERANCE = 1e-4
"""The tolerance in float32, on the scale of `scaled_error`."""

PROOF_BATCHES = (1, 2, 5)

EXTERNAL_DATA_BYTES = 1_500_000_000
"""Larger weights go to a second file, because a protobuf message is limited to 2 GB."""

_DOCUMENT_KEY = "genctl"
_TRACED_BATCH = 2
"""The batch size of the trace; torch treats a batch of 0 or 1 as a constant of the model."""


class OnnxModule(nn.Module):
    """An ONNX Runtime session with the call signature of the original torch module."""

    def __init__(self, session: Any) -> None:
        super().__init__()
        self._session = session
        self._inputs = [node.name for node in session.get_inputs()]

    def forward(self, *inputs: Tensor | None) -> Any:
        """The graph's output, or a tuple of outputs; inputs that are None are skipped."""
        arrays = (tensor.cpu().numpy() for tensor in inputs if tensor is not None)
        outputs = self._session.run(None, dict(zip(self._inputs, arrays, strict=True)))
        tensors = tuple(map(torch.from_numpy, outputs))
        return tensors[0] if len(tensors) == 1 else tensors


def write(plan: ExportPlan, path: Path, document: Mapping[str, Any]) -> Proof:
    """Write ``plan.module`` to ``path`` and check it in ONNX Runtime.

    The graph has the inputs and outputs that the plan names and a batch axis of any length.
    Weights of more than 1.5 GB are in a second file, ``<path>.data``.

    Args:
        plan: the float32 module and its inputs; torch's side of the proof runs on the module's
            device.
        path: the file; an existing one is replaced after the new one is checked.
        document: see `genctl.export.document.to_text`; the file contains it.

    Raises:
        GenctlError: (USAGE) a package of ``genctl[onnx]`` is missing; (PROOF_FAILED) torch cannot
            write the module as a graph, the batch is not free, or the outputs differ; (FAILURE) no
            space or permission. An earlier file at ``path`` is unchanged.
    """
    require("ONNX", "onnx", "onnx", "onnxscript", "onnxruntime")
    make_directory(path.parent)
    with staged_file(path) as stage:
        program = _trace(plan, path)
        _label(program, to_text({**document, "role": plan.role}))
        program.save(stage, external_data=_bytes_of(plan.module) > EXTERNAL_DATA_BYTES)
        _check_structure(plan, stage, path)
        proof = _compare(plan, stage, path)
    return proof


def read(path: Path) -> tuple[dict[str, Any], OnnxModule]:
    """The document of an ONNX file that genctl wrote, and its graph, ready to be called.

    Raises:
        GenctlError: (USAGE) ONNX Runtime is missing; (DATA) no such file, not ONNX or damaged, or
            not written by genctl.
    """
    require("ONNX", "onnx", "onnxruntime")
    if not path.is_file():
        raise GenctlError(ExitStatus.DATA, f"no file at {path}", suggest=_WRITE)
    try:
        session = _session(path)
    except Exception as error:  # the runtime has no base class for what it raises
        raise GenctlError(
            ExitStatus.DATA, f"{path} is not ONNX, or damaged: {one_line(error)}"
        ) from error
    text = session.get_modelmeta().custom_metadata_map.get(_DOCUMENT_KEY)
    if text is None:
        raise GenctlError(
            ExitStatus.DATA,
            f"{path} was not written by genctl, so it has no information on how to sample it",
            suggest=_WRITE,
        )
    return from_text(text, path, also="role"), OnnxModule(session)


_WRITE = Suggestion("export", {"format": "onnx"}, "writes one", args=(Placeholder("RUN"),))


def is_export(path: Path) -> bool:
    """Whether `write` made the file ``path``.

    Raises:
        GenctlError: (USAGE) ONNX Runtime is missing.
    """
    require("ONNX", "onnx", "onnxruntime")
    try:
        read(path)
    except GenctlError:
        return False
    return True


def _trace(plan: ExportPlan, path: Path) -> torch.onnx.ONNXProgram:
    example = _inputs(plan, _TRACED_BATCH)
    names = {"batch", *(name for axes in plan.free.values() for name in axes.values())}
    lengths = {name: torch.export.Dim(name) for name in names}
    shapes = tuple(
        {0: lengths["batch"]} | {axis: lengths[n] for axis, n in plan.free.get(name, {}).items()}
        for name in plan.inputs
    )
    try:
        with quiet(), torch.no_grad():
            program = torch.onnx.export(
                plan.module,
                example,
                input_names=plan.inputs,
                output_names=plan.outputs,
                dynamic_shapes=shapes,
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = one_line(error.__cause__ or error)
        raise refuted(path, f"torch cannot write it with a free batch axis: {reason}") from error
    assert program is not None
    return program


def _label(program: torch.onnx.ONNXProgram, text: str) -> None:
    """Replace the exporter's notes, which contain this machine's paths, by genctl's document."""
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    ClearMetadataAndDocStringPass()(program.model)
    program.model.metadata_props.clear()
    program.model.metadata_props[_DOCUMENT_KEY] = text


def _check_structure(plan: ExportPlan, stage: Path, path: Path) -> None:
    """Check that the file is valid ONNX, and that its names and free axes are the plan's."""
    import onnx

    try:
        onnx.checker.check_model(str(stage), full_check=True)
    except Exception as error:  # the checker has no base class for what it raises
        raise refuted(path, f"it is not valid ONNX: {one_line(error)}") from error
    graph = onnx.load(str(stage), load_external_data=False).graph
    for kind, values, names in (
        ("inputs", graph.input, plan.inputs),
        ("outputs", graph.output, plan.outputs),
    ):
        found = tuple(value.name for value in values)
        if found != names:
            raise refuted(path, f"its {kind} are {found}, not {names}")
        for value in values:
            dims = value.type.tensor_type.shape.dim
            free = {axis for axis, dim in enumerate(dims) if dim.dim_param}
            wanted = {0, *plan.free.get(value.name, {})}
            if free != wanted:
                raise refuted(
                    path,
                    f"{value.name} is free along axes {sorted(free)} instead of {sorted(wanted)}, "
                    "by the module's code (len(x) of a tensor fixes it; x.shape[0] does not)",
                )


def _compare(plan: ExportPlan, stage: Path, path: Path) -> Proof:
    """Check that ONNX Runtime computes from the file what torch computes from the module."""
    import onnxruntime

    try:
        module = OnnxModule(_session(stage))
        largest = max(_difference(plan, module, batch) for batch in PROOF_BATCHES)
    except Exception as error:  # the runtime has no base class for what it raises
        raise refuted(path, f"onnxruntime cannot run it: {one_line(error)}") from error
    if not largest <= TOLERANCE:
        raise refuted(
            path, f"onnxruntime differs from torch by {largest:.2g} (allowed {TOLERANCE:g})"
        )
    return Proof(
        format="onnx",
        runtime=f"onnxruntime {onnxruntime.__version__}",
        inputs=tuple(_tried(plan, batch) for batch in PROOF_BATCHES),
        error=largest,
        tolerance=TOLERANCE,
    )


def _difference(plan: ExportPlan, module: OnnxModule, batch: int) -> float:
    inputs = _inputs(plan, batch)
    # cuDNN would convolve with shortened mantissas (TF32).
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=False):
        expected, got = _tuple(plan.module(*inputs)), _tuple(module(*inputs))
    return max(scaled_error(a.cpu(), b) for a, b in zip(expected, got, strict=True))


def _tried(plan: ExportPlan, batch: int) -> str:
    """``batch 2``, with the free lengths from `_difference`: ``batch 2 (length 13)``."""
    lengths = {
        name: tensor.shape[axis]
        for key, tensor in zip(plan.inputs, plan.example(batch), strict=True)
        for axis, name in plan.free.get(key, {}).items()
    }
    free = ", ".join(f"{name} {length}" for name, length in lengths.items())
    return f"batch {batch} ({free})" if free else f"batch {batch}"


def _inputs(plan: ExportPlan, batch: int) -> tuple[Tensor, ...]:
    device = next((p.device for p in plan.module.parameters()), torch.device("cpu"))
    return tuple(tensor.to(device) for tensor in plan.example(batch))


def _tuple(outputs: Any) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _bytes_of(module: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in module.state_dict().values())
