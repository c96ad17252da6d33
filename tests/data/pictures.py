"""Pictures to write, and sources to be refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from genctl.data.images.open_source import open_source
from genctl.errors import ExitStatus, GenctlError

Pixels = npt.NDArray[np.uint8]


def pixels(seed: int, *shape: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape or (6, 8, 3)).astype(np.uint8)


def write(path: Path, array: Any, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def refusal(source: Path | str, **options: Any) -> GenctlError:
    with pytest.raises(GenctlError) as refused:
        open_source(str(source), **options)
    assert refused.value.code == ExitStatus.DATA
    assert "\n" not in refused.value.message
    assert refused.value.hint
    return refused.value
