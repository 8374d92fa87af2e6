"""A token that Slack refuses is the operator's to mend: what was asked waits for that."""

from contextlib import suppress

import pytest

from adapters.slack.calls import TOKEN_FAULTS
from core.errors import Barred
from core.facts import PlatformBarred
from tests.adapters.slack_replies.stage import says, slacked
from tests.core.stage import SQLITE

pytestmark = SQLITE
WRITES = ("chat.startStream", "chat.postMessage")


@pytest.mark.parametrize("code", sorted(TOKEN_FAULTS))
async def test_an_answer_is_there_once_its_token_is_good_again(database, code):
    """Once, and the model was asked once."""
    async with slacked(database, says("Hello.")) as house:
        for method in WRITES:
            house.fake.fail(method, code, times=3)
        ts, _ = await house.hear()
        await house.done(step=5)
        assert house.seen(ts) == ["Hello."]
        assert len(house.stage.model.prompts) == 1


async def test_an_answer_outlives_the_process_that_had_the_wrong_token(database):
    """Whoever comes next, with another token, shows it."""
    async with slacked(database, says("Hello.")) as house:
        for method in WRITES:
            house.fake.fail(method, "invalid_auth", times=None)
        ts, _ = await house.hear()
        await house.until(lambda: house.api.barred)
        house.fake.faults.clear()
        heir = await house.succeeded(says("Hello."))
        await heir.done()
        assert house.seen(ts) == ["Hello."]


async def test_the_operator_is_told_once_for_each_time(database):
    """Not with every try; and again when it happens again."""
    async with slacked(database) as house:
        told = []
        house.api._observe = told.append
        house.fake.fail("auth.test", "invalid_auth", times=3)
        house.fake.fail("auth.test", "token_revoked", after=1)
        for _ in range(5):
            with suppress(Barred):
                await house.api.call("T1", "auth.test")
        barred = [fact.reason for fact in told if isinstance(fact, PlatformBarred)]
        assert barred == ["invalid_auth", "token_revoked"]


async def test_a_scope_that_lacks_is_not_forgotten_over_what_works(database):
    """Only the method that it is for can tell that it is there."""
    async with slacked(database) as house:
        house.fake.fail("users.info", "missing_scope")
        for method, barred in (("users.info", True), ("auth.test", True), ("users.info", False)):
            with suppress(Barred):
                await house.api.call("T1", method, user="U1")
            assert house.api.barred is barred
