from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from genctl.decoding.detokenizer import IncrementalDetokenizer

BYTES = [bytes([value]) for value in range(256)]


@given(st.lists(st.binary(max_size=5)))
@example([b"\xe6\x98", b"", b"\xa5\xe7", b"\x9c\xa0"])
@example([b"\xf0\x9f", b"\xf0\x9f\x98\x80", b"\xc0\x80\xed", b"\xa0"])
def test_pieces_joined_are_the_whole_decoded_at_once(pieces: list[bytes]) -> None:
    transcript = IncrementalDetokenizer(pieces, [])
    text = "".join(transcript.feed(token) for token in range(len(pieces))) + transcript.end()
    assert text == b"".join(pieces).decode("utf-8", "replace")


@given(st.text())
def test_characters_come_whole_and_at_once(text: str) -> None:
    transcript = IncrementalDetokenizer(BYTES, [])
    for character in text:
        *early, last = [transcript.feed(byte) for byte in character.encode()]
        assert not any(early)
        assert last == character
    assert transcript.end() == ""


def test_a_stop_may_lie_across_tokens_and_bytes() -> None:
    transcript = IncrementalDetokenizer(BYTES, ["晓。"])
    found = [transcript.feed(byte) for byte in "春眠不觉晓。处处".encode()]
    assert "".join(found) == "春眠不觉"
    assert transcript.stopped
    assert transcript.end() == ""


def test_half_a_character_at_the_end_is_a_replacement_character() -> None:
    transcript = IncrementalDetokenizer(BYTES, ["\ufffd!"])
    assert [transcript.feed(byte) for byte in "好".encode()[:2]] == ["", ""]
    assert transcript.end() == "\ufffd"
