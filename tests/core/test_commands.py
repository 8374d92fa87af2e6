"""Commands in chat are turns that no model is asked for."""

from dataclasses import replace

import pytest

from core import commands, transcript
from core.commands import Command
from tests.core.stage import PUSH, Pause, Platform, event, stage
from tests.fakes.scripted import says


def said(words, name=None, **options):
    return replace(event(words, platform=PUSH, **options), command=name)


@pytest.mark.parametrize(
    ("text", "prefixes", "name", "argument"),
    [
        ("!help", ("!",), "help", ""),
        ("  !NEW\n", ("!", "/"), "new", ""),
        ("/reset", ("!", "/"), "new", ""),
        ("/reset", ("!",), None, None),
        ("help", ("",), "help", ""),
        ("help", ("!", "/"), None, None),
        ("!helpful", ("!", "/"), None, None),
        ("!help me", ("!", "/"), None, None),
        ("!help persona", ("!", "/"), "help", "persona"),
        ("!Hilfe", ("!", "/"), "help", ""),
        ("/persona Creative  Writer", ("!", "/"), "persona", "Creative Writer"),
        ("/link 0a1b-c2d3", ("!", "/"), "link", "0a1b-c2d3"),
        ("/link 0a1b c2d3 apart", ("!", "/"), "link", "0a1b c2d3 apart"),
        ("/link hello", ("!", "/"), "link", "hello"),
        ("/link to the docs is dead", ("!", "/"), None, None),
        ("/model is broken", ("!", "/"), None, None),
        ("!forget yes", ("!",), "forget", "yes"),
        ("!forget it", ("!",), None, None),
        ("/usage of memory", ("!", "/"), None, None),
        ("/etc/hosts is broken", ("!", "/"), None, None),
        ("/ help", ("!", "/"), None, None),
        ("!stop\nplease", ("!", "/"), None, None),
        ("!persona\nSage", ("!", "/"), None, None),
        ("", ("",), None, None),
        ("!", ("!", "/"), None, None),
    ],
)
def test_a_command_is_all_of_its_message(text, prefixes, name, argument):
    """What else begins like one is for the model."""
    expected = None if name is None else Command(name=name, argument=argument)
    assert commands.parse(text, prefixes) == expected


async def test_a_command_is_answered_without_a_model(database):
    """Its reply is stored and delivered like an answer."""
    adapter = Platform()
    async with stage(database, adapter=adapter) as theatre:
        receipt = await theatre.handler.accept(said("!help", "help"))
        await theatre.done()
        assert adapter.taken == [commands.usage()]
        turn = await theatre.turn(receipt.turn_id)
        assert (turn.status, turn.model, turn.cost) == ("done", None, None)
        assert theatre.model.calls == []


async def test_new_begins_afresh(database):
    """The model sees nothing of before, and people neither."""
    async with stage(database, says("Hello"), says("Who?"), adapter=Platform()) as theatre:
        first = await theatre.handler.accept(said("I am Ada"))
        await theatre.done()
        await theatre.handler.accept(said("!new", "new"))
        await theatre.done()
        await theatre.handler.accept(said("Who am I?"))
        await theatre.done()
        assert [message.text for message in theatre.model.prompts[1].messages] == ["Who am I?"]
        shown = await database.read(
            transcript.conversation, first.session_id, before=None, limit=10
        )
        assert [row.parts[0]["text"] for row, _ in shown] == ["Who am I?", "Who?"]


async def test_commands_and_their_replies_are_not_shown_to_the_model(database):
    """They are between a person and the gateway."""
    async with stage(database, says("Hello"), says("More"), adapter=Platform()) as theatre:
        for words, name in (("Hi", None), ("!help", "help"), ("And?", None)):
            await theatre.handler.accept(said(words, name))
            await theatre.done()
        prompt = theatre.model.prompts[1].messages
        assert [message.text for message in prompt] == ["Hi", "Hello", "And?"]


async def test_a_question_beside_a_command_is_answered_too(database):
    """They waited together: the reply comes first, then the answer, which knows of no before."""
    adapter, pause = Platform(), Pause()
    first = [pause, *says("One")]
    async with stage(database, first, says("Two"), adapter=adapter) as theatre:
        await theatre.handler.accept(said("1"))
        await pause.reached.wait()
        await theatre.handler.accept(said("!new", "new"))
        await theatre.handler.accept(said("2"))
        pause.go()
        await theatre.done()
        assert adapter.taken[1].endswith("\n\nTwo")
        assert [message.text for message in theatre.model.prompts[1].messages] == ["2"]
