"""Markdown in Slack's own notation."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.format.defuse import shown
from adapters.slack.format.mrkdwn import mrkdwn, plain, sections

BITS = st.sampled_from(
    [
        *(
            "<!here>",
            "<@U1>",
            "<#C1>",
            "<",
            "!",
            "@",
            "&",
            "&lt;!here>",
            "\\<",
            "<!-- x -->",
            "<b>",
        ),
        *(
            "*",
            "**",
            "_",
            "~~",
            "`",
            "```\n",
            "\n",
            "\n\n",
            "- ",
            "1. ",
            "> ",
            "# ",
            "| a |",
            "    ",
        ),
        *(
            "[x](<!here>)",
            "[<!here>](https://x.com)",
            "![<@U1>](https://x.com/<@U1>)",
            "word ",
            "|",
        ),
        *("\n| <!here> | b |\n|---|---|\n", "<https://x.com|!here>", "<!@x.com>", "[", "](", ")"),
    ]
)
TEXTS = st.lists(BITS, max_size=30).map("".join)
modest = settings(max_examples=100, deadline=None)


@modest
@given(TEXTS)
def test_nobody_is_mentioned(text):
    """Whatever a model writes: the only tokens are links to pages and to mail addresses."""
    for made in (mrkdwn(text), plain(text, 100)):
        assert not re.search(r"<(?!https?://|mailto:)", made)
        assert not re.search(r"<[^<>]*(<|$)", made)


@modest
@given(st.lists(st.sampled_from(["- ", "> ", "1. ", "**", "`", "# ", "\n", "\n\n", "| ", "  "])))
def test_no_word_is_lost(marks):
    """Each word of the Markdown is there, in its order."""
    text = "".join(f"{mark}w{index}w " for index, mark in enumerate(marks))
    found = re.findall(r"w(\d+)w", mrkdwn(text))
    assert found == [str(index) for index in range(len(marks))]


def test_words_nested_beyond_measure_are_shown_all_the_same():
    """As they were written."""
    assert mrkdwn("> " * 100 + "deep <!here>").endswith("&gt; deep &lt;!here&gt;")
    spans = "*a _b " * 600 + "c" + "_ d*" * 600
    assert mrkdwn(spans) == spans


@pytest.mark.parametrize("code", ["<!DOCTYPE html>", "a <@b> c", "vector<#x>", "<http://x>"])
@pytest.mark.parametrize("marks", ["`{}`", "```\n{}\n```"])
def test_defused_code_reads_as_it_was_written(code, marks):
    """Slack undoes one escape; a second one would stay, and be copied along."""
    markdown = shown(marks.format(code), final=True)
    for made in (mrkdwn(markdown), plain(markdown, 100)):
        assert code in html.unescape(made)
        assert "<" not in made


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("**b** *i* ~~s~~ `c`", "*b* _i_ ~s~ `c`"),
        ("***both***", "_*both*_"),
        ("a**b**c", "a\u200b*b*\u200bc"),
        ("**two\nlines**", "*two*\n*lines*"),
        ("# Title **b**\ntext", "*Title b*\n\ntext"),
        ("a & b < c", "a &amp; b &lt; c"),
        ("`a < b` ``x`y``", "`a &lt; b` ```x`y```"),
        ("```py\nif a < b:\n    pass\n```", "```\nif a &lt; b:\n    pass\n```"),
        ("~~~\n```\n~~~", "```\n``\u200b`\n```"),
        ("- a\n- b\n  - c", "• a\n• b\n    • c"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("- [ ] a\n- [x] b", "☐ a\n☑ b"),
        ("- a\n  ```\n  code\n  ```", "• a\n```\ncode\n```"),
        ("> a\n>\n> b", "> a\n>\n> b"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("| a | b |\n|---|--:|\n| long | 1 |", "```\na    | b\n-----+--\nlong | 1\n```"),
        ("| 日本 | b |\n|---|---|\n| x | y |", "```\n日本 | b\n-----+--\nx    | y\n```"),
        ("[a](https://x.com/?a=1&b=2)", "<https://x.com/?a=1&amp;b=2|a>"),
        ("[a|b>](https://x.com/|>)", "<https://x.com/%7C%3E|a¦b&gt;>"),
        ("<https://x.com> <a@b.com>", "<https://x.com> <mailto:a@b.com|a@b.com>"),
        ("https://x.com/a_b", "https://x.com/a_b"),
        ("[good.com](https://evil.com)", "good.com (https://evil.com)"),
        ("[a](slack://x) [b](javascript:y)", "a (slack://x) b (javascript:y)"),
        ("![alt](https://x.com/a.png)", "<https://x.com/a.png|alt>"),
        ("![](https://x.com/a.png)", "<https://x.com/a.png>"),
        ("![alt](a.png)", "alt (a.png)"),
    ],
)
def test_markdown_becomes_mrkdwn(markdown, expected):
    """What Slack has a notation for is written in it; the rest is text."""
    assert mrkdwn(markdown) == expected


@modest
@given(st.lists(st.sampled_from(["word " * 30, "• a & b\n", "\n\n", "```\ncode\n```\n"])), TEXTS)
def test_sections_are_short_and_whole(parts, text):
    """Each within its limit and not blank, its code closed, and no entity torn."""
    made = mrkdwn("".join(parts) + text)
    for section in sections(made, limit=300):
        assert 0 < len(section.strip()) <= len(section) <= 300
        assert not re.search(r"&\w*$", section)


def test_code_goes_on_in_the_next_section():
    """Between fences of its own."""
    parts = sections("```\n" + "x = 1\n" * 100 + "```", limit=300)
    assert len(parts) == 3
    assert all(part.startswith("```\nx = 1\n") and part.endswith("\n```") for part in parts)


@modest
@given(TEXTS, st.integers(0, 60))
def test_a_notification_is_one_short_line(text, limit):
    """Escaped, with no entity torn."""
    line = plain(text, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert re.fullmatch(r"(?:[^&<>]|&(?:amp|lt|gt);)*", line)


def test_a_notification_has_the_words_alone():
    """No marks, and an ellipsis where it was cut."""
    text = "# Title\n\n- **a** [b](https://x.com) `c`\n- d <!here>"
    assert plain(text, 100) == "Title a b c d &lt;!here&gt;"
    assert plain(text, 10) == "Title a b…"
