"""Which bytes are text, and what is said about those that are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.languages import Undecodable, decode, looks_binary


@pytest.mark.parametrize(
    ("key", "data", "text"),
    [
        ("a.py", b"x = 1\r\ny\r", "x = 1\r\ny\r"),
        ("a.py", "é".encode(), "é"),
        ("a.py", b"\xef\xbb\xbfx", "x"),
        ("a.txt", "é".encode("utf-16"), "é"),
        ("a.txt", b"\xfe\xff\x00a", "a"),
        ("a.py", b"# -*- coding: latin-1 -*-\n\xe9", "# -*- coding: latin-1 -*-\n\xe9"),
        (
            "a.py",
            b"#!/bin/python\n# coding: cp1252 :\n\x80",
            "#!/bin/python\n# coding: cp1252 :\n€",
        ),
        ("a.py", b"'''\n# coding: latin-1\n'''\n\xc3\xa9", "'''\n# coding: latin-1\n'''\né"),
        ("a.txt", b"# coding: latin-1\n\xc3\xa9", "# coding: latin-1\né"),
        ("a.py", b"", ""),
    ],
)
def test_text_is_decoded_as_it_says(key: str, data: bytes, text: str) -> None:
    assert decode(key, data) == text


@pytest.mark.parametrize(
    ("key", "data", "message"),
    [
        ("a/b.md", b"x" * 12 + b"\xff", "a/b.md: byte 0xff at offset 12 is not UTF-8; save"),
        ("a.py", b"\xef\xbb\xbf\xff", "a.py: byte 0xff at offset 3 is not UTF-8"),
        ("a.py", b"# coding: klingon\n", "a.py: its coding cookie names klingon, which is no text"),
        ("a.py", b"# coding: rot13\n", "a.py: its coding cookie names rot13"),
        ("a.py", b"# coding: unicode_escape\n\\ud800", "a.py: its coding cookie names"),
        ("a.txt", b"\xff\xfe\x00", "a.txt: byte 0x00 at offset 2 is not UTF-16"),
        ("a.txt", b"\xff\xfe\x00\xd8", "a.txt: byte 0x00 at offset 2 is not UTF-16"),
        ("a.txt", b"one\ntwo\0", "a.txt: NUL character on line 2; is it a binary file?"),
        ("a.txt", b"\xed\xa0\x80", "a.txt: byte 0xed at offset 0 is not UTF-8"),
    ],
)
def test_what_is_no_text_gets_an_error_that_says_where(key: str, data: bytes, message: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(key, data)
    assert str(caught.value).startswith(message)


def test_a_nul_near_the_start_makes_a_file_binary() -> None:
    assert looks_binary(b"\x7fELF\0")
    assert not looks_binary(b"x" * 8192 + b"\0")
    assert not looks_binary("text".encode("utf-16"))
    assert not looks_binary(b"")


@given(data=st.binary(), cookie=st.sampled_from([b"", b"# coding: latin-1\n", b"\xff\xfe"]))
def test_bytes_give_storable_text_or_an_error(data: bytes, cookie: bytes) -> None:
    try:
        text = decode("a.py", cookie + data)
    except Undecodable:
        return
    assert "\0" not in text
    assert text.encode().decode() == text
