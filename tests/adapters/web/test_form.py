"""Forms with a file, as browsers and programs write them, and as nobody should."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.errors import Refused
from adapters.web.native.form import disposition, file_in, filename, tidy

TYPE = "multipart/form-data; boundary=----b"
SCRAPS = st.sampled_from(
    (
        *(b"\r\n", b"------b", b"--", b"\r\n\r\n", b"\\", b'"', b";", b"\xff", b"hi"),
        *(b'Content-Disposition: form-data; name="file"', b"; filename=", b"%C3", b"*=utf-8''"),
    )
)


def body(head: bytes, content: bytes) -> bytes:
    said = b"Content-Disposition: form-data; " + head
    return b"------b\r\n%b\r\nContent-Type: x/y\r\n\r\n%b\r\n------b--\r\n" % (said, content)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'name="file"; filename="a b.png"', "a b.png"),
        (b"name=file;filename=a.png", "a.png"),
        (b'name="file"', ""),
        (b'name="file"; filename=""', ""),
        ('name="file"; filename="ф;=.png"'.encode(), "ф;=.png"),
        (b'name="file"; filename="a %22b%22.png"', 'a "b".png'),
        (b'name="file"; filename="a \\"b\\".png"', 'a "b".png'),
        (b'name="file"; filename="C:\\x\\y.png"', "C:\\x\\y.png"),
        (b'name="file"; filename="%D1%84.png"', "ф.png"),
        (b'name="file"; filename="100%.png"', "100%.png"),
        (b'name="file"; filename="%FF.png"', "%FF.png"),
        (b'name="file"; filename="x"; filename*=UTF-8\'\'%D1%84.png', "ф.png"),
        (b'name="file"; filename="x"; filename*=latin-9\'\'%FF', "x"),
        (b'name="file"; name="other"; filename="a"; filename="b"', "a"),
    ],
)
def test_a_file_is_called_as_its_client_says(head: bytes, name: str):
    """In each of the ways in which clients write what is no plain word."""
    assert file_in(body(head, b"hi"), TYPE) == (name, b"hi")


@given(st.lists(SCRAPS | st.binary(max_size=4), max_size=20).map(b"".join))
def test_whatever_comes_is_a_file_or_refused(scraps: bytes):
    """Nothing else is raised for what is no form; the content of one that is comes through."""
    content = scraps.replace(b"b", b"")  # what a boundary ends with
    assert file_in(body(b'name="file"', content), TYPE)[1] == content
    for head in (scraps, b"------b\r\n" + scraps):
        with suppress(Refused):
            file_in(head + b"\r\n------b--", TYPE)


@given(st.text(max_size=20))
def test_a_name_survives_the_way_there_and_back(name: str):
    """As a header, which holds nothing but ASCII; and tidied twice it is the same as once."""
    kept = tidy(name)
    header = disposition("inline", kept)
    assert header.isascii()
    assert header.isprintable()
    assert filename(header) == kept
    assert tidy(kept) == kept
