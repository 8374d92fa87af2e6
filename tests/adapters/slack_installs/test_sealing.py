"""What is sealed opens with its key and in its place alone, and tells nothing."""

import base64
import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.sealing import BadKey, CannotOpen, Keys, key_id, new_key, read_keys
from core.errors import Misconfigured, Transient
from core.installations import Place, Sealed
from tests.adapters.slack_installs.stage import NEW, OLD, OTHER

PLACE = Place(platform="slack", app="A1", enterprise="E1", account="T1")


@settings(max_examples=50)
@given(plain=st.binary(max_size=300))
def test_what_was_sealed_opens(plain):
    """To the very bytes."""
    keys = read_keys(NEW)
    assert keys.open(keys.seal(plain, PLACE), PLACE) == plain


def test_the_same_is_never_sealed_alike():
    """Whoever reads the database does not learn that two tokens are one."""
    keys = read_keys(NEW)
    assert len({keys.seal(b"token", PLACE).secret for _ in range(100)}) == 100


def test_a_ciphertext_shows_nothing():
    """Not the token, not even in part."""
    assert b"token" not in read_keys(NEW).seal(b"token" * 9, PLACE).secret


@pytest.mark.parametrize("part", ["platform", "app", "enterprise", "account"])
def test_it_opens_in_its_place_alone(part):
    """One workspace's token, copied into another's row, is nothing."""
    keys = read_keys(NEW)
    with pytest.raises(CannotOpen):
        keys.open(keys.seal(b"token", PLACE), replace(PLACE, **{part: "X"}))


@pytest.mark.parametrize("at", [0, 12, -1])
def test_what_was_changed_does_not_open(at):
    """Nonce, text and tag: one bit is enough."""
    keys = read_keys(NEW)
    sealed = keys.seal(b"token", PLACE)
    changed = bytearray(sealed.secret)
    changed[at] ^= 1
    with pytest.raises(CannotOpen):
        keys.open(replace(sealed, secret=bytes(changed)), PLACE)


@pytest.mark.parametrize("secret", [b"", b"x", b"x" * 12, b"x" * 27])
def test_what_is_too_short_does_not_open(secret):
    """As after a revocation."""
    keys = read_keys(NEW)
    with pytest.raises(CannotOpen):
        keys.open(Sealed(secret=secret, key_id=keys.id), PLACE)


def test_the_old_key_opens_and_the_new_one_seals():
    """So that keys can be changed without anybody installing the app again."""
    before = read_keys(OLD).seal(b"token", PLACE)
    keys = read_keys(f"{NEW}, {OLD}")
    assert keys.open(before, PLACE) == b"token"
    assert keys.seal(b"token", PLACE).key_id == keys.id == read_keys(NEW).id


def test_a_key_that_is_gone_is_named_but_not_shown():
    """The operator is told which one to put back, and may try again then."""
    before = read_keys(OLD).seal(b"token", PLACE)
    with pytest.raises(CannotOpen, match=f"{read_keys(OLD).id}.*ENCRYPTION_KEY") as refused:
        read_keys(NEW).open(before, PLACE)
    assert isinstance(refused.value, Transient)
    assert OLD not in str(refused.value)


def test_every_way_to_write_a_key_is_the_same_key():
    """Both alphabets, with padding and without, with space around."""
    key = bytes([0xFB, 0xFF] * 16)
    plain, url = base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()
    assert plain != url
    for text in (plain, url, url.rstrip("="), f" {plain}\n"):
        assert read_keys(text).id == key_id(key)


@pytest.mark.parametrize(
    "setting", ["", ",", "abc", NEW[:-8], NEW + NEW, f"{NEW},", f"{NEW},{OLD},{OTHER}", "ä" * 44]
)
def test_a_wrong_setting_is_refused_without_being_repeated(setting):
    """The operator is told which variable it is."""
    with pytest.raises(BadKey, match="ENCRYPTION_KEY") as refused:
        read_keys(setting)
    assert isinstance(refused.value, Misconfigured)
    assert NEW[:9] not in str(refused.value)
    assert "ä" not in str(refused.value)


def test_a_new_key_is_a_good_setting():
    """And another one each time."""
    made = {new_key() for _ in range(10)}
    assert len(made) == 10
    assert all(read_keys(key).id for key in made)


def test_keys_do_not_show_themselves():
    """In a log stands no key."""
    assert NEW not in repr(read_keys(NEW))
    assert repr(Keys([os.urandom(32)])).startswith("<")
