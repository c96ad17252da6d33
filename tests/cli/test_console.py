"""How the command ends its process."""

from __future__ import annotations

import os

import pytest

from genctl import cli
from genctl.engine.parallel.process_group import ProcessGroup


class LeftError(Exception):
    """Raised in place of leaving at once."""


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize("joined", [False, True])
def test_a_process_that_met_others_leaves_at_once(
    joined: bool, status: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def leave(code: int) -> None:
        raise LeftError(code)

    def main() -> int:
        print("said", end="")
        return status

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(ProcessGroup, "joined", joined)
    monkeypatch.setattr(cli, "main", main)
    with pytest.raises(LeftError if joined else SystemExit) as left:
        cli.console()
    assert left.value.args == (status,)
    assert capfd.readouterr().out == "said"
