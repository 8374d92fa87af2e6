"""What a file is, by its own bytes."""

import pytest

from core.kinds import IMAGES, LARGEST, LARGEST_IMAGE, LARGEST_TEXT, PDF, TEXT, kind_of, most


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
    ],
)
def test_a_file_is_what_its_bytes_say(content, kind):
    """Whatever its name and its headers say."""
    assert kind_of(content) == kind


def test_each_kind_has_its_own_limit():
    """A text would stand in the prompt whole, and no provider takes a larger image."""
    assert {most(kind) for kind in IMAGES} == {LARGEST_IMAGE}
    assert (most(TEXT), most(PDF)) == (LARGEST_TEXT, LARGEST)
