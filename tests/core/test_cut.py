"""Long answers, cut into messages."""

from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from core.cut import cut_at, fence_at, piece, pieces

LINES = st.sampled_from(
    [
        *("", "", "Some words. And more words of it!", "word " * 30, "x" * 120, "# Heading", "---"),
        *("- item", "  - nested", "1. one", "   of one", "| a | b |", "|---|---|", "| 1 | 2 |"),
        *("```", "```py", "~~~", "````", "   ```sh", "     ```", "    code", "``", "> quote"),
        *("e\u0301" * 40, "👩\u200d🚀" * 25, "🇩🇪" * 30, "![alt](https://x.example)", "\t", "   "),
        *("- ```", "a `b` [c d](https://x.example/e) <f g>", "`" * 70, "```a`b", "文。" * 30),
    ]
)
TEXTS = st.lists(LINES, max_size=40).map("\n".join) | st.text(
    "`~ \n-#|a.😀\u0301\u200d", max_size=400
)
LIMITS = st.integers(250, 600)
MEASURES = st.sampled_from([len, lambda text: len(text.encode("utf-16-le")) // 2])
modest = settings(max_examples=100, deadline=None)


@modest
@given(TEXTS, st.integers(1, 600), st.none() | st.integers(1, 4), MEASURES)
def test_pieces_cover_the_whole(text, limit, heavy, measure):
    """They follow each other without a gap, however little fits in one."""
    found = pieces(text, limit=limit, heavy=heavy, measure=measure)
    assert "".join(text[each.start : each.end] for each in found) == text
    assert all(each.start < each.end for each in found)


@modest
@given(TEXTS, LIMITS, MEASURES)
def test_no_piece_is_too_long(text, limit, measure):
    """Also with the fences that it was given, in whatever unit the platform counts."""
    for each in pieces(text, limit=limit, measure=measure):
        assert measure(each.text) <= limit


@modest
@given(TEXTS, LIMITS, st.none() | st.integers(1, 4), st.data())
def test_a_cut_stays_where_it_is(text, limit, heavy, data):
    """Once a growing text is cut, more of it never moves the cut, nor what is shown before it."""
    start = data.draw(st.integers(0, len(text) // 2))
    sizes = sorted(data.draw(st.lists(st.integers(start, len(text)), min_size=2, max_size=8)))
    cut = None
    for size in [*sizes, len(text)]:
        final = size == len(text)
        grown = piece(text[:size], start, limit=limit, heavy=heavy, final=final)
        if cut is not None:
            assert grown == cut
        elif grown.end < size and not final:
            cut = grown


@modest
@given(TEXTS, st.data())
def test_a_piece_grows_at_its_end(text, data):
    """Until it is cut, all that was shown of it stays, so that it may be streamed."""
    assume("\n- ```" not in text)  # code ends with its list item: that shows on the next line only
    start = text.rfind("\n", 0, data.draw(st.integers(0, len(text)))) + 1
    size = data.draw(st.integers(start, len(text)))
    before = piece(text[:size], start, limit=10_000, final=False)
    assert piece(text, start, limit=10_000, final=True).text.startswith(before.text)


@modest
@given(TEXTS, LIMITS)
def test_a_piece_can_be_had_again_by_its_ends(text, limit):
    """What was cut naturally looks the same when it is cut by force."""
    for each in pieces(text, limit=limit)[:-1]:
        again = cut_at(text, each.start, each.end)
        assert again.text.rstrip() == each.text.rstrip() or len(again.text) > limit


@modest
@given(st.lists(st.sampled_from(["x = 1", "", "  y()", "`a`", "~~"]), min_size=60, max_size=200))
def test_each_piece_has_its_fences_balanced(lines):
    """Code that is cut is closed, and opened again with its language."""
    text = "\n".join(["Intro.", "", "```py", *lines, "```", "", "Outro."])
    found = pieces(text, limit=300)
    for each in found:
        assert fence_at(each.text, len(each.text)) is None
    for before, after in pairwise(found):
        inside = fence_at(text, before.end) is not None
        assert after.text.startswith("```py\n") == (inside or text.startswith("```py", after.start))


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("a" * 150 + "\n\n" + "b" * 40 + "\n" + "c. " * 100, 152),
        ("a" * 150 + "\n" + "c. " * 100, 151),
        ("a" * 150 + ". " + "c " * 100, 152),
        ("a" * 150 + " " + "c" * 200, 151),
        ("a" * 400, 250),
        ("a" * 10 + "\n\n" + "b" * 400, 250),
        ("a" * 150 + "\n\n## Head\n\n" + "b" * 200, 152),
        ("a" * 150 + "\n## Head\n" + "b" * 200, 151),
        ("a" * 150 + "\n- item\n  more of it\n  and more\n" + "  b" * 100, 151),
        ("a" * 150 + "\n\n| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 40, 152),
        ("a" * 150 + "\n\n```py\n" + "b\n" * 200 + "```", 152),
        ("a" * 150 + "\n```py\n" + "b\n" * 200 + "```", 151),
        ("a" * 150 + " [a label](https://example.com/" + "b" * 90 + ") and " + "c" * 99, 151),
        ("a" * 150 + " `some code " + "b" * 90 + "` and " + "c" * 99, 151),
        ("a" * 150 + " # " + "c" * 200, 153),
        ("a" * 249 + "e\u0301" * 9, 249),
        ("a" * 248 + "👩\u200d🚀" * 9, 248),
        ("a" * 249 + "🇩🇪🇫🇷", 249),
        ("a" * 245 + "&amp;&amp;&amp;", 250),
        ("a" * 247 + "&amp;&amp;&amp;", 247),
    ],
)
def test_the_best_place_is_taken(text, cut):
    """After a paragraph, else a line, else a sentence, else a word; nothing small is torn."""
    assert piece(text, 0, limit=250, final=True).end == cut


def test_code_in_a_list_is_code_in_the_next_message_too():
    """However far it is indented: there is no list around it any more."""
    code = "     print(1)\n" * 30
    text = f"- one\n   - two\n     ```py\n{code}     ```\n     more\n- three"
    first, *between, last = pieces(text, limit=250)
    assert first.text.endswith("print(1)\n```")
    assert all(each.text.startswith("```py\nprint(1)\n") for each in between)
    assert last.text.endswith("print(1)\n```\nmore\n- three")


@pytest.mark.parametrize("left", [1, 2, 3])
def test_a_fence_that_was_cut_through_is_whole_on_both_sides(left):
    """A caller that cuts anywhere need not look: a half fence is shown as a whole one, once."""
    text = "```py\ncode\n```\nafter"
    for start, marker in ((0, "```py\n"), (11, "```")):
        cut = start + min(left, len(marker) - 1)
        before, after = cut_at(text, 0, cut), cut_at(text, cut, len(text))
        if start:
            assert (before.text, after.text) == ("```py\ncode\n```", "after")
        else:
            assert after.text == "```py\ncode\n```\nafter"


@example("# a\n\n" * 9, 3)
@modest
@given(st.lists(st.sampled_from(["# a", "text", "---", "", "![a](b)"])).map("\n".join), LIMITS)
def test_a_piece_has_only_so_much_that_is_heavy(text, heavy):
    """Headings, rules and images are counted, so that no message falls into too many blocks."""
    heavy = heavy % 5 + 1
    for each in pieces(text, limit=10_000, heavy=heavy):
        lines = text[each.start : each.end].split("\n")
        assert sum(line in {"# a", "---", "![a](b)"} for line in lines) <= heavy


def test_a_table_is_heavy_once():
    """Its next message begins with its head."""
    table = "| a | b |\n| --- | :-: |\n| 1 | 2 |\n\n"
    found = pieces(table * 5, limit=10_000, heavy=2)
    assert [each.text for each in found] == [table * 2, table * 2, table]


def test_what_is_in_code_is_not_heavy():
    """A comment is no heading."""
    text = "```sh\n" + "# comment\n" * 50 + "```"
    assert len(pieces(text, limit=10_000, heavy=2)) == 1


def test_white_space_gets_no_message_of_its_own():
    """What is too much of it at the end is not shown."""
    assert pieces("a" * 250 + "\n" * 50, limit=250)[0].text == "a" * 250
    assert len(pieces("a" * 250 + "\n" * 50, limit=250)) == 1


@pytest.mark.parametrize(
    ("text", "fence"),
    [
        ("```py\ncode", ("```", "py")),
        ("~~~ a b \ncode\n```\n", ("~~~", "a b")),
        ("````\n```\n", ("````", "")),
        ("   ```\ncode", ("```", "")),
        ("1. one\n   ```sh\n   code", ("```", "sh")),
        ("- one\n  - two\n     ```sh\n     code", ("```", "sh")),
        ("- ```sh\n  code", ("```", "sh")),
        ("```\ncode\n```", None),
        ("```\ncode\n`````  \nafter", None),
        ("    ```\ncode", None),
        ("``\ncode", None),
        ("```a`b\ncode", None),
        ("a ```\ncode", None),
        ("- ```sh\ncode", None),
        ("```\ncode\n```x", ("```", "")),
        ("```\ncode\n    ```", ("```", "")),
    ],
)
def test_which_fence_is_open(text, fence):
    """As CommonMark has it, in list items too."""
    found = fence_at(text + " and more", len(text))
    assert (found and (found.marker, found.info)) == fence
