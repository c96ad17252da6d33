from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genctl.cli.context import Context
from genctl.cli.views.samples import SampleContext, show_samples
from genctl.errors import ExitStatus, GenctlError
from genctl.output import QUIET
from genctl.outputs.base import SampleRequest
from genctl.registry import OUTPUT_KINDS


def test_json_lines_are_not_written_into_another_format() -> None:
    model: Any = None  # nothing is generated
    kind = OUTPUT_KINDS.get("text")
    wanted = SampleContext(model, kind, SampleRequest(1), Path("b.txt"), jsonl=True)
    with pytest.raises(GenctlError, match=r"b\.txt is not a \.jsonl") as refused:
        show_samples(Context(None, QUIET), wanted)
    assert (refused.value.code, refused.value.hint) == (ExitStatus.USAGE, "--out b.jsonl")
