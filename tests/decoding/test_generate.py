"""Generating with toy predictors: which tokens, when text is given out, independent rows."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from genctl.decoding.generate import write
from genctl.decoding.request import TextRequest
from genctl.engine.sampling.noise import KeyedNoise
from genctl.errors import ExitStatus, GenctlError
from tests.decoding.toys import Spelling, Toy, byte_tokenizer, joined, pieces

PROMPTS = [[1, 2, 3], [7], list(range(12)), [], [5] * 16, [9, 9], [40, 41, 42, 43], [250]]


def greedy(prompt: Sequence[int], steps: int, context: int, end: int | None = 256) -> list[int]:
    """Text with nothing but the toy's logits; the last half is kept where no more fits."""
    toy, held, written = Toy(context), list(prompt), []
    for _ in range(steps):
        token = int(toy.logits(held).argmax())
        if token == end:
            break
        written.append(token)
        held.append(token)
        if len(held) > context:
            held = held[-(context // 2) :]
    return written


class TestTokens:
    """Which tokens are written."""

    @pytest.mark.parametrize("context", [2, 5, 16, 200])
    def test_greedily_beyond_the_context(self, context: int) -> None:
        prompts = [[1], [3, 4]]
        found = pieces(Toy(context), prompts, temperature=0, max_new_tokens=60)
        for row, prompt in enumerate(prompts):
            assert list(joined(found, row)[1]) == greedy(prompt, 60, context)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"temperature": 1.5},
            {"top_k": 5, "top_p": 0.9},
            {"min_p": 0.05},
            {"repetition_penalty": 1.3, "frequency_penalty": 0.2, "presence_penalty": 0.1},
            {"stop": ("a", "b", "\n", "é", "0", "1", "2", "3", "4")},
            {"overflow": "stop"},
        ],
    )
    def test_a_row_depends_on_its_number_and_prompt_alone(self, options: dict[str, Any]) -> None:
        options = {"max_new_tokens": 150, **options}
        together = pieces(Toy(), PROMPTS, **options)
        texts = [joined(together, row) for row in range(8)]
        for size in (1, 3):
            for first in range(0, 8, size):
                part = pieces(Toy(), PROMPTS[first : first + size], first=first, **options)
                for row in range(min(size, 8 - first)):
                    assert joined(part, row) == texts[first + row]

    def test_the_seed_and_the_number_matter(self) -> None:
        found = pieces(Toy(), [[1], [1]], max_new_tokens=30)
        other = pieces(Toy(), [[1]], max_new_tokens=30, seed=1)
        assert len({joined(found, 0), joined(found, 1), joined(other, 0)}) == 3
        assert joined(pieces(Toy(), [[1], [1]], max_new_tokens=30), 0) == joined(found, 0)

    def test_a_longer_text_goes_on_as_a_shorter_one(self) -> None:
        short, long = (
            joined(pieces(Toy(), [[1]], max_new_tokens=n, temperature=2))[1] for n in (70, 140)
        )
        assert long[:70] == short

    def test_draws_follow_the_probabilities(self) -> None:
        class Fixed(Toy):
            def logits(self, row: Sequence[int]) -> Tensor:
                return torch.tensor([0.1, 0.2, 0.3, 0.4, 1e-30]).log()

        _, tokens, _ = joined(pieces(Fixed(5000), [[0]], temperature=1, max_new_tokens=4000))
        shares = torch.bincount(torch.tensor(tokens), minlength=5) / 4000
        assert torch.allclose(shares, torch.tensor([0.1, 0.2, 0.3, 0.4, 0.0]), atol=0.03)

    def test_penalties_count_the_prompt_and_what_was_written(self) -> None:
        prompt = list(range(100, 120))
        options: dict[str, Any] = {
            "presence_penalty": 1000.0,
            "temperature": 0.0,
            "max_new_tokens": 80,
        }
        _, tokens, why = joined(pieces(Toy(200), [prompt], **options))
        assert why in {"length", "end"}
        assert len({*tokens, *prompt}) == len(tokens) + len(prompt)

    def test_penalties_forget_what_the_model_has_forgotten(self) -> None:
        class Ranking(Toy):
            def logits(self, row: Sequence[int]) -> Tensor:
                return -torch.arange(257.0)

        options: dict[str, Any] = {
            "presence_penalty": 1000.0,
            "temperature": 0,
            "max_new_tokens": 12,
        }
        _, tokens, _ = joined(pieces(Ranking(8), [[200]], **options))
        # Eight beside the prompt; then the last four are known, and so on.
        assert tokens == (0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3)

    def test_the_end_is_never_penalised(self) -> None:
        class Ending(Toy):
            def logits(self, row: Sequence[int]) -> Tensor:
                return torch.arange(257) * 0.01

        found = pieces(Ending(), [[]], presence_penalty=5.0, repetition_penalty=9.0, temperature=0)
        assert joined(found) == ("", (), "end")


class TestEnds:
    """Why a row ends."""

    def test_as_many_tokens_as_were_wanted(self) -> None:
        assert joined(pieces(Spelling(b"abc"), [[0]], max_new_tokens=7)) == (
            "abcabca",
            tuple(b"abcabca"),
            "length",
        )

    def test_the_end_token_is_no_text(self) -> None:
        found = joined(pieces(Spelling([*b"abc", 256]), [[0]]))
        assert found == ("abc", tuple(b"abc"), "end")

    def test_without_an_end_token_none_ends(self) -> None:
        tokenizer = byte_tokenizer(end=False)
        found = joined(pieces(Spelling([*b"abc", 256]), [[0]], tokenizer=tokenizer))
        assert (len(found[1]), found[2]) == (256, "length")

    def test_a_stop_string_is_left_out_and_the_rest_held_back_till_it_is_certain(self) -> None:
        found = pieces(Spelling("问\n\n\nUser:".encode()), [[0]], stop=r"\n\nUser")
        assert [piece.text for piece in found] == ["问", "\n", ""]
        assert joined(found) == ("问\n", tuple("问\n\n\nUser".encode()), "stop")

    def test_what_was_held_back_comes_out_at_the_end(self) -> None:
        found = joined(pieces(Spelling(b"ab"), [[0]], stop="abx", max_new_tokens=6))
        assert found == ("ababab", tuple(b"ababab"), "length")

    def test_the_context_is_full(self) -> None:
        predictor = Spelling(b"abcd", context=10)
        found = pieces(predictor, [[0] * 3, [0] * 10], overflow="stop")
        assert [joined(found, row)[2] for row in (0, 1)] == ["context", "context"]
        assert [len(joined(found, row)[1]) for row in (0, 1)] == [7, 1]
        assert predictor.reads == [2] + [1] * 6

    def test_a_wanted_length_that_just_fits_is_no_full_context(self) -> None:
        predictor = Spelling(b"abcd", context=10)
        found = pieces(predictor, [[0] * 3], overflow="stop", max_new_tokens=7)
        assert joined(found)[2] == "length"

    @pytest.mark.parametrize("overflow", ["slide", "stop"])
    def test_of_a_prompt_that_is_too_long_the_last_half_is_read(self, overflow: str) -> None:
        predictor = Toy(10)
        found = pieces(predictor, [list(range(30)), [1]], overflow=overflow, max_new_tokens=2)
        assert predictor.opened == [[25, 26, 27, 28], []]
        assert len(joined(found)[1]) == 2

    @pytest.mark.parametrize("options", [{}, {"temperature": 0}, {"top_k": 4}])
    def test_logits_that_are_no_numbers(self, options: dict[str, Any]) -> None:
        class Broken(Toy):
            def logits(self, row: Sequence[int]) -> Tensor:
                return super().logits(row) + (float("nan") if len(row) > 4 else 0.0)

        with pytest.raises(GenctlError, match="logits are not finite") as refused:
            pieces(Broken(), [[1]], **options)
        assert refused.value.code == ExitStatus.NON_FINITE


class TestStreams:
    """When text is given out, and how the predictor is used."""

    def test_characters_come_whole_with_all_their_tokens(self) -> None:
        poem = "春眠不觉晓，处处闻啼鸟。"
        found = pieces(Spelling(poem.encode()), [[0]], max_new_tokens=len(poem.encode()))
        assert [piece.text for piece in found] == list(poem)
        assert all(bytes(piece.tokens).decode() == piece.text for piece in found)

    def test_half_a_character_at_the_end_is_replaced(self) -> None:
        found = pieces(Spelling("好".encode()), [[0]], max_new_tokens=5)
        assert joined(found) == ("好\ufffd", tuple("好".encode() + "好".encode()[:2]), "length")

    def test_rows_are_given_out_step_by_step(self) -> None:
        found = pieces(Spelling(b"abc", b"xyz"), [[0], [1]], max_new_tokens=3)
        assert [(piece.row, piece.text) for piece in found] == [
            (0, "a"), (1, "x"), (0, "b"), (1, "y"), (0, "c"), (1, "z"),
        ]  # fmt: skip
        assert [piece.finished for piece in found] == [""] * 4 + ["length"] * 2

    def test_nothing_is_read_before_it_is_wanted(self) -> None:
        predictor = Spelling(b"abc")
        noise = KeyedNoise(("sample", 0), range(1))
        found = write(predictor, [[0]], TextRequest(), noise, byte_tokenizer())
        assert not predictor.opened
        assert next(found).text == "a"
        assert predictor.reads == [1]
        assert next(found).text == "b"
        assert predictor.reads == [1, 1]
        assert not torch.is_inference_mode_enabled()

    def test_slots_are_closed_when_the_caller_stops_or_the_model_fails(self) -> None:
        predictor = Spelling(b"abc")
        noise = KeyedNoise(("sample", 0), range(2))
        found = write(predictor, [[0], [0]], TextRequest(), noise, byte_tokenizer())
        assert isinstance(found, Generator)
        next(found)
        assert len(predictor.slots) == 2
        found.close()
        assert not predictor.slots

        class Broken(Spelling):
            def logits(self, row: Sequence[int]) -> Tensor:
                return super().logits(row) * float("nan")

        broken = Broken(b"abc")
        with pytest.raises(GenctlError):
            pieces(broken, [[0]])
        assert len(broken.opened) == 1
        assert not broken.slots

    def test_other_slots_of_the_predictor_stay(self) -> None:
        predictor = Spelling(b"abc")
        own = predictor.open([0, 97])
        noise = KeyedNoise(("sample", 0), range(1))
        list(write(predictor, [[0]], TextRequest(max_new_tokens=5), noise, byte_tokenizer()))
        assert predictor.slots == {own: [0, 97]}

    def test_the_predictor_works_in_inference_mode(self) -> None:
        class Watching(Toy):
            modes: set[bool] = set()  # noqa: RUF012

            def logits(self, row: Sequence[int]) -> Tensor:
                self.modes.add(torch.is_inference_mode_enabled())
                return super().logits(row)

        pieces(Watching(), [[1]], max_new_tokens=40)
        assert Watching.modes == {True}

    def test_nothing_to_write(self) -> None:
        assert pieces(Toy(), []) == []

    def test_no_more_is_read_when_all_rows_are_finished(self) -> None:
        predictor = Spelling(b"abcd", [*b"ab", 256])
        pieces(predictor, [[0], [1]], max_new_tokens=4)
        assert predictor.reads == [2, 2, 2, 1]

    def test_finished_rows_are_read_no_more(self) -> None:
        short, long = [*b"ab", 256], b"abcdefgh"
        predictor = Spelling(short, long, [*b"abcd", 256])
        prompts = [[0], [1], [0], [2], [0], [0, 97]]
        found = pieces(predictor, prompts, max_new_tokens=8)
        assert [joined(found, row)[0] for row in range(6)] == [
            "ab", "abcdefgh", "ab", "abcd", "ab", "b",
        ]  # fmt: skip
        assert predictor.reads == [6, 6, 5, 2, 2, 1, 1, 1]
        assert len(predictor.opened) == 6

    def test_only_a_full_row_is_read_again(self) -> None:
        predictor = Toy(6)
        found = pieces(predictor, [[0] * 4, [1]], max_new_tokens=4, temperature=0)
        first = list(joined(found, 0)[1])
        assert predictor.opened == [[0] * 3, [], first[:2]]

    @pytest.mark.parametrize(
        ("end", "newline", "first"), [(True, True, 256), (False, True, 10), (False, False, 0)]
    )
    def test_what_a_text_without_a_prompt_begins_after(
        self, end: bool, newline: bool, first: int
    ) -> None:
        tokenizer = byte_tokenizer(end=end)
        if not newline:
            tokenizer.bytes_of[10] = b"?"
        found, same = (
            joined(pieces(Toy(), [prompt], tokenizer=tokenizer)) for prompt in ([], [first])
        )
        assert found == same

    def test_start_tokens_come_before_each_prompt(self) -> None:
        predictor, noise = Toy(), KeyedNoise(("sample", 0), range(2))
        request, tokenizer = TextRequest(max_new_tokens=1), byte_tokenizer()
        list(write(predictor, [[], [5, 6]], request, noise, tokenizer, start=(7, 8)))
        assert predictor.opened == [[7], [7, 8, 5]]
