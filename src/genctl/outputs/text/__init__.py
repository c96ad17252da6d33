"""Text as output: shown while it is generated, or saved as text or JSON lines."""

from __future__ import annotations

from genctl.registry import SPEC_API, OutputKind

KIND = OutputKind(
    api=SPEC_API,
    name="text",
    summary="text: shown in the terminal, or saved as .txt or .jsonl",
    words=("text", "texts"),
    suffixes=(".txt", ".jsonl"),
    shown=True,
    inputs=frozenset({"prompts", "jsonl"}),
    method="write",
    default_metrics=("bpb",),
    targets={
        "generate": "genctl.outputs.text.generate:generate",
        "stream": "genctl.outputs.text.generate:stream",
        "check": "genctl.outputs.text.samples:check_place",
        "callbacks": "genctl.outputs.text.callbacks:TextCallbacks",
        "read": "genctl.outputs.text.reading:read_samples",
    },
)
