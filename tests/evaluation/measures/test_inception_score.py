from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.measures.inception_score import inception_score


def certain(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Logits of a classifier without doubts."""
    return 1e4 * torch.nn.functional.one_hot(labels, classes).float()


def test_certain_and_uniform_is_the_number_of_classes() -> None:
    score = inception_score(certain(torch.arange(70) % 7, 7), splits=1)
    assert score.mean == pytest.approx(7)
    assert score.deviation == 0


def test_one_verdict_for_all_is_one() -> None:
    verdict = torch.randn(1, 10, generator=torch.Generator().manual_seed(0))
    score = inception_score(verdict.expand(100, -1))
    assert score == pytest.approx((1, 0), abs=1e-12)


def test_samples_in_the_order_of_their_classes_are_shuffled() -> None:
    in_order = certain(torch.arange(10).repeat_interleave(500), 10)
    assert inception_score(in_order).mean > 9.8  # split in that order it would be 1


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(10, 60), classes=st.integers(2, 12))
def test_lies_between_one_and_the_number_of_classes(seed: int, count: int, classes: int) -> None:
    logits = 8 * torch.randn(count, classes, generator=torch.Generator().manual_seed(seed))
    score = inception_score(logits)
    assert 1 - 1e-12 <= score.mean <= classes + 1e-9
    assert score.deviation >= 0


def test_needs_an_image_in_each_split() -> None:
    with pytest.raises(GenctlError, match="at least 10 images, and there are 9") as caught:
        inception_score(torch.zeros(9, 3))
    assert caught.value.code is ExitStatus.USAGE


@pytest.mark.oracle
@pytest.mark.parametrize("count", [50, 1003])
def test_agrees_with_torch_fidelity(count: int) -> None:
    from torch_fidelity.metric_isc import isc_features_to_metric

    logits = 3 * torch.randn(count, 20, generator=torch.Generator().manual_seed(0))
    theirs = isc_features_to_metric(logits)
    ours = inception_score(logits)
    assert ours.mean == pytest.approx(theirs["inception_score_mean"], rel=1e-12)
    assert ours.deviation == pytest.approx(theirs["inception_score_std"], rel=1e-9)
