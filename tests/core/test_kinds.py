"""What a file is, by its own bytes."""

import codecs

import pytest

from core.kinds import (
    IMAGES,
    LARGEST,
    LARGEST_IMAGE,
    LARGEST_TEXT,
    PDF,
    TEXT,
    kind_of,
    most,
    normal,
)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0....", "image/jpeg"),
        (b"GIF87a....", "image/gif"),
        (b"GIF89a....", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7\n", PDF),
        (b"\xef\xbb\xbfjunk before it\n%PDF-1.4", PDF),
        ("Größe,Zahl\r\n\t1\n".encode(), TEXT),
        (b"<html><script>", TEXT),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", None),
        (b"\x89PNG\r\n", None),
        (b"PK\x03\x04", None),
        (b"OggS\x00\x02", None),
        (b"\xff\xfe\x00", None),
        (b"a\x00b", None),
        (b"", None),
        ("Grüße: 5 €".encode("cp1252"), TEXT),
        ("Grüße".encode("utf-16"), TEXT),
        ("Grüße".encode("utf-16-le"), None),
        (codecs.BOM_UTF16_LE, None),
        (codecs.BOM_UTF16_BE + "a\0b".encode("utf-16-be"), None),
        (codecs.BOM_UTF16_LE + b"a", None),
        (codecs.BOM_UTF32_LE + "ab".encode("utf-32-le"), None),
        (b"Gr\xfc\x01", None),
        (b"Gr\xfc\x81", None),
        ("Доброе утро, мир".encode("cp1251"), None),
        (b"\xff\xd8\xc0", None),
        (("a" + "ü" * 2 * LARGEST_TEXT).encode(), TEXT),
        (b"a" * 3 * LARGEST_TEXT + b"\0", TEXT),
    ],
)
def test_a_file_is_what_its_bytes_say(content, kind):
    """Whatever its name and its headers say."""
    assert kind_of(content) == kind


def test_each_kind_has_its_own_limit():
    """A text would stand in the prompt whole, and no provider takes a larger image."""
    assert {most(kind) for kind in IMAGES} == {LARGEST_IMAGE}
    assert (most(TEXT), most(PDF)) == (LARGEST_TEXT, LARGEST)


@pytest.mark.parametrize("charset", ["utf-8", "cp1252", "utf-16", "utf-16-be"])
def test_a_text_is_kept_in_utf_8(charset):
    """Whatever it came in; nothing else is changed, nor what is too long to be kept."""
    text = "Grüße: 5 €\r\n"
    mark = codecs.BOM_UTF16_BE if charset == "utf-16-be" else b""
    came = mark + text.encode(charset)
    assert normal(kind_of(came), came) == text.encode()
    assert normal(PDF, came) == came
    long = came + b"\xfc" * 4 * LARGEST_TEXT
    assert normal(TEXT, long) == long
