import asyncio

import pytest

from core.watchdog import Stalled, Watchdog


async def test_a_wait_within_its_time_passes():
    """A dog that need not bite is not noticed."""
    watchdog = Watchdog(no_progress=10, total=10)
    with watchdog:
        await asyncio.sleep(0)
    watchdog.close()
    assert 0 < watchdog.left <= 10


async def test_a_wait_that_is_too_long_ends():
    """`Stalled` comes out of the block, and the task is as uncancelled as before."""
    watchdog = Watchdog(no_progress=0.01, total=10)
    with pytest.raises(Stalled), watchdog:
        await asyncio.Event().wait()
    assert asyncio.current_task().cancelling() == 0


async def test_all_waits_together_are_bounded():
    """Many waits, each short enough, end when the total is used up."""
    watchdog = Watchdog(no_progress=10, total=0.02)

    async def wait_often() -> None:
        for _ in range(1000):
            with watchdog:
                await asyncio.sleep(0.001)

    with pytest.raises(Stalled):
        await wait_often()
    assert watchdog.left <= 0


async def test_it_watches_again_after_a_bite():
    """One stalled call does not leave the next one unwatched."""
    watchdog = Watchdog(no_progress=0.01, total=10)
    for _ in range(2):
        with pytest.raises(Stalled), watchdog:
            await asyncio.Event().wait()


async def test_it_watches_again_after_a_pause():
    """A timer that fires between two waits does not leave the next one unwatched."""
    watchdog = Watchdog(no_progress=0.01, total=10)
    with watchdog:
        await asyncio.sleep(0)
    await asyncio.sleep(0.03)
    with pytest.raises(Stalled), watchdog:
        await asyncio.Event().wait()


async def test_somebody_elses_cancel_goes_on():
    """A task that is cancelled in the moment of the bite stays cancelled."""
    watchdog = Watchdog(no_progress=0, total=10)

    async def wait() -> None:
        with watchdog:
            asyncio.get_running_loop().call_soon(task.cancel)
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelling() == 1


async def test_a_bite_is_forgotten():
    """After one stalled call a cancel is a cancel again."""
    watchdog = Watchdog(no_progress=0.01, total=10)

    async def wait_twice() -> None:
        with pytest.raises(Stalled), watchdog:
            await asyncio.Event().wait()
        with watchdog:
            asyncio.get_running_loop().call_soon(task.cancel)
            await asyncio.Event().wait()

    task = asyncio.create_task(wait_twice())
    with pytest.raises(asyncio.CancelledError):
        await task
