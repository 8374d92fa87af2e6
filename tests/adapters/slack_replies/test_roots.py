"""The roots of two commands' threads are in the same direct messages, and are told apart."""

from tests.adapters.slack_replies.stage import says, slacked
from tests.core.stage import SQLITE

pytestmark = SQLITE
LONG = "".join(f"Line {number} of a long answer, which goes on and on.\n" for number in range(300))


async def test_the_root_of_another_command_is_not_taken_for_ones_own(database):
    """It came while this one's was lost, and says whose it is."""
    async with slacked(database, says(LONG), says(LONG)) as house:
        hold = house.fake.hang("chat.postMessage")
        await house.command("Mine?", channel=house.acme.channel("general"))
        await hold.reached.wait()
        other = house.acme.channel("random")
        await house.command("Another?", channel=other)
        await house.until(lambda: len(house.acme.bot_messages(house.dm)) >= 2)
        heir = await house.succeeded()
        await heir.done()
        roots = [each for each in heir.acme.bot_messages(heir.dm) if each.thread_ts is None]
        assert sorted(each.text for each in roots) == ["> Another?", "> Mine?"]
        assert all(heir.acme.bot_messages(heir.dm, root.ts) for root in roots)
