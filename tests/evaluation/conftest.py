"""A network that several tests of this room look with."""

from __future__ import annotations

import pytest

from genctl.evaluation.extractors.rand import RandExtractor


@pytest.fixture(scope="session")
def rand() -> RandExtractor:
    return RandExtractor()
