"""Files are fetched by the turn that answers them, shown to the model, and told of if not."""

from dataclasses import replace
from functools import partial

import pytest

from core import attachments, files
from core.errors import Permanent, Rejected, TooLarge, Transient
from core.facts import FileFetched
from core.types import Attachment
from tests.core.stage import PUSH, Pause, Platform, event, eventually, stage
from tests.core.test_files import PNG
from tests.fakes.scripted import says

PDF = b"%PDF-1.7 and so on"


class Store:
    """A `core.ports.Fetcher`: each file plays the next of its steps; the last one stays."""

    def __init__(self, **steps) -> None:
        self.asked = []
        self._steps = {name: list(each) for name, each in steps.items()}

    async def fetch(self, source, *, most):
        assert most >= len(PNG)
        name = source["name"]
        self.asked.append(name)
        steps = self._steps[name]
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(step, Pause):
            await step()
            return PNG
        if isinstance(step, Exception):
            raise step
        return step


def sent(*names):
    return tuple(Attachment(name=name, source={"name": name}) for name in names)


def said(words, *names, **options):
    """A message with files."""
    return replace(event(words, platform=PUSH, **options), files=sent(*names))


async def ask(theatre, words, *names):
    receipt = await theatre.handler.accept(said(words, *names))
    await theatre.done()
    return await theatre.handler.turn_of(receipt)


def shown(theatre, call=-1):
    """What the newest message of a prompt shows: each file's name, type and content."""
    message = theatre.model.prompts[call].messages[-1]
    return [(file.name, file.type, file.content) for file in message.files]


async def test_a_model_sees_what_was_sent(database):
    """Images and PDFs as files, by what they are, before the words; one turn later as well."""
    adapter, store = Platform(), Store(cat=[PNG], plan=[PDF])
    async with stage(database, says("A cat."), says("Yes."), adapter=adapter) as theatre:
        theatre.fetchers[PUSH] = store
        await ask(theatre, "What is it?", "cat", "plan")
        files_ = [("cat", "image/png", PNG), ("plan", "application/pdf", PDF)]
        assert shown(theatre) == files_
        assert theatre.asked() == ["What is it?"]
        await ask(theatre, "Sure?")
        first = theatre.model.prompts[0].messages
        assert theatre.model.prompts[1].messages[: len(first)] == first
        assert store.asked == ["cat", "plan"]
        assert [fact.outcome for fact in theatre.told(FileFetched)] == ["ok", "ok"]


async def test_a_message_of_a_file_alone_is_a_question(database):
    """A picture says something by itself."""
    async with stage(database, says("A cat."), adapter=Platform()) as theatre:
        theatre.fetchers[PUSH] = Store(cat=[PNG])
        await ask(theatre, "", "cat")
        assert shown(theatre) == [("cat", "image/png", PNG)]


async def test_a_text_file_is_read_as_words(database):
    """Between marks that it can't close itself, before what its sender says of it."""
    async with stage(database, says("Ok."), adapter=Platform()) as theatre:
        theatre.fetchers[PUSH] = Store(notes=[b"one\n```\ntwo"])
        await ask(theatre, "Sum it up", "notes")
        assert theatre.asked() == ["notes\n````\none\n```\ntwo\n````\n\nSum it up"]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (b"OggS\x00\x02", "I can't open it: I read images"),
        (TooLarge(), "It is too large for me"),
        (Permanent(), "I could not get it: please send it again"),
        (Transient(), "I could not get it: please send it again"),
    ],
)
async def test_what_can_not_be_shown_is_told(database, step, words):
    """In clear words, without a model if there is nothing else to answer; and it is not retried."""
    adapter, store = Platform(), Store(voice=[step])
    async with stage(database, says("Hello."), adapter=adapter) as theatre:
        theatre.fetchers[PUSH] = store
        await ask(theatre, "", "voice")
        [answer] = adapter.taken
        assert answer.startswith("“voice”: ")
        assert words in answer
        assert theatre.model.calls == []
        tries = len(store.asked)
        await ask(theatre, "Hi")
        assert len(store.asked) == tries
        assert [m.role for m in theatre.model.prompts[0].messages] == ["user", "assistant", "user"]


async def test_what_can_not_be_shown_is_told_before_the_answer(database):
    """The rest of the message is answered all the same."""
    adapter = Platform()
    async with stage(database, says("Hello."), adapter=adapter) as theatre:
        theatre.fetchers[PUSH] = Store(voice=[b"OggS\x00"], cat=[PNG])
        await ask(theatre, "Hi", "voice", "cat")
        [answer] = adapter.taken
        assert answer.startswith("“voice”: I can't open it")
        assert answer.endswith("\n\nHello.")
        assert theatre.asked() == ["[A file, “voice”, is not shown here.]\n\nHi"]
        assert [name for name, _, _ in shown(theatre)] == ["cat"]


async def test_a_file_that_is_late_is_waited_for(database):
    """A platform may tell of it before it has it."""
    async with stage(database, says("A cat."), adapter=Platform()) as theatre:
        theatre.fetchers[PUSH] = store = Store(cat=[Transient(), Transient(), PNG])
        await ask(theatre, "", "cat")
        assert shown(theatre) == [("cat", "image/png", PNG)]
        assert len(store.asked) == 3
        assert theatre.clock.slept[:2] == [1, 3]


async def test_a_file_that_the_provider_refuses_is_left_out(database):
    """The question is asked again without it, and the person is told; later turns too."""
    adapter = Platform()
    scripts = ([Rejected("Could not process image")], says("Hello."), says("Bye."))
    async with stage(database, *scripts, adapter=adapter) as theatre:
        theatre.fetchers[PUSH] = Store(cat=[PNG])
        await ask(theatre, "Hi", "cat")
        [answer] = adapter.taken
        assert answer.startswith("“cat”: It could not be read")
        assert answer.endswith("\n\nHello.")
        await ask(theatre, "And now?")
        assert [len(m.files) for prompt in theatre.model.prompts for m in prompt.messages] == [
            1,
            *[0] * 4,
        ]


async def test_whoever_takes_over_fetches_only_what_is_missing(database):
    """The first replica died between two files."""
    pause = Pause()
    store = Store(cat=[PNG], dog=[pause, PNG])
    async with stage(database, adapter=Platform()) as dying:
        dying.fetchers[PUSH] = store
        receipt = await dying.handler.accept(said("Look", "cat", "dog", key="m"))
        await pause.reached.wait()
        await eventually(partial(database.read, files.contents, ["m/0"]))
    async with stage(database, says("Pets."), adapter=Platform()) as heir:
        heir.fetchers[PUSH] = store
        heir.handler.start(receipt.turn)
        await heir.done()
        assert [name for name, _, _ in shown(heir)] == ["cat", "dog"]
        assert store.asked == ["cat", "dog", "dog"]


async def test_the_oldest_files_make_room_in_a_big_step(database, monkeypatch):
    """So what was shown stays at its place, turn by turn, but for those steps."""
    monkeypatch.setattr(attachments, "SHOWN_FILES", 4)
    store = Store(**{name: [PNG] for name in "abcde"})
    async with stage(database, *[says("Ok.")] * 6, adapter=Platform()) as theatre:
        theatre.fetchers[PUSH] = store
        for name in "abcde":
            await ask(theatre, f"This is {name}", name)
        await ask(theatre, "All?")
    counts = [
        [file.name for m in prompt.messages for file in m.files] for prompt in theatre.model.prompts
    ]
    assert counts == [
        ["a"],
        ["a", "b"],
        ["a", "b", "c"],
        ["a", "b", "c", "d"],
        ["d", "e"],
        ["d", "e"],
    ]


async def test_a_file_is_not_blamed_for_what_it_has_no_part_in(database):
    """Without it the question is refused just so: the next turn shows it again."""
    adapter = Platform()
    scripts = ([Rejected("no")], [Rejected("no")], says("A cat."))
    async with stage(database, *scripts, adapter=adapter) as theatre:
        theatre.fetchers[PUSH] = Store(cat=[PNG])
        await ask(theatre, "Hi", "cat")
        assert "could not be read" not in adapter.taken[0]
        await ask(theatre, "", "cat")
        assert shown(theatre) == [("cat", "image/png", PNG)]


async def test_a_stop_does_not_wait_for_a_file(database):
    """Its sender has had enough; the next message is answered at once."""
    pause = Pause()
    async with stage(database, says("Hello."), adapter=Platform()) as theatre:
        theatre.fetchers[PUSH] = Store(cat=[pause])
        receipt = await theatre.handler.accept(said("Look", "cat"))
        await pause.reached.wait()
        await theatre.handler.stop(receipt.turn_id)
        await theatre.done()
        assert (await theatre.turn(receipt.turn_id)).status == "cancelled"
        assert theatre.model.calls == []
