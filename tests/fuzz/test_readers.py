"""What is read and was damaged, in passing or on purpose; `make fuzz` goes on for longer."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genctl.errors import ExitStatus
from tests.fuzz.readers import READERS, attempt

EXAMPLES = int(os.environ.get("GENCTL_FUZZ_EXAMPLES", "15"))


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    """``valid`` after a few cuts, flips, insertions and repetitions."""
    content = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(1, 24))
        match draw(st.integers(0, 4)):
            case 0:
                del content[place : place + length]
            case 1:
                content[place : place + length] = draw(st.binary(max_size=24))
            case 2:
                content[place:place] = content[place : place + length]
            case 3 if content:
                content[place] ^= 1 << draw(st.integers(0, 7))
            case _:
                word = draw(st.sampled_from(WORDS))
                content[place : place + draw(st.integers(0, 8))] = word
    return bytes(content)


WORDS = (
    b"null", b"-1", b"1e999", b"NaN", b"[]", b"{}", b'""', b"true", b"9" * 40, b"../x", b"\x00",
    b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\xe7\x8c\xab", b"[" * 2000, b'{"a":' * 2000,
)  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_a_good_file_is_read(name: str) -> None:
    refusal = attempt(READERS[name], READERS[name].valid())
    assert (refusal is None) == READERS[name].useful


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_a_damaged_file_is_refused_in_one_line(name: str, data: st.DataObject) -> None:
    reader = READERS[name]
    refusal = attempt(reader, data.draw(damaged(reader.valid())))
    assert refusal is None or refusal.code in (ExitStatus.USAGE, ExitStatus.DATA)
