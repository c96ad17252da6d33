from __future__ import annotations

import pytest

from genctl import registry
from tests.contracts.toys import TOYS


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy families, as if they were built in."""
    monkeypatch.setattr(registry, "BUILT_IN", {**registry.BUILT_IN, **TOYS})
