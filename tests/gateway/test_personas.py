"""Personas as operators write them."""

import re
from datetime import date

import pytest
from typer.testing import CliRunner

from core.consistency import check
from core.errors import Misconfigured
from core.memory import Strategy
from core.personas import Tone, prompt
from gateway.cli import app
from gateway.config import Settings
from gateway.config import load as settings_of
from gateway.persona_files import BUILT_IN, LARGEST, load
from gateway.personas_command import check as examine

WHOLE = """
name = "Ada"
role = "helper"
traits = ["kind"]
tone = "formal"
knowledge = ["hats"]
knowledge_files = ["faq.md", "more/hats.txt"]
constraints = ["Never shout."]
greeting = "Hello!"
model = "m-1"
strategy = "window"
defaults = ["slack", "slack:T1:C2"]

[[rules]]
id = "no-refunds"
never = "refund*"
message = "Promise no refund."
"""
TODAY = date(2026, 11, 21)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "faq.md").write_bytes(b"\xef\xbb\xbf# Hats\r\nRed.\r\n")
    (tmp_path / "more" / "hats.txt").write_text("Blue.")
    (tmp_path / "support.toml").write_text(WHOLE)
    return tmp_path


def faults(folder, **options):
    """What is said, by file and field."""
    with pytest.raises(Misconfigured) as refused:
        load(folder, **options)
    lines = str(refused.value).splitlines()
    assert all(" To mend it, " in line for line in lines)
    return {
        re.split(r": (?=is|has|holds|does|its|there|can|\S+[^:\s] is)", line)[0] for line in lines
    }


def minimal(folder, name, more="", rest='name = "X"\nrole = "y"'):
    (folder / name).write_text(f"{rest}\n{more}")


def test_a_file_is_a_persona(folder):
    """With each of its fields, and its knowledge files whatever system wrote them."""
    persona = load(folder).get("support")
    assert (persona.name, persona.tone, persona.strategy) == ("Ada", Tone.FORMAL, Strategy.WINDOW)
    assert (persona.model, persona.greeting) == ("m-1", "Hello!")
    assert persona.texts == (("faq.md", "# Hats\nRed."), ("more/hats.txt", "Blue."))
    assert persona.defaults == ("slack", "slack:T1:C2")
    assert [each.rule for each in check(persona, "Refunds!", first=False)] == ["no-refunds"]


def test_ones_own_come_first_and_win_over_the_built_in(folder):
    """By key; the others stay."""
    minimal(folder, "Creative-Writer.toml")
    keys = [each.key for each in load(folder).all()]
    assert keys == ["creative-writer", "support", "customer-support", "technical-assistant"]
    assert load(folder).get("creative-writer").name == "X"


def test_every_fault_is_told_at_once(folder):
    """Each with its file and field, and how to mend it."""
    (folder / "big.md").write_text("x" * (LARGEST + 1))
    (folder / "latin.txt").write_bytes(b"\xe9")
    minimal(folder, "a.toml", 'tone = "rude"\ntraits = "kind"\ncolour = "red"\nmodel = "a b"')
    minimal(folder, "b.toml", rest='knowledge_files = ["big.md", "latin.txt", "no.md", "x.pdf"]')
    minimal(folder, "c.toml", 'defaults = ["slak", "slack:"]\nknowledge_files = ["../x.md"]')
    minimal(
        folder, "d.toml", '[[rules]]\nid = "a"\nmessage = "m"\nnever = ["..."]\nregex = "(a+)+"'
    )
    minimal(folder, "e e.toml")
    minimal(folder, "f.toml", rest="name =")
    minimal(folder, "SUPPORT.toml")  # a second one, where case tells files apart
    twice = {"support.toml"} if len(list(folder.glob("[sS]*.toml"))) > 1 else set()
    minimal(folder, "g.toml", 'defaults = ["slack:T1:C2"]')
    minimal(folder, "h.toml", 'defaults = ["slack:T1:C2"]')
    assert faults(folder) == {
        *(f"a.toml: {field}" for field in ("tone", "traits", "colour", "model")),
        *("b.toml: name", "b.toml: role"),
        *(f"b.toml: knowledge_files[{number}]" for number in (1, 2, 3, 4)),
        *("c.toml: defaults[1]", "c.toml: defaults[2]", "c.toml: knowledge_files[1]"),
        *("d.toml: rules[1].never[1]", "d.toml: rules[1].regex"),
        *("e e.toml", "f.toml", "h.toml: defaults"),
        *twice,
    }


def test_knowledge_stays_inside_its_folder(folder, tmp_path_factory):
    """Also by a link: a persona tells nobody what else is on the disk."""
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
    secret.write_text("hush")
    (folder / "link.txt").symlink_to(secret)
    minimal(folder, "a.toml", f'knowledge_files = ["link.txt", "{secret}"]')
    assert faults(folder) == {"a.toml: knowledge_files[1]", "a.toml: knowledge_files[2]"}


def test_what_no_file_is_called_is_refused_in_words(folder):
    """A NUL, too long a name, what nests without end, and numbers that nobody counts."""
    minimal(folder, "a.toml", 'knowledge_files = ["a\\u0000.md", "' + "x" * 300 + '.md"]')
    minimal(folder, "b.toml", "traits = " + "[" * 5000)
    minimal(folder, "c.toml", "traits = " + "1" * 5000)
    assert faults(folder) == {
        *("a.toml: knowledge_files[1]", "a.toml: knowledge_files[2]"),
        *("b.toml", "c.toml"),
    }
    assert faults(folder / ("x" * 300)) == {"PERSONAS_DIR"}


def test_a_key_is_no_word_of_the_command(folder):
    """`!persona usual` undoes a choice; and a file is read whatever the case of its ending."""
    minimal(folder, "Usual.TOML")
    assert faults(folder) == {"Usual.TOML"}
    (folder / "Usual.TOML").rename(folder / "Unusual.TOML")
    assert load(folder).get("unusual").name == "X"


def test_a_phrase_that_looks_like_a_regular_expression_is_a_fault(folder):
    """Named by its place, with what to write instead."""
    minimal(folder, "a.toml", "[[rules]]\nid = 'a'\nmessage = 'm'\nnever = ['ok', 'a|b', 'c...d']")
    assert faults(folder) == {"a.toml: rules[1].never[2]", "a.toml: rules[1].never[3]"}


@pytest.mark.parametrize(
    ("model", "settings", "warned"),
    [
        ("claude-haiku-5-5", {}, []),
        ("claude-nobody", {"MODEL_SIMPLE": "claude-nobody"}, ["price"]),
        ("claude-haiku-4-5", {}, ["asked all the same"]),
        ("claude-nobody", {}, ["asked all the same", "price"]),
    ],
)
def test_a_personas_model_that_nobody_named_is_warned_of(folder, model, settings, warned):
    """It is asked all the same; so is one whose price nobody knows."""
    (folder / "support.toml").write_text(WHOLE.replace("m-1", model))
    named = {"PERSONAS_DIR": str(folder), "ANTHROPIC_API_KEY": "k", **settings}
    told = [each.words for each in examine(settings_of(named, None), today=TODAY)]
    about = [words for words in told if f"its model {model}" in words]
    assert len(about) == len(warned)
    assert all(each in words for each, words in zip(warned, about, strict=True))


def test_a_folder_and_a_default_have_to_be_there(tmp_path):
    """Neither is made up."""
    assert faults(tmp_path / "no") == {"PERSONAS_DIR"}
    assert faults(None, default="nobody") == {"PERSONA"}
    assert load(None, default="Customer-Support").all()


# What each built in persona may say, and what it may not.
SAID = {
    "customer-support": [
        ("We'll get you a full refund today.", "refund-promised"),
        ("Great news: you will receive a refund within 3 days.", "refund-promised"),
        ("A manager has to approve it; then we will refund the order.", None),
        ("I can't promise you a refund.", None),
        ("Please send me your password.", "secret-asked-for"),
        ("Never send us your password.", None),
    ],
    "technical-assistant": [
        ("Research shows that it is faster.", "source-missing"),
        ("Research shows it: https://arxiv.org/abs/1", None),
        ("Use `datetime.utcnow()`.", "deprecated-unmarked"),
        ("`datetime.utcnow()` is deprecated since 3.12.", None),
        ("Run `rm -rf build`.", "danger-unmarked"),
        ("Be careful: `rm -rf build` cannot be undone.", None),
        ("lol, just restart it", "tone:slang"),
    ],
    "creative-writer": [
        ("This is terrible.", "discouraging"),
        ("The storm scene works: its verbs are short. 🎉", None),
        ("I rewrote everything for you.", "voice-overruled"),
    ],
}


@pytest.mark.parametrize(
    ("key", "text", "rule"), [(key, *each) for key, told in SAID.items() for each in told]
)
def test_a_built_in_persona_keeps_its_word(key, text, rule):
    """What its constraints forbid is found, and what they allow is not."""
    persona = load(None).get(key)
    assert [each.rule for each in check(persona, text, first=False)] == ([rule] if rule else [])
    assert check(persona, str(persona.greeting), first=True) == ()


def test_what_is_built_in_is_checked_without_a_word():
    """All three, long enough to be cached, with nothing in them that changes."""
    [found] = examine(Settings(), today=TODAY)
    assert found.verdict == "ok"
    assert len(list(BUILT_IN.glob("*.toml"))) == 3


@pytest.mark.parametrize(
    ("knowledge", "warns"),
    [
        ("As of 2026-11-21.", "the date of today"),
        ("Made on November 21, 2026", "the date of today"),
        ("Rendered at 14:03:59.", "a time of day"),
        ("Open 9:00 to 17:30, since 2026-11-02.", None),
    ],
)
def test_what_changes_in_a_prompt_is_warned_of(folder, knowledge, warns):
    """A date of today or a clock's time would cost the cache; opening hours do not."""
    (folder / "faq.md").write_text(knowledge)
    settings = settings_of({"PERSONAS_DIR": str(folder), "ANTHROPIC_API_KEY": "k"}, None)
    told = [each.words for each in examine(settings, today=TODAY) if each.what == "support"]
    assert any("under 512 none is cached" in words for words in told)
    assert [words for words in told if "its prompt holds" in words] == [
        words for words in told if warns and f"holds {warns};" in words
    ]
    assert len(told) == (4 if warns else 3)  # two are about its model


def test_the_command_lists_and_fails(folder, monkeypatch):
    """Its exit status tells a pipeline whether all is well."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PERSONAS_DIR", str(folder))
    listed = CliRunner().invoke(app, ["personas", "check"])
    assert listed.exit_code == 0
    assert re.search(r"support +Ada +m-1 +\d+ +slack, slack:T1:C2", listed.output)
    minimal(folder, "a.toml", "colour = 1")
    refused = CliRunner().invoke(app, ["personas", "check", str(folder)])
    assert (refused.exit_code, "a.toml: colour: is no field here" in refused.output) == (1, True)


@pytest.mark.parametrize("value", ["off", " NOTE ", "mend"])
def test_what_is_done_about_answers_is_a_setting(value):
    """Three ways, and no other."""
    assert settings_of({"PERSONA_CHECK": value}, None).persona_check == value.strip().lower()
    with pytest.raises(Misconfigured, match="PERSONA_CHECK: is not a known value"):
        settings_of({"PERSONA_CHECK": "maybe"}, None)


def test_a_prompt_is_the_same_from_every_copy_of_the_files(folder, tmp_path_factory):
    """Whatever the folder is called and in whatever order its files were made."""
    other = tmp_path_factory.mktemp("other")
    (other / "more").mkdir()
    for name in ("support.toml", "more/hats.txt", "faq.md"):
        (other / name).write_bytes((folder / name).read_bytes().replace(b"\r\n", b"\n"))
    texts = {prompt(load(each).get("support"), "Base.") for each in (folder, other)}
    assert len(texts) == 1


def test_the_list_is_not_cut_to_fit_a_window(folder, monkeypatch):
    """Programs read it, and a name in parts is no name."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "40")
    (folder / "support.toml").write_text(WHOLE.replace("m-1", "m" * 60))
    monkeypatch.setenv("PERSONAS_DIR", str(folder))
    told = CliRunner().invoke(app, ["personas", "check"]).output
    assert "m" * 60 in told
