"""What the tests of installs share."""

import asyncio

from sqlalchemy import select

from adapters.slack.exchange import Credentials
from adapters.slack.installations import Installation, Installed, Tokens
from adapters.slack.renewal import Renewal
from adapters.slack.sealing import new_key
from core.tables import installations
from tests.core.stage import Troubled
from tests.fakes.clock import VirtualClock

NEW, OLD, OTHER = (
    new_key(chance=lambda size, sign=sign: sign * size) for sign in (b"n", b"o", b"x")
)
CREDENTIALS = Credentials(client_id="1.2", client_secret="shh")
HERE = {"enterprise": None, "team": "T1", "org_wide": False}


class StillClock(VirtualClock):
    """Time that a test moves; who sleeps is not woken."""

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.Event().wait()


def installed_in(database, keys, clock):
    return Installed(database=Troubled(database), keys=keys, clock=clock)


FIRST = "xoxb-first"


def install(team="T1", *, token=FIRST, enterprise=None, **more):
    return Installation(app="A1", enterprise=enterprise, team=team, token=token, **more)


async def save(installed, *, refresh=None, expires_at=None, **changes):
    """Store an install of T1."""
    made = install(**changes)
    tokens = Tokens(access=made.token, refresh=refresh, expires_at=expires_at)
    await installed.save(made, tokens)
    return made


async def token(installed, **changes):
    """The token that serves T1."""
    found = await installed.find(**HERE | changes)
    return None if found is None else found.token


async def rows(database):
    return await database.read(
        lambda db: db.execute(select(installations).order_by(installations.c.id)).all()
    )


def renewal(database, keys, installed, client, clock):
    return Renewal(
        database=database,
        keys=keys,
        installed=installed,
        client=client,
        credentials=CREDENTIALS,
        clock=clock,
    )
