from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from genctl.api.models.loading import read_assets
from genctl.errors import ExitStatus, GenctlError
from tests.export.models import data_spec


def test_a_run_names_no_files_outside_of_itself(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    known = {"../secret": hashlib.sha256(b"x").hexdigest()}
    data = dataclasses.replace(data_spec(), assets=known)
    with pytest.raises(GenctlError, match="is damaged") as refused:
        read_assets(tmp_path / "run", data)
    assert refused.value.code == ExitStatus.DATA
