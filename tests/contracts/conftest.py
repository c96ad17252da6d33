from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.toys import registered


@pytest.fixture(autouse=True)
def toys() -> Iterator[None]:
    """The toy families, as if they were built in."""
    with registered():
        yield
