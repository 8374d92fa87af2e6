"""What people write in Slack."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.format.inbound import markdown_of, mentioned, words_of

NAMES = {"U1": "Ann", "U2": "Bob\nSmith", "UB": "Gateway"}
modest = settings(max_examples=100, deadline=None)


def read(text, names=NAMES, bot_user="UB"):
    return markdown_of(text, names=names, bot_user=bot_user)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("<@UB> hi", "hi"),
        ("<@UB|gateway>: hi", "hi"),
        (" <@UB>, <@UB> hi", "@Gateway hi"),
        ("hi <@UB>", "hi @Gateway"),
        ("<@U1> <@U2> <@U3|carl> <@U4>", "@Ann @Bob Smith @carl @someone"),
        ("<#C1|general> <#C2> <#C3|>", "#general #channel #channel"),
        ("<!here> <!channel|channel> <!everyone>", "@here @channel @everyone"),
        ("<!subteam^S1|@team> <!subteam^S1>", "@team @group"),
        ("<!date^1392734382^{date}^https://x.com|Feb 18>", "Feb 18"),
        ("<https://x.com/?a=1&amp;b=2|label>", "[label](https://x.com/?a=1&b=2)"),
        ("<https://x.com> <https://x.com|https://x.com>", "https://x.com https://x.com"),
        ("<https://x.com/a_(b)|l>", "[l](<https://x.com/a_(b)>)"),
        ("<https://x.com|[a] &amp; b>", "[\\[a\\] & b](https://x.com)"),
        ("<mailto:a@b.com|a@b.com> <mailto:a@b.com|Ann>", "a@b.com [Ann](mailto:a@b.com)"),
        ("<tel:123|123>", "123"),
        ("&lt;@U1&gt; &amp;lt; a &lt; b", "<@U1> &lt; a < b"),
        ("*bold* _it_ ~s~ 2 * 3 * 4 a*b*c ~/x", "**bold** _it_ ~~s~~ 2 * 3 * 4 a*b*c ~/x"),
        ("*_both_* *a ~b~*", "**_both_** **a ~~b~~**"),
        ("*<https://x.com/*a*|l>*", "**[l](https://x.com/*a*)**"),
        ("<https://x.com/*a*/~b~>", "https://x.com/*a*/~b~"),
        ("`*a* &lt;b&gt;` *c*", "`*a* <b>` **c**"),
        ("```\n*a* &lt; b\n```", "```\n*a* < b\n```"),
        ("see ```a\nb``` ok", "see \n```\na\nb\n```\n ok"),
        ("```x = *1*```", "```x = *1*```"),
        ("`curl <https://x.com|x.com>`", "`curl [x.com](https://x.com)`"),
        ("&gt; quoted", "> quoted"),
        ("", ""),
    ],
)
def test_a_message_becomes_markdown(text, markdown):
    """As its writer saw it, with the bot's own name left out in front alone."""
    assert read(text) == markdown


def test_a_bot_without_a_name_is_you():
    """Its own name is known to nobody else; and without an id it is like everybody."""
    assert read("hi <@UB>", names={}) == "hi @you"
    assert read("<@UB> hi", names={}, bot_user=None) == "@someone hi"


@modest
@given(st.text("&<>ampltg; @U1|!*`~\n", max_size=80))
def test_what_was_typed_is_unescaped_once(typed):
    """Without marks, a message is what its writer typed, to the letter."""
    plain = typed.translate(str.maketrans("", "", "*`~"))
    sent = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert read(sent) == plain


@modest
@given(st.lists(st.sampled_from(["<@U1>", "<@U2>", *"<>|!#^*`~_\n &lt;"])).map("".join))
def test_odd_messages_are_read_too(text):
    """Nothing in them is an error, and whoever has to be named gets a name."""
    names = dict.fromkeys(mentioned(text), "Ann")
    assert "someone" not in read(text, names=names, bot_user=None)


def test_names_are_asked_for_once():
    """And not of those whom the text names."""
    assert mentioned("<@U2> <@U1> <@U2> <@U3|carl> `<@U4>` &lt;@U5&gt;") == ["U2", "U1", "U4"]


TABLE = {
    "type": "table",
    "rows": [
        [{"type": "raw_text", "text": "a|b"}, {"type": "raw_text", "text": "<x>"}],
        [
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [
                            {"type": "text", "text": "by "},
                            {"type": "user", "user_id": "U1"},
                            {"type": "link", "url": "https://x.com", "text": "l"},
                            {"type": "emoji", "name": "wave"},
                        ],
                    }
                ],
            }
        ],
    ],
}


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"text": "hi"}, "hi"),
        ({"text": "hi", "attachments": [{"text": "a page's preview"}]}, "hi"),
        ({"text": "", "attachments": [{"text": "a"}, {"fallback": "b"}]}, "a\n\nb"),
        ({"text": None}, ""),
        ({}, ""),
        ({"text": ["hi"], "attachments": {"text": "a"}}, ""),
    ],
)
def test_a_message_has_words(event, words):
    """Those of its text; if it has none, those of its attachments."""
    assert words_of(event) == words


@pytest.mark.parametrize("text", ["look:", None])
def test_a_pasted_table_is_part_of_the_message(text):
    """It comes as an attachment, and reads as Markdown."""
    event = {"text": text, "attachments": [{"fallback": "[no preview]", "blocks": [TABLE]}]}
    table = "| a\\|b | <x> |\n| --- | --- |\n| by @Ann[l](https://x.com):wave: |  |"
    assert read(words_of(event)) == (f"{text}\n\n{table}" if text else table)


FIELDS = ["text", "attachments", "blocks", "type", "rows", "elements", "url", "name"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner | st.sampled_from(["table", "link", "user", "rich_text"]),
            max_size=4,
        )
    ),
    max_leaves=30,
)


@modest
@given(st.dictionaries(st.sampled_from(["text", "attachments"]), JSON))
def test_odd_events_are_read_too(event):
    """Whatever their fields hold, there are words, perhaps none."""
    assert isinstance(read(words_of(event)), str)


def test_cells_nested_beyond_measure_are_empty():
    """They are no reason to fail."""
    cell = {"type": "text", "text": "deep"}
    for _ in range(5_000):
        cell = {"type": "rich_text", "elements": [cell]}
    block = {"type": "table", "rows": [[cell]]}
    assert words_of({"attachments": [{"blocks": [block]}]}) == "|  |\n| --- |"
