"""Conversations that clients keep themselves."""

import pytest

from adapters.web.errors import Refused
from adapters.web.plain.transcript import transcript_in
from core.types import PromptMessage


def said(role, content):
    return {"role": role, "content": content}


def part(text):
    return {"type": "text", "text": text}


def test_the_last_message_is_the_question():
    """What was said before it is context, in its order; roles are kept."""
    heard = transcript_in([said("user", "a"), said("assistant", "b"), said("user", "c")])
    assert heard.question == "c"
    assert heard.before == (
        PromptMessage(role="user", text="a"),
        PromptMessage(role="assistant", text="b"),
    )
    assert heard.system is None


def test_what_the_system_says_is_apart():
    """Wherever it stands, it is no part of what the two said."""
    heard = transcript_in(
        [said("system", "Be kind."), said("user", "a"), said("system", "Be brief.")]
    )
    assert (heard.question, heard.before, heard.system) == ("a", (), "Be kind.\n\nBe brief.")


def test_content_may_be_in_parts():
    """Parts of text are lines."""
    heard = transcript_in([said("user", [part("a"), part("b")])])
    assert heard.question == "a\nb"


def test_what_says_nothing_is_left_out():
    """Blank messages, other roles, and signs that no database stores."""
    heard = transcript_in(
        [
            said("system", " "),
            said("user", "a\x00"),
            said("assistant", " \n"),
            said("user", []),
            said("tool", "7"),
            said("developer", "x"),
            said("user", "b\x00"),
        ]
    )
    assert (heard.question, heard.system) == ("b", None)
    assert heard.before == (PromptMessage(role="user", text="a"),)


@pytest.mark.parametrize(
    "messages",
    [
        [said("assistant", "a")],
        [said("user", "a"), said("assistant", "b")],
        [said("user", "a"), said("user", " ")],
        [said("user", "\x00")],
        [said("user", [])],
        [said("system", "a")],
        [said("tool", "a")],
    ],
)
def test_the_user_speaks_last(messages):
    """400 for anything else: there would be nothing to answer."""
    with pytest.raises(Refused, match="The last of messages must be the user's") as refused:
        transcript_in(messages)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "content",
    [
        ["a"],
        [None],
        [{"type": "image_url", "image_url": {"url": "https://example.org"}}],
        [{"type": "text"}],
        [{"type": "text", "text": 7}],
        [{"text": "a"}],
        [part("a"), []],
    ],
)
def test_only_text_is_understood(content):
    """400 for what would be left unseen, also further back."""
    for messages in ([said("user", content)], [said("user", content), said("user", "a")]):
        with pytest.raises(Refused, match="must be text") as refused:
            transcript_in(messages)
        assert refused.value.status == 400
