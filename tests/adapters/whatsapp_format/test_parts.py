"""Long answers for WhatsApp, in parts."""

import re
from time import perf_counter

import pytest

from adapters.whatsapp.format import whatsapp
from adapters.whatsapp.parts import LIMIT, MOST, NOTICE, parts

FAMILY = "👨\u200d👩\u200d👧\u200d👦"


def units(text):
    return len(text.encode("utf-16-le")) // 2


def shown(found):
    """The parts without what numbers them."""
    return [re.sub(r"\n\(\d/\d\)\Z", "", part) for part in found]


@pytest.mark.parametrize(
    "letter",
    [
        *(FAMILY, "🇩🇪", "👍🏽", "e\u0301", "❤\ufe0f", "1\ufe0f\u20e3"),
        *("\u1100\u1161\u11a8", "\uac00\u11a8", "\u0928\u093f", "\u0915\u094d\u0937"),
        *("\u0e01\u0e33", "\uff76\uff9e", "🏴\U000e0067\U000e0062\U000e0065\U000e007f"),
    ],
)
def test_no_letter_is_torn(letter):
    """As readers see letters, even where there is no better place to cut."""
    for before in range(12):
        found = shown(parts("x" * before + letter * (4_000 // units(letter))))
        assert len(found) > 1
        for part in found:
            assert part.removesuffix(NOTICE).lstrip("x").replace(letter, "") == ""


@pytest.mark.parametrize(
    "before", ["字" * 1_400, "a" * 1_500 + " (see ", "a" * 300 + ".\n", "> a "]
)
@pytest.mark.parametrize("size", [300, 1_400])
def test_no_address_is_torn(before, size):
    """It goes to the next part as a whole, with its parenthesis."""
    url = "https://example.com/" + "c" * size
    found = parts(f"{before}{url} and{' more' * 300}")
    assert sum(part.count(url) for part in found) == 1
    assert not any(part.endswith("(") for part in shown(found))


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
        ("好。", "吗，好"),  # noqa: RUF001 - Chinese
        ("b! ", "c d-e"),
        ("b ", "c,d"),
        ("好，", "吗"),  # noqa: RUF001 - Chinese
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
        for number in range(28)
    )
    found = parts(document)
    assert len(document) >= 7_000
    assert 4 <= len(found) <= MOST
    assert all(units(part) <= LIMIT for part in found)
    text = "".join(shown(found))
    numbers = [int(each) for each in re.findall(r"\*Section (\d+)\*", text)]
    assert numbers == [*range(28)]
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


@pytest.mark.parametrize(
    "text", ["a" * LIMIT, "👍" * (LIMIT // 2), "**" + "a" * (LIMIT - 2) + "**"]
)
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
        *(
            "word " * 4_000,
            "字" * 20_000,
            FAMILY * 3_000,
            "*a " * 7_000,
            "`a " * 7_000,
            "a_*" * 7_000,
        ),
        *("**a b** " * 2_500, "\n" * 10_000 + "a", "```\n" + "x" * 20_000, "https://" * 2_500),
        *("# a\n\n" * 4_000, "- a\n" * 5_000, "> a\n\n" * 4_000, "🇩🇪" * 5_000, "x,y" * 7_000),
    ],
)
def test_no_text_takes_long(text):
    """However it is made up."""
    began = perf_counter()
    parts(text)
    assert perf_counter() - began < 2
