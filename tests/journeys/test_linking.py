"""A person who begins on one platform and goes on with it on another."""

import re
from typing import Any

import pytest

from tests.journeys.everywhere import Everywhere, everywhere
from tests.journeys.test_auth import ALL, user

BEN = "whatsapp:+15557654321"


async def code(world: Everywhere, **options: Any) -> str:
    """A code, as it stands on somebody's phone."""
    found = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}", await world.whatsapp("!link", **options))
    assert found
    return found[0]


def heard(world: Everywhere) -> str:
    """All that the model was shown with the last question."""
    return str(world.house.fake.requests[-1].body["messages"])


@pytest.mark.parametrize("signed_in", [False, True], ids=["open", "signed in"])
async def test_a_conversation_goes_on_wherever_its_person_writes(url: str, signed_in: bool) -> None:  # noqa: FBT001 - pytest's
    """From WhatsApp to the web and to Slack, with its memory; answers go where they were asked."""
    async with everywhere(url, **(ALL if signed_in else {})) as world:
        who = user("ann") if signed_in else {}
        await world.whatsapp("My name is Ana")
        assert "It is you" in await world.native(f"!link {await code(world)}", **who)
        await world.native("I like tea", **who)
        assert "My name is Ana" in heard(world)
        assert "It is you" in await world.slack(f"!link {await code(world)}")
        await world.slack("And cake")
        assert "My name is Ana" in heard(world)
        assert "I like tea" in heard(world)
        before = len(await world.phones.seen())
        assert await world.whatsapp("What do I like?") == "You said: What do I like?"
        assert len(await world.phones.seen()) == before + 1
        assert "And cake" in heard(world)


async def test_a_code_that_was_used_is_guessed_or_is_told_in_public_links_nobody(url: str) -> None:
    """Each is refused with a reason, and a code that others could read is void."""
    async with everywhere(url) as world:
        await world.whatsapp("My name is Ana")
        used = await code(world)
        await world.native(f"!link {used}")
        assert "not valid" in await world.whatsapp(f"!link {used}", person=BEN)
        assert "not valid" in await world.whatsapp("!link ZZZZ-ZZZZ", person=BEN)
        public, acme = await code(world), world.slacks.acme
        said = acme.say(acme.channel(), "U1", f"<@UBOT> !link {public}")
        await world.slacks.tell(acme.app_mention_event(said))
        assert "between us two" in (await world.slacks.answers(said))[-1]
        assert "not valid" in await world.whatsapp(f"!link {public}", person=BEN)
        await world.whatsapp("Who am I?", person=BEN)
        assert "Ana" not in heard(world)


async def test_whoever_unlinks_begins_afresh(url: str) -> None:
    """There; on the other platform all is as it was."""
    async with everywhere(url) as world:
        await world.whatsapp("My name is Ana")
        await world.native(f"!link {await code(world)}")
        assert "of your own again" in await world.native("!unlink")
        await world.native("Who am I?")
        assert "Ana" not in heard(world)
        await world.whatsapp("And here?")
        assert "My name is Ana" in heard(world)


async def test_whoever_is_forgotten_is_so_everywhere(url: str) -> None:
    """On all platforms that they linked, also in conversations that stay apart."""
    async with everywhere(url) as world:
        await world.whatsapp("My name is Ana")
        await world.slack("I like tea")
        await world.slack(f"!link {await code(world)} apart")
        await world.native(f"!link {await code(world)}")
        assert "I have deleted all" in await world.whatsapp("!forget yes")
        for where in ("whatsapp", "native", "slack"):
            await world.say(where, "Who am I?")
            assert "Ana" not in heard(world)
            assert "tea" not in heard(world)
        assert "Ana" not in str(await world.house.history("desk"))
