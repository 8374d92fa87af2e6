"""A process is killed with SIGKILL in the middle of its work, and nothing is lost."""

from tests.chaos.siege import besiege

KILLS = 4


async def test_killed_under_load_it_loses_doubles_and_reorders_nothing(database_url):
    """What was acknowledged is answered once and in order, however often the process dies."""
    siege = await besiege(database_url, kills=KILLS, seed=7, alive=(1.5, 3.0))
    assert siege.kills == KILLS
    assert sum(map(len, siege.acked.values())) > 0
    assert siege.faults == []
