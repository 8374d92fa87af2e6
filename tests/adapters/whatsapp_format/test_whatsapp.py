"""Markdown in WhatsApp's own notation."""

from time import perf_counter

import pytest

from adapters.whatsapp.format import whatsapp


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("**b** __b__", "*b* *b*"),
        ("*i* _i_", "_i_ _i_"),
        ("***x*** *a **b** c*", "_*x*_ _a *b* c_"),
        ("**a *b* c**", "*a _b_ c*"),
        ("**a __b__ c**", "*a b c*"),
        ("~~s~~ ~5 and ~6", "~s~ ~5 and ~6"),
        ("**two\nlines**", "*two*\n*lines*"),
        ("# H **b** _i_\ntext", "*H b _i_*\n\ntext"),
        ("#### Deep ###", "*Deep*"),
        ("a\n\n---\n\nb", "a\n\n──────────\n\nb"),
    ],
)
def test_marks_are_whatsapps(markdown, expected):
    """One for each of Markdown's, none twice, and headings in bold."""
    assert whatsapp(markdown) == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("[t](https://x.y)", "t (https://x.y)"),
        ("[t](https://x.y/a_(b))", "t (https://x.y/a_%28b%29)"),
        ("[https://x.y/a](https://x.y/a)", "https://x.y/a"),
        ("[x.y](https://x.y/)", "https://x.y/"),
        ("[**t**](https://x.y)", "*t* (https://x.y)"),
        ("[t][1]\n\n[1]: https://x.y", "t (https://x.y)"),
        ("<https://x.y> <a@b.c>", "https://x.y a@b.c"),
        ("![a](https://x.y/a.png) ![](https://x.y)", "a (https://x.y/a.png) https://x.y"),
        ("https://x.y/*a*/__init__/b_c_.", "https://x.y/*a*/__init__/b_c_."),
        (r"https://x.y/a\_b?c&amp;d", "https://x.y/a_b?c&d"),
        ("(see https://x.y/a_(b))", "(see https://x.y/a_(b))"),
        ("**https://x.y** _see https://x.y_", "https://x.y see https://x.y"),
        ("**see** https://x.y**", "*see* https://x.y**"),
        ("请看https://x.y/a。**重点**", "请看https://x.y/a。*重点*"),
    ],
)
def test_links_say_where_they_lead(markdown, expected):
    """Once, and with nothing in or at the address that would break it."""
    assert whatsapp(markdown) == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("- a\n- b\n  - c\n    - d", "- a\n- b\n  - c\n    - d"),
        ("* a\n* b\n\n+ c", "- a\n- b\n\n- c"),
        ("3. a\n   - b\n4. c", "3. a\n  - b\n4. c"),
        ("1) a\n\n   b\n2) c", "1. a\n\n  b\n2. c"),
        ("- a\n\n  - b\n\n- c", "- a\n  - b\n- c"),
        ("- [ ] a\n- [x] b", "☐ a\n☑ b"),
        ("-\n- a", "-\n- a"),
        ("text\n\n- a", "text\n\n- a"),
        ("> a\n> > b\n>\n> - c", "> a\n\n> b\n\n> - c"),
    ],
)
def test_lists_and_quotes_are_whatsapps(markdown, expected):
    """Lists keep their own numbers, and are set in by two spaces; a quote in a quote is a quote."""
    assert whatsapp(markdown) == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("| A | **B:** |\n|--|--:|\n| 1 | *2* |\n| | x |", "- A: 1; B: _2_\n- B: x"),
        ("| | B |\n|--|--|\n| 1 | 2<br>3 |", "- 1; B: 2 3"),
        ("| A | B |\n|--|--|\n| a\\|b | [t](https://x.y) |", "- A: a|b; B: t (https://x.y)"),
        ("| A | B |\n|--|--|", "- A; B"),
        ("| A | B |\n|--|--|\n| | |\n| 1 |", "- A: 1"),
    ],
)
def test_a_table_has_a_line_for_each_row(markdown, expected):
    """With its columns' names, for a phone has no room for columns."""
    assert whatsapp(markdown) == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("```py\n**x** = 1\n\n\ty\n```", "```\n**x** = 1\n\n\ty\n```"),
        ("~~~\n```\na\n```\n~~~", "```\n'''\na\n'''\n```"),
        ("    indented", "```\nindented\n```"),
        ("```\n\n```\na", "a"),
        ("`a*b*` `` c`d ``", "`a*b*` `c'd`"),
        ("- a\n  ```\n   b\n  ```\n  c", "- a\n```\n b\n```\n  c"),
        ("- ```\n  a\n  ```", "-\n```\na\n```"),
        ("> ```\n> a\n> ```\n> b", "```\na\n```\n\n> b"),
        (r"\`\`\` a", "''' a"),
        ("a\n    ~~~", "a\n" + "\u223c" * 3),
    ],
)
def test_code_is_between_ticks_that_nothing_else_has(markdown, expected):
    """At the margin, without its language, and no other three ticks are in the text."""
    assert whatsapp(markdown) == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("5*3*2 and 2**3**4", "5*3*2 and 2**3**4"),
        ("2*pi*(r+1)", "2*pi*(r+1)"),
        ("snake_case_name, un*believ*able", "snake_case_name, un*believ*able"),
        ("f(*args, **kwargs) and (a)**2 + (b)**3", "f(*args, **kwargs) and (a)**2 + (b)**3"),
        ("a***b***c", "a***b***c"),
        ("__init__ and __my_own__ and x.__y__ and __z__()", None),
        (r"\# \- \1 \_", r"# - \1 _"),
        (r"2\*3\*4", "2*3*4"),
        ("5 * 3 * 2", "5 * 3 * 2"),
        ("Vec<String> <T> a<b and c>d", "Vec<String> <T> a<b and c>d"),
    ],
)
def test_what_is_no_mark_stays_as_it_was_written(markdown, expected):
    """Products, names of programs, and what a backslash stands before."""
    assert whatsapp(markdown) == (expected or markdown)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        (r"\*lit\*", "`*lit*`"),
        (r"say \*\*lit\*\*, not \_a\_b\_", "say `**lit**`, not `_a_b_`"),
    ],
)
def test_marks_that_were_escaped_are_seen(markdown, expected):
    """In code, as WhatsApp has no other way to show them."""
    assert whatsapp(markdown) == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("*Note:*text", "_Note:_ text"),
        ("**Note:**text", "*Note:* text"),
        ("**bold**ness", "boldness"),
        ("**`code`**s", "`code`s"),
        ("~~old~~new", "~old~ new"),
        ("这是**重点**内容", "这是 *重点* 内容"),
        ("这是**「重点」**内容", "这是 *「重点」* 内容"),
        ("使用**Python**语言", "使用 *Python* 语言"),
        ("**서울**은", "서울은"),
        (r"**a\* b**", "a* b"),
        ("**日本語**、「**中**」", "*日本語*、「*中*」"),
    ],
)
def test_a_mark_beside_a_letter_gets_a_space_or_goes(markdown, expected):
    """WhatsApp would show it as it is."""
    assert whatsapp(markdown) == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("<b>x</b> H<sub>2</sub>O x<sup>2</sup><!-- y --> a<br>b", "x H2O x^2 a\nb"),
        ("<div>\n\n**x**\n\n</div>", "*x*"),
        ('<a href="https://x.y/(a)">t</a>', "t (https://x.y/%28a%29)"),
        ("<img alt='a' src='https://x.y'>", "a (https://x.y)"),
        ("&lt;b&gt; &amp; `<b>`", "<b> & `<b>`"),
    ],
)
def test_tags_go_and_what_they_say_stays(markdown, expected):
    """Of those that HTML knows; what was escaped is text."""
    assert whatsapp(markdown) == expected


def test_what_is_not_seen_goes():
    """But for what joins emoji, and the letters of some scripts."""
    assert whatsapp("\ufeff# a\u200bb\u2060\u00a0c\x00&ZeroWidthSpace;&nbsp;d") == "*ab c d*"
    assert whatsapp("`a\u200b\u00a0b`\n\n```\na\u200b\u00a0b\n```") == "`a b`\n\n```\na b\n```"
    assert (
        whatsapp("👩\u200d👩\u200d👧 \u0645\u06cc\u200c\u062e")
        == "👩\u200d👩\u200d👧 \u0645\u06cc\u200c\u062e"
    )
    assert whatsapp("half \ud83d") == "half ?"


@pytest.mark.parametrize("markdown", ["", " \n\r\n\t ", "\u200b\ufeff", "\x00", "\u00a0"])
def test_of_nothing_nothing_is_made(markdown):
    """Nor of what nobody sees."""
    assert whatsapp(markdown) == ""


@pytest.mark.parametrize("markdown", ["[1]: https://x.y", "#", "> " * 100 + "deep"])
def test_what_would_be_lost_is_shown_as_it_was_written(markdown):
    """A definition that nothing refers to, an empty heading, what is nested beyond measure."""
    assert whatsapp(markdown) == markdown


@pytest.mark.parametrize(
    "text",
    [
        *(
            "*a " * 7_000,
            "a*" * 10_000,
            "*_" * 10_000,
            "**a **" * 3_000,
            "[" * 10_000,
            "`a" * 9_000,
        ),
        *("<a " * 7_000, "\\*a" * 7_000, "> " * 10_000, "- " * 10_000, "_a*b" * 5_000),
        *(
            "a*b_" * 5_000,
            "https://" * 2_500,
            "(https://x.y" * 1_500,
            "*a_b " * 4_000,
            "<!--" * 5_000,
        ),
    ],
)
def test_no_text_takes_long(text):
    """However it is made up."""
    began = perf_counter()
    whatsapp(text)
    assert perf_counter() - began < 2
