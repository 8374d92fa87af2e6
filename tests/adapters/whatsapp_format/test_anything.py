"""Whatever a model writes, for WhatsApp."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.whatsapp.format import whatsapp
from adapters.whatsapp.parts import LIMIT, MOST, NOTICE, parts

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
modest = settings(max_examples=100, deadline=None)

MARKS = st.sampled_from(
    [
        *("- ", "> ", "1. ", "**", "*", "_", "__", "~~", "`", "```\n", "~~~\n", "# ", "\n", "\n\n"),
        *("| ", "|---|\n", "  ", "    ", "[", "](https://x.y/(a))", "![", "<b>", "</b>", "<br>"),
        *(
            "\\*",
            "\\`",
            "\\",
            "`` ` ``",
            "&nbsp;",
            "&#96;",
            "https://x.y/_a_",
            "。",
            "「",
            "」",
            ":",
        ),
    ]
)
WORDS = st.sampled_from(
    [
        *("word", "**bold words** and", "*slanted*", "~~gone~~", "`code_of *it*`", "«ünï»,", "So."),
        *(
            "[label](https://x.y/a_(b))",
            "https://x.y/long/" + "p" * 90,
            "![pic](https://x.y/i.png)",
        ),
        *(
            FAMILY,
            "🇩🇪🇫🇷",
            "👍🏽",
            "e\u0301",
            "这是**重点**内容。",
            "日本語、テキスト",
            "x" * 400,
            "5*3*2",
        ),
        *(
            "**a very bold sentence. " + "And then more of it " * 8 + "end**",
            "snake_case",
            "__init__",
        ),
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
    st.lists(LINE, max_size=5).map(
        lambda rows: "\n".join(f"- {row}\n  1. {row[:9]}" for row in rows)
    ),
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
@given(st.lists(MARKS, max_size=40))
def test_no_word_is_lost(marks):
    """Each word of the Markdown is there, in its order, unless it stood in a link's definition."""
    text = "".join(f"{mark}w{index}w " for index, mark in enumerate(marks) if mark != "`` ` ``")
    found = re.findall(r"w(\d+)w", whatsapp(text))
    assert found == re.findall(r"w(\d+)w", text)


@modest
@given(st.lists(MARKS | st.sampled_from(["a", "b c", " ", "👩\u200d🚀"]), max_size=60).map("".join))
def test_three_ticks_are_lines_that_come_in_pairs(text):
    """Whatever a model writes: who cuts the text relies on it."""
    made = whatsapp(text)
    fences = [line for line in made.split("\n") if "```" in line]
    assert len(fences) % 2 == 0
    assert set(fences) <= {"```"}
    assert made == made.strip("\n").rstrip()


@modest
@given(st.lists(st.sampled_from(["a", "b c", "«d»", "ünï", "👍🏽", "`x`", "5 < 6"]), min_size=1))
def test_nothing_is_left_of_bold(words):
    """Where words stand apart, none of Markdown's marks is left."""
    text = " ".join(f"**{word}** ***{word}*** *a **{word}** b*" for word in words)
    assert "**" not in whatsapp(text).replace("_*", "").replace("*_", "")
    assert whatsapp(text).count("*") == 6 * len(words)


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
