"""Whether answers are as their personas promise."""

from time import process_time

import pytest

from core.consistency import Broken, Finding, check, counts, mending_prompt, store
from core.personas import Persona, Rule, Tone
from core.phrases import all_phrases
from core.types import Prompt, PromptMessage
from tests.core.test_again import exchange

REFUNDS = Rule(
    id="refunds",
    message="Promise no refund.",
    never=all_phrases(["we will ... refund", "guarantee* a refund"]),
    unless=all_phrases(["manager", "not"]),
)


def broken(text, *rules, tone=Tone.FRIENDLY, first=False):
    """The ids of what a text breaks."""
    persona = Persona(key="p", name="Ada", role="helper", tone=tone, rules=rules)
    return [each.rule for each in check(persona, text, first=first)]


@pytest.mark.parametrize(
    ("text", "breaks"),
    [
        ("Sure! We will give you a full refund.", True),
        ("We WILL*\n*refund* it", True),  # a line's end within a paragraph is a space
        ("We will\n \nrefund it", False),  # a blank line ends it
        ("- We will\n- Refund", False),  # and so does a list's item
        ("Ask whom we will\n1. refund", False),
        ("**We  will** refund\tit", True),
        ("It\u2019s guaranteed: a refund.", True),
        ("No guarantor, a refund.", False),
        ("We will not refund it.", False),
        ("We will refund it once a manager agrees.", False),
        ("Ask a manager. We will refund it.", True),
        ("We will, as always in such cases, refund it.", True),
        ("We will, as we do in such cases, refund it.", False),
        ("Prerefunds, refunding: we willfully refund.", False),
        ("", False),
    ],
)
def test_never_is_by_whole_words_within_a_sentence(text, breaks):
    """`*` is any ending, `...` up to five words; `unless` excuses its own sentence alone."""
    assert broken(text, REFUNDS) == (["refunds"] if breaks else [])


def test_always_when_and_length():
    """What has to be there, at times only when something else is; and how much may."""
    rules = (
        Rule(id="hint", message="", always=all_phrases(["an AI"])),
        Rule(
            id="source",
            message="",
            when=all_phrases(["studies show"]),
            always=all_phrases(["https", "source"]),
        ),
        Rule(id="short", message="", max_words=6),
    )
    assert broken("I'm an AI.", *rules) == []
    assert broken("Hello.", *rules) == ["hint"]
    assert broken("An AI: studies show it.", *rules) == ["source"]
    assert broken("An AI. Studies show: https://x.y/z.", *rules) == ["short"]


def test_what_the_first_answer_has_to_say_is_asked_of_it_alone():
    """An introduction is not for every answer."""
    rule = Rule(id="introduced", message="", first_answer=all_phrases(["Ada"]))
    assert broken("Hello.", rule, first=True) == ["introduced"]
    assert broken("Hello, ADA here.", rule, first=True) == []
    assert broken("Hello.", rule, first=False) == []


@pytest.mark.parametrize("tone", [Tone.PROFESSIONAL, Tone.FORMAL])
@pytest.mark.parametrize(
    ("text", "breaks"),
    [
        ("LOL, that is it", ["tone:slang"]),
        ("Fine 🎉 omg", ["tone:slang", "tone:emoji"]),
        ("A lollipop, an omgevingswet.", []),
        ("Write `lol` or\n```\nprint('omg 🎉')\n```", []),
        ("> lol 🎉\n\nas you say", []),
    ],
)
def test_a_formal_tone_has_no_slang_and_no_emoji(tone, text, breaks):
    """By whole words; code and quotations are somebody else's."""
    assert broken(text, tone=tone) == breaks
    assert broken(text, tone=Tone.CASUAL) == []


def test_words_are_found_in_every_script():
    """Also where no space is between them, or a letter is written otherwise."""
    rule = Rule(
        id="r", message="", never=all_phrases(["返金", "Größe", "\uff56ip", "возврат*", "“ếch”"])
    )
    for text in ("全額返金します。", "die GRÖSSE passt", "a VIP", "Возвраты есть", "con ếch"):
        assert broken(text, rule) == ["r"]
    assert broken("面会 vips ếcha", rule) == []


@pytest.mark.parametrize(
    "piece",
    ["we will ", "we", "guarantee a ", "`", "> ", "```", ". ", "we will refund not ", "é\u2019 "],
)
def test_no_answer_takes_long(piece):
    """Ten times the text is about ten times the work, whatever is in it."""
    text = piece * (300_000 // len(piece))
    began = process_time()
    broken(text, REFUNDS, tone=Tone.FORMAL)
    assert process_time() - began < 1.5  # 30 times 10 kB, on a machine that is busy


def test_asking_anew_goes_on_from_what_was_asked():
    """The first prompt is the beginning, so that it is cached; the findings are told, not words."""
    asked = Prompt(system="s", messages=(PromptMessage(role="user", text="Refund?"),), max_tokens=9)
    finding = Finding(rule="refunds", message="Promise no refund.")
    anew = mending_prompt(asked, "We will refund it.", [finding])
    assert anew.messages[:1] == asked.messages
    assert [each.role for each in anew.messages] == ["user", "assistant", "user"]
    assert "- Promise no refund.\n" in anew.messages[-1].text
    assert (anew.system, anew.max_tokens) == ("s", 9)


async def test_findings_are_stored_once_and_counted(database):
    """However often a turn's answer is stored; the most frequent first."""
    one, two, old = [(await exchange(database, words)).turn_id for words in ("a", "b", "c")]
    refunds, short = "refunds", "short"
    await database.write(store, old, "ada", [refunds], 1)
    for _ in range(2):
        await database.write(store, one, "ada", [short, refunds, refunds], 5)
        await database.write(store, two, "ada", [refunds], 6)
        await database.write(store, two, "ada", [], 7)
    assert await database.read(counts, 5) == (
        Broken(persona="ada", rule="refunds", count=2),
        Broken(persona="ada", rule="short", count=1),
    )


@pytest.mark.parametrize(
    "written",
    [
        *(
            "refund(s)",
            "[rR]efund",
            "a{2}",
            "a|b",
            "\\brefund",
            "^we",
            "pay$",
            "C++",
            "\uff08a\uff09",
        ),
        *("re*fund", "*fund", "a *", "refund**", "refund*,", "will...refund", "will ....refund it"),
    ],
)
def test_what_looks_like_a_regular_expression_is_no_phrase(written):
    """It would be found in nothing, and nobody would know."""
    with pytest.raises(ValueError, match=r"holds|has"):
        all_phrases([written])
    assert all_phrases(["we will … refund*", "rm -rf", "don't", "node.js"])
