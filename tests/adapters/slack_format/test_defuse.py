"""Model text on its way to Slack's Markdown."""

import re
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.slack.format.defuse import shown

LIVE = re.compile(r"<[!@#]|<(https?|mailto|tel|slack):", re.IGNORECASE)
BITS = st.sampled_from(
    [
        *("<", "!", "@", "#", "htt", "https:", "<!here>", "<@U1>", "<HTTP://x|y>", "<tel:1>"),
        *("[", "]", "(", ")", "](", "][", "]:", "![", "[a]", "[x][", "[x]: ", "\\", "`", "``"),
        *("\n", "\n\n", " ", "\n```\n", "\n~~~py\n", "- ", "1. ", "   ", "| ", "> ", "\n- ```\n"),
        *("good.com", "https://good.com", "https://evil.com", "slack://", "javascript:", "x"),
        *("[good.com](https://evil.com)", "[x](slack://y)", "<https://evil.com>", '"t"', "a" * 299),
        *("(<https://a.com/b>)", "&colon;", "text ", "[good.com][x]", "\n[x]: https://evil.com\n"),
    ]
)
TEXTS = st.lists(BITS, max_size=30).map("".join)
modest = settings(max_examples=100, deadline=None)


@modest
@given(TEXTS | st.text("<!@#htps:/ \n", max_size=60))
def test_nothing_live_is_left(text):
    """No mention, no link of Slack's own: neither whole nor while the text grows."""
    assert not LIVE.search(shown(text, final=True))
    assert not any(LIVE.search(shown(text[:n], final=False)) for n in range(0, len(text), 7))


@modest
@given(TEXTS, st.data())
def test_what_is_shown_stays(text, data):
    """However the text is cut on its way, what was shown of it begins what is shown later."""
    sizes = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    before = ""
    for size in sizes:
        now = shown(text[:size], final=False)
        assert now.startswith(before)
        before = now
    assert shown(text, final=True).startswith(before)


@example("List<int> a < b, x[0](1), [a, b), `[`, ~~~ <html> & [text](https://x.com/y_(z))")
@modest
@given(st.text(st.characters(exclude_characters="<[")) | st.text("a<> [0]\n`\\", max_size=80))
def test_other_text_is_as_it_was(text):
    """To the letter, and all of it when it is final."""
    assert shown(text, final=True) == text


@modest
@given(st.text("[]()<>`!\\ \nab:.", min_size=1, max_size=60).map(lambda text: text * 100))
def test_little_is_held_back(text):
    """At most some 2,000 characters and a label."""
    longest = len(shown(text, final=True))
    assert len(shown(text, final=False)) >= min(longest, len(text)) - 2_700


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<!here> <@U1> <#C1|x>", "&lt;!here> &lt;@U1> &lt;#C1|x>"),
        ("`<!channel>`", "`&lt;!channel>`"),
        ("```\n<@U1>\n```", "```\n&lt;@U1>\n```"),
        ("<https://a.com|b> <MAILTO:x@y.z>", "&lt;https://a.com|b> &lt;MAILTO:x@y.z>"),
        ("[a](<https://a.com/b c>)", "[a](https://a.com/b%20c)"),
        ("<[!here](slack:x)>", "&lt;!here (`slack:x`)>"),
    ],
)
def test_tokens_are_text(text, plain):
    """Also in code, and those that come about when a link is taken apart."""
    assert shown(text, final=True) == plain


GOOD = "https://good.com"
EVIL = "https://evil.com"


@pytest.mark.parametrize(
    ("link", "plain"),
    [
        (f"[good.com]({EVIL})", f"good.com ({EVIL})"),
        (f"[{GOOD}/login]({EVIL}/x 'title')", f"{GOOD}/login ({EVIL}/x)"),
        (f"[Log in at {GOOD}]({EVIL})", f"Log in at {GOOD} ({EVIL})"),
        (f"[**good.com**]({EVIL})", f"**good.com** ({EVIL})"),
        (f"[`good.com`]({EVIL})", f"`good.com` ({EVIL})"),
        (f"[good.com](<{EVIL}>)", f"good.com ({EVIL})"),
        (f"[good.com](\n{EVIL}\n)", f"good.com ({EVIL})"),
        (f"[goo\u200bd\\.com]({EVIL})", f"goo\u200bd\\.com ({EVIL})"),
        (f"[good&period;com]({EVIL})", f"good&period;com ({EVIL})"),
        (f"[good.com]({GOOD}@evil.com)", f"good.com ({GOOD}@evil.com)"),
        (f"[good.com]({GOOD}&sol;@evil.com)", f"good.com ({GOOD}&sol;@evil.com)"),
        ("[good.com](//evil.com)", "good.com (//evil.com)"),
        ("[good.com](evil.com)", "good.com (evil.com)"),
        ("[a@good.com](mailto:a@evil.com)", "a@good.com (mailto:a@evil.com)"),
        (f"![good.com]({EVIL}/x.png)", f"good.com ({EVIL}/x.png)"),
        (f"[![good.com](x.png)]({EVIL})", f"good.com (x.png) ({EVIL})"),
        (f"[good.com]({EVIL}/[{GOOD}]({EVIL}))", f"good.com ({EVIL}/%5B{GOOD}%5D%28{EVIL}%29)"),
        (f"[x]: {EVIL}\n[good.com][x]", f"[x]: {EVIL}\ngood.com ({EVIL})"),
        (f"[good.com]: {EVIL}\n[good.com]", f"[good.com]: {EVIL}\ngood.com ({EVIL})"),
        (f"[good.com][x]\n\n[x]: {EVIL}", f"[good.com][x]\n\n[x] : {EVIL}"),
        (
            f"[good.com]\n\n> [good.com]:\n> <{EVIL}>",
            f"[good.com]\n\n> [good.com] :\n> &lt;{EVIL}>",
        ),
        (f"| ` | ` ` [good.com]({EVIL}) ` |", f"| ` | ` ` good.com ({EVIL}) ` |"),
        (f"\\`[good.com]({EVIL})\\`", f"\\`good.com ({EVIL})\\`"),
        (f"- ```\n[good.com]({EVIL})", f"- ```\ngood.com ({EVIL})"),
        ("[x](slack://open)", "x (`slack://open`)"),
        ("[x](JavaScript:alert(1))", "x (`JavaScript:alert%281%29`)"),
        ("[x](java&Tab;script&colon;y)", "x (`java&Tab;script&colon;y`)"),
        ("![x](data:image/png;base64,xx)", "x (`data:image/png;base64,xx`)"),
        ("[x](slack://open", "[x] (slack://open"),
        ("[x]: slack://open", "[x] : slack://open"),
        (f"[a\ngood.com {GOOD}]({EVIL})", f"[a\ngood.com {GOOD}] ({EVIL})"),
        (f"[{'a' * 400} {GOOD}]({EVIL})", f"[{'a' * 400} {GOOD}] ({EVIL})"),
    ],
)
def test_links_that_lead_elsewhere_are_taken_apart(link, plain):
    """A reader sees where they lead; what has a scheme of its own leads nowhere."""
    assert shown(link, final=True) == plain


@pytest.mark.parametrize(
    "text",
    [
        f"[here]({EVIL})",
        f"[good.com]({GOOD}/login)",
        f"[www.good.com]({GOOD})",
        f"[{GOOD}](https://www.good.com:443/x)",
        f"[README.md]({GOOD}/blob/main/README.md)",
        f"[os.path]({GOOD}/library/os.path.html)",
        f"[version 1.2.3]({GOOD})",
        f"[![Build](https://img.example/x.svg)]({GOOD})",
        "[support@good.com](mailto:support@good.com)",
        "[part](#part) [file](../x.md)",
        f"`[good.com]({EVIL})`",
        f"```md\n[good.com]({EVIL})\n```",
        f"\\[good.com]({EVIL})",
        f"[good.com][x]\n\n[x]: {GOOD}/y",
        "[INFO]: server: started at 10:00",
        "[^1]: Note: see above.",
        "[good.com]()",
    ],
)
def test_honest_links_stay(text):
    """To the letter; and so does code."""
    assert shown(text, final=True) == text


@pytest.mark.parametrize(
    ("first", "then"),
    [
        *(("[", ""), ("<", ""), ("](", ""), ("[](", ""), ("`", ""), ("`[`", ""), ("\n", "")),
        *(("![((", ""), ("[", "]"), ("[a](slack:", ""), ("[good.com][x]", ""), ("[a](<x", "")),
        *(("[good.com]:", ""), ("- ```\nx\n", ""), ("[good.com](", ")"), ("[a] | `", "`")),
    ],
)
def test_odd_text_takes_no_longer(first, then):
    """Time grows with the length alone: four times the text is not much more than four times."""
    assert _seconds(first, then, 16_000) < 12 * max(_seconds(first, then, 4_000), 0.001)


def _seconds(first, then, size):
    text = first * (size // len(first)) + then * (size // len(first))

    def once():
        start = process_time()
        shown(text, final=False)
        return process_time() - start

    return min(once() for _ in range(3))
