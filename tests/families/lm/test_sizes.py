"""The one dial: from a number of parameters to a decoder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genctl import config, registry
from genctl.errors import ExitStatus, GenctlError
from genctl.families.lm.sizes import derive, heads_for, hidden_for

SPEC = registry.get("lm")


def resolved(*sets: str) -> config.Config:
    return config.resolve(SPEC, environ={}, sets=sets)


@pytest.mark.parametrize(
    ("size", "width", "depth", "heads"),
    [("450k", 96, 4, 2), ("10.6M", 384, 6, 6), ("85M", 768, 12, 12)],
)
def test_known_sizes(size: str, width: int, depth: int, heads: int) -> None:
    model = resolved(f"size={size}").model
    assert (model.width, model.depth, model.heads) == (width, depth, heads)


@given(st.floats(min_value=5.2e4, max_value=5e9))
def test_the_blocks_have_about_as_many_parameters_as_asked(number: float) -> None:
    found = {key: value for key, (value, _) in derive({"model.size": f"{number:.0f}"}).items()}
    width, depth = found["model.width"], found["model.depth"]
    blocks = depth * (4 * width**2 + 3 * width * hidden_for(width))
    assert number / 2 < blocks < number * 2


@given(st.integers(1, 500).map(lambda k: 32 * k))
def test_heads_divide_the_width_evenly(width: int) -> None:
    assert width % (2 * heads_for(width)) == 0


def test_what_a_person_chose_is_not_derived() -> None:
    found = resolved("size=10.6M", "depth=3")
    assert (found.model.width, found.model.depth) == (384, 3)
    assert found.origins["model.width"] == "model.size 10.6M"
    assert found.origins["model.depth"] == "sets"
    assert found.train.adamw_lr == 0.01


@pytest.mark.parametrize("size", ["big", "-3M", "10", "1e9999"])
def test_other_sizes_are_refused(size: str) -> None:
    with pytest.raises(GenctlError, match="size=") as refused:
        resolved(f'size="{size}"')
    assert refused.value.code == ExitStatus.USAGE
