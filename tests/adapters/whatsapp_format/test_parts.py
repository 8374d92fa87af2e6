"""Long answers for WhatsApp, in parts."""

import re
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.whatsapp.format import whatsapp
from adapters.whatsapp.parts import LIMIT, MOST, NOTICE, parts

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
URL = "https://example.com/a_(b)/" + "c" * 300
modest = settings(max_examples=100, deadline=None)

WORDS = st.sampled_from(
    [
        *("word", "**bold words** and", "*slanted*", "~~gone~~", "`code_of *it*`", "«ünï»,", "So."),
        *("[label](https://x.y/a_(b))", "https://x.y/long/" + "p" * 90, "![pic](https://x.y/i.png)"),
        *(FAMILY, "🇩🇪🇫🇷", "👍🏽", "e\u0301", "这是**重点**内容。", "日本語、テキスト", "x" * 400, "5*3*2"),
        *("**a very bold sentence. " + "And then more of it " * 8 + "end**", "snake_case", "__init__"),
    ]
)
LINE = st.builds(
    lambda words, times: " ".join(words * times),
    st.lists(WORDS, min_size=1, max_size=8),
    st.integers(1, 9),
)
CODE = st.lists(st.sampled_from(["x = 1", "", "  y('''z''')", "``` inner", "# 注", "w " * 90]))
BLOCKS = st.one_of(
    LINE,
    LINE.map(lambda text: f"# {text}"),
    LINE.map(lambda text: f"> {text}\n>\n> more"),
    LINE.map(lambda text: f"**{text}**"),
    st.lists(LINE, max_size=5).map("\n".join),
    st.lists(LINE, max_size=5).map(lambda rows: "\n".join(f"- {row}\n  1. {row[:9]}" for row in rows)),
    st.lists(LINE, max_size=5).map(
        lambda rows: "| A | B |\n|---|---|\n" + "\n".join(f"| {row} | {row[:5]} |" for row in rows)
    ),
    CODE.map(lambda lines: "\n".join(["````py", *lines, "````"])),
    CODE.map(lambda lines: "\n".join(["- item\n", *(f"      {line}" for line in lines)])),
    st.text("ab *_~`\n.。-#>|[](🇩👩\u200d🏽\u0301각", max_size=900),
)
DOCUMENTS = st.lists(BLOCKS, max_size=25).map("\n\n".join)


def units(text):
    return len(text.encode("utf-16-le")) // 2


def shown(found):
    """The parts without what numbers them."""
    return [re.sub(r"\n\(\d/\d\)\Z", "", part) for part in found]


def bare(text):
    """A text without white space, and without what marks it."""
    return re.sub(r"[\s*_~`>]", "", text)


@modest
@given(DOCUMENTS)
def test_parts_are_short_and_few_and_numbered(document):
    """In whatever way the document is made, counted as Twilio may count; and none is empty."""
    found = parts(document)
    assert len(found) <= MOST
    assert all(units(part) <= LIMIT for part in found)
    assert all(part.strip() for part in shown(found))
    if len(found) > 1:
        numbers = [f"\n({number}/{len(found)})" for number in range(1, len(found) + 1)]
        assert all(part.endswith(number) for part, number in zip(found, numbers, strict=True))


@modest
@given(DOCUMENTS)
def test_nothing_is_lost_or_moved(document):
    """But white space, and marks; if it is too much, then the end, and the last part says so."""
    found = shown(parts(document))
    whole, said = bare(whatsapp(document)), bare("".join(found))
    if found and found[-1].endswith(NOTICE):
        assert len(found) == MOST
        assert whole.startswith(said.removesuffix(bare(NOTICE)))
        assert len(said) < len(whole)
    else:
        assert said == whole


@modest
@given(DOCUMENTS)
def test_every_part_has_its_code_closed(document):
    """With lines that are nothing but three ticks."""
    for part in shown(parts(document)):
        fences = [line for line in part.split("\n") if "```" in line]
        assert set(fences) <= {"```"}
        assert len(fences) % 2 == 0
        assert "```\n```" not in part


@modest
@given(st.lists(LINE, min_size=1, max_size=12), st.sampled_from(["\n", "\n\n", " "]))
def test_no_part_has_markdowns_marks(lines, between):
    """Nor half of a pair of WhatsApp's: what a cut goes through is ended and begun anew."""
    for part in shown(parts(between.join(lines))):
        assert "**" not in part
        assert "~~" not in part
        words = re.sub(r"`[^`\n]*`|https?://\S+|5\*3\*2|__init__|(?<=\w)[*_~](?=\w)", "", part)
        for line in words.split("\n"):
            assert all(line.count(mark) % 2 == 0 for mark in "*_~`")


@modest
@given(
    st.sampled_from(
        [
            *(FAMILY, "🇩🇪", "👍🏽", "e\u0301", "각", "नि", "क्ष", "❤\ufe0f", "1\ufe0f\u20e3"),
            *("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "กำ", "가\u11a8"),
        ]
    ),
    st.integers(0, 30),
    st.integers(100, 500),
)
def test_no_letter_is_torn(letter, before, count):
    """As readers see letters, even where there is no better place to cut."""
    found = shown(parts("x" * before + letter * count))
    for part in found:
        assert part.removesuffix(NOTICE).lstrip("x").replace(letter, "") == ""


@modest
@given(st.text("文 。", min_size=400, max_size=1_400), st.text("字. ", max_size=900))
def test_no_address_is_torn(before, after):
    """It goes to the next part as a whole."""
    found = parts(f"x{before}{URL} {after * 3}")
    assert sum(part.count(URL) for part in found) == 1


def test_an_address_that_fits_nowhere_is_cut():
    """Nothing of it is lost."""
    url = "https://example.com/" + "a" * 3_000
    assert "".join(shown(parts(f"See {url} there."))).replace(" ", "") == f"See{url}there."


@pytest.mark.parametrize("begins", ["a" * 1_000, "字" * 1_000])
@pytest.mark.parametrize(
    ("best", "worse"),
    [
        ("b\n\n", "c\n" + "d. e f"),
        ("b\n", "c. d e, f"),
        ("b. ", "c d, e"),
        ("好。", "吗，好"),
        ("b! ", "c d-e"),
        ("b ", "c,d"),
        ("好，", "吗"),
        ("b,", "c"),
    ],
)
def test_a_part_ends_where_a_reader_would(begins, best, worse):
    """After a paragraph, else a line, a sentence, a word, a comma."""
    text = begins + best
    first, *_ = shown(parts(text + worse + "z" * 1_000))
    assert first == text.strip()


def test_a_place_too_far_back_is_none():
    """In a part's first half even a paragraph's end is passed by."""
    first, *_ = shown(parts("a" * 300 + "\n\n" + "b " * 1_000))
    assert units(first) > LIMIT - 20


def test_a_heading_goes_with_what_is_below_it():
    """Also several, one below the other."""
    first, second = shown(parts("a " * 700 + "\n\n# One\n\n## Two\n\n" + "b" * 500))
    assert first.endswith(" a")
    assert second == "*One*\n\n*Two*\n\n" + "b" * 500


def test_bold_that_is_too_long_is_closed_and_opened_again():
    """In the order of its marks; also in a quote, that goes on too."""
    found = shown(parts("> **_" + "word " * 700 + "end_**"))
    assert len(found) == 3
    assert all(part.startswith("> *_word ") for part in found)
    assert all(part.endswith(("word_*", "end_*")) for part in found)


def test_bold_that_is_short_goes_to_the_next_part():
    """As a whole."""
    first, second = shown(parts("a " * 750 + "**" + "bold " * 30 + "bold** " + "c " * 200))
    assert first.endswith(" a")
    assert second.startswith("*bold bold ")


def test_code_that_is_too_long_is_closed_and_opened_again():
    """With its lines whole, and their indentation kept."""
    found = shown(parts("Look:\n\n```py\n" + "    print('word')\n" * 200 + "```\n\nDone."))
    assert len(found) > 2
    assert all(part.endswith("    print('word')\n```") for part in found[:-1])
    assert all(part.startswith("```\n    print('word')\n") for part in found[1:])
    assert "".join(found).count("    print('word')\n") == 200
    assert found[-1].endswith("```\n\nDone.")


def test_an_answer_of_seven_thousand_characters_arrives_in_order():
    """Headings, a table, code, links and families, in parts that each fit."""
    document = "".join(
        f"## Section {number}\n\nWords of **section {number}** {FAMILY * 3}, with"
        f" [a link {number}](https://example.com/{number}_(x)).\n\n"
        f"| Name | Value |\n|---|---|\n| row {number} | **{number}** |\n| more | {FAMILY} |\n\n"
        f"```python\nfor each in range({number}):\n    print(each)\n```\n\n"
        f"- item {number}\n  - nested {FAMILY}\n\n"
        for number in range(25)
    )
    found = parts(document)
    assert len(document) >= 7_000
    assert 4 <= len(found) <= MOST
    assert all(units(part) <= LIMIT for part in found)
    text = "".join(shown(found))
    numbers = [int(each) for each in re.findall(r"\*Section (\d+)\*", text)]
    assert numbers == [*range(25)]
    assert "- Name: row 3; Value: *3*" in text
    assert "a link 3 (https://example.com/3_%28x%29)" in text
    assert text.count(FAMILY) == document.count(FAMILY)
    assert "\u200d" not in text.replace(FAMILY, "")


def test_what_is_too_much_ends_with_a_notice():
    """In the last part that may be, which is as long as it may be."""
    found = parts("word " * 4_000)
    assert len(found) == MOST
    assert found[-1].endswith(f"word{NOTICE}\n(6/6)")
    assert [NOTICE in part for part in found] == [False] * 5 + [True]
    assert LIMIT - 20 < units(found[-1]) <= LIMIT


@pytest.mark.parametrize("text", ["a" * LIMIT, "👍" * (LIMIT // 2), "**" + "a" * (LIMIT - 2) + "**"])
def test_what_fits_is_one_part_without_a_number(text):
    """To the last unit."""
    assert parts(text) == [whatsapp(text)]
    assert len(parts(text + "\n\nb")) == 2


@pytest.mark.parametrize("markdown", ["", " \n\n ", "\u200b\ufeff", "```\n\n```\n"])
def test_of_nothing_there_are_no_parts(markdown):
    """Or of nothing but code without lines, what was written."""
    assert all(part.strip() for part in parts(markdown))
    assert len(parts(markdown)) == ("`" in markdown)


@pytest.mark.parametrize(
    "text",
    [
        *("word " * 4_000, "字" * 20_000, FAMILY * 3_000, "*a " * 7_000, "`a " * 7_000, "a_*" * 7_000),
        *("**a b** " * 2_500, "\n" * 10_000 + "a", "```\n" + "x" * 20_000, "https://" * 2_500),
        *("# a\n\n" * 4_000, "- a\n" * 5_000, "> a\n\n" * 4_000, "🇩🇪" * 5_000, "x,y" * 7_000),
    ],
)
def test_no_text_takes_long(text):
    """However it is made up."""
    began = perf_counter()
    parts(text)
    assert perf_counter() - began < 2
