from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genctl.data.images.sets.digits import load_digits
from genctl.errors import ExitStatus, GenctlError
from genctl.evaluation.evaluate import evaluate_images
from genctl.evaluation.extractors.digits import DigitsExtractor
from genctl.evaluation.features import extract
from genctl.evaluation.measures.memorisation import Memorisation, memorisation
from genctl.evaluation.measures.neighbours import nearest
from genctl.evaluation.reference import make_reference


def draw(rows: int, seed: int) -> Tensor:
    return torch.randn(rows, 6, generator=torch.Generator().manual_seed(seed))


def compared(generated: Tensor, training: Tensor, held_out: Tensor) -> Memorisation:
    return memorisation(
        nearest(generated, training).distances, nearest(held_out, training).distances
    )


def test_new_images_are_as_far_as_held_out_ones() -> None:
    found = compared(draw(2000, 0), draw(3000, 1), draw(2000, 2))
    assert found.ratio == pytest.approx(1, abs=4 * found.error)
    assert found.error < 0.05
    assert found.copies == 0
    assert found.close == pytest.approx(0.01, abs=0.01)


def test_copies_are_counted_and_near_copies_are_close() -> None:
    training = draw(1000, 1)
    mixed = torch.cat([training[:30], training[30:60] + 1e-2, draw(40, 0)])
    found = compared(mixed, training, draw(500, 2))
    assert found.copies == 30
    assert 0.6 <= found.close < 0.65
    assert found.ratio < 0.1
    for (low, high), value in ((found.copies_interval, 30), (found.close_interval, found.close)):
        assert low < value < high


def test_no_copies_among_few_images_leave_room_for_some() -> None:
    found = compared(draw(20, 0), draw(1000, 1), draw(500, 2))
    assert found.copies == 0
    assert found.copies_interval.low == 0
    assert 2 < found.copies_interval.high < 4


def test_its_error_is_the_spread_over_generated_sets() -> None:
    training, held_out = draw(1000, 1), draw(500, 2)
    found = [compared(draw(300, seed), training, held_out) for seed in range(10, 70)]
    spread = torch.tensor([f.ratio for f in found]).std().item()
    assert sum(f.error for f in found) / len(found) == pytest.approx(spread, rel=0.35)


def test_held_out_digits_are_new_and_training_digits_are_copies() -> None:
    extractor = DigitsExtractor()
    training, held_out = load_digits("train")[0][:2000], load_digits("test")[0]
    reference = make_reference([training], extractor, name="d", sha256="0" * 64)
    known = extract(extractor, [held_out[:1000]])
    for images, ratio, copies in ((held_out[1000:], 1, 0), (training[:200], 0, 200)):
        [score] = evaluate_images(["memorisation"], [images], extractor, reference, known)
        assert score.name == "memorisation[digits]"
        assert score.value == pytest.approx(ratio, abs=0.1)
        assert score.details["copies"] == score.details["pixel_copies"] == copies
    with pytest.raises(GenctlError, match="the reference has none") as caught:
        evaluate_images(["memorisation"], [training], extractor, reference)
    assert caught.value.code == ExitStatus.USAGE
