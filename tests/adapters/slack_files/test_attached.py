"""What Slack tells of a message's files."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from adapters.slack.files import HOME, address, attached, home_of, sent
from core.errors import Permanent

CAT = {
    "id": "F1",
    "name": "cat.png",
    "mimetype": "image/png",
    "size": 12_345,
    "mode": "hosted",
    "url_private": "https://files.slack.com/files-pri/T1-F1/cat.png",
    "preview": "what nobody needs",
}


def first(file):
    (found,) = attached({"files": [file]}, team="T1", enterprise=None)
    return found


def test_a_file_is_told_of_by_what_fetching_needs():
    """Whose it is, and what Slack said of it; nothing else is kept."""
    found = first(CAT)
    assert (found.name, found.type, found.upload) == ("cat.png", "image/png", None)
    kept = {key: CAT[key] for key in ("id", "mimetype", "mode", "size", "url_private")}
    assert found.source == {"team": "T1", "file": kept}
    (there,) = attached({"files": [CAT]}, team="T1", enterprise="E1")
    assert there.source == {"team": "T1", "enterprise": "E1", "file": kept}


@pytest.mark.parametrize("more", [{"mode": "tombstone"}, {"mode": "external"}, {"mimetype": "a/b"}])
def test_a_file_of_any_kind_is_handed_over(more):
    """Whether it can be read is not for here to say."""
    assert first(CAT | more).source is not None


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ({"title": "a\n \u2028b"}, "a b"),
        ({"name": " ", "title": "b"}, "b"),
        ({"name": "a\x00\ud800"}, "a?"),
        ({"name": "x" * 101}, "x" * 99 + "…"),
        ({"name": ["a"]}, ""),
    ],
)
def test_a_name_is_one_line(file, name):
    """That can be stored, and shown."""
    assert first(file).name == name


@pytest.mark.parametrize("size", [-1, True, "7", 7.0, 1 << 70, None])
def test_what_is_no_size_is_not_kept(size):
    """Only its content then tells how large it is."""
    assert "size" not in first(CAT | {"size": size}).source["file"]


def test_ten_files_come_along():
    """The others are counted."""
    event = {"files": [CAT] * 13}
    assert (len(attached(event, team="T1", enterprise=None)), sent(event)) == (10, 13)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = st.sampled_from([*CAT, "title", "is_external", "file_access", "url_private_download"])


@given(JSON | st.lists(JSON | st.dictionaries(FIELDS, JSON), max_size=12))
@settings(max_examples=40, deadline=None)
def test_odd_files_are_told_of_too(files):
    """Whatever stands there, nothing raises, and what is made of it can be stored."""
    found = attached({"files": files}, team="T1", enterprise=None)
    stored = json.dumps([file.source for file in found], allow_nan=False)
    stored.encode()
    assert "\\u0000" not in stored
    assert len(found) == min(sent({"files": files}), 10)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "files-pri/T1-F1/cat.png",
        "http://files.slack.com/x",
        "https://files.slack.com:8443/x",
        "https://files.slack.com.evil.com/x",
        "https://evil.com/files.slack.com",
        "https://files.slack.com@evil.com/x",
        "https://evil.com\\@files.slack.com/x",
        "https://u:p@files.slack.com/x",
        "https://slack.com/x",
        "https://[/x",
        "https://files.slack.com:x/x",
    ],
)
def test_the_token_is_for_slack_s_file_host_alone(url):
    """No other host, port or scheme is asked for a file."""
    with pytest.raises(Permanent):
        address(url, HOME)


@pytest.mark.parametrize("port", ["", ":443"])
def test_slack_s_file_host_is_asked(port):
    """A default port may be written out."""
    url = f"https://files.slack.com{port}/files-pri/T1-F1/download/a%20b.png"
    told = str(address(url, HOME))
    assert told == "https://files.slack.com/files-pri/T1-F1/download/a%20b.png"


@pytest.mark.parametrize(
    ("api", "home"),
    [
        ("https://slack.com/api/", "https://files.slack.com"),
        ("https://acme.enterprise.slack.com/api/", "https://files.slack.com"),
        ("https://notslack.com/api/", "https://notslack.com"),
        ("http://127.0.0.1:8080/api/", "http://127.0.0.1:8080"),
    ],
)
def test_files_are_where_the_api_is(api, home):
    """Slack's own have a host of theirs."""
    assert home_of(api) == URL(home)
