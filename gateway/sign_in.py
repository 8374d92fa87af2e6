"""Who may use the web side, as the settings say it."""

from functools import partial

import structlog

from adapters.web.door.guard import Gate
from adapters.web.door.jwks import KeySet
from adapters.web.door.keys import Key, from_pem, from_secret
from adapters.web.door.limits import Limits, rules
from adapters.web.door.passes import Passes
from adapters.web.door.peers import Peers
from adapters.web.door.programs import Programs
from adapters.web.door.sign_in import SignIn
from adapters.web.door.users import Users
from adapters.web.wire import PLATFORM
from core import visitors
from core.database import Database
from core.ports import Clock
from core.visitors import Standing
from gateway.config import Settings
from gateway.web_settings import APIKEY, JWT, OPEN, VISITOR

log = structlog.get_logger()


class VisitorRegister:
    """What the database knows of visitors."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def standing(self, visitor: str) -> Standing:
        """Which of a visitor's passes count."""
        return await self._database.read(visitors.standing, visitor)

    async def rotate(self, visitor: str, *, epoch: int) -> int:
        """Begin the epoch after `epoch`, unless it has begun. Raises `NotFound` when retired."""
        return await self._database.write(visitors.rotate, visitor, epoch=epoch, now=self._now())

    async def identify(self, visitor: str, *, account: str, to: str) -> dict[str, str]:
        """Hand all conversations over to the account `to`, once; their new names by the old.

        The visitor's passes count no more. Raises `NotFound` when that was so before.
        """
        return await self._database.write(
            visitors.identify,
            visitor,
            platform=PLATFORM,
            account_id=account,
            to=to,
            now=self._now(),
        )

    def _now(self) -> int:
        return int(self._clock.now() * 1000)


def gate_of(settings: Settings, *, database: Database, clock: Clock) -> Gate:
    """The gate that the settings ask for."""
    anybody = OPEN in settings.web_auth
    limits = Limits(
        messages=rules(settings.rate_limit),
        # Without sign-in all of a machine's people are one address: only who asks for it is held.
        public=rules(settings.rate_limit) if "rate_limit" in settings.model_fields_set else (),
        edge=not anybody,
        clock=clock,
    )
    sign_in = SignIn(
        anybody=anybody,
        programs=_programs(settings),
        placeholders=not settings.api_token,
        users=_users(settings, clock),
        passes=_passes(settings, database, clock),
        limits=limits,
    )
    return Gate(
        origins=frozenset(settings.web_origins),
        sign_in=sign_in,
        limits=limits,
        peers=Peers(settings.trusted_proxies),
    )


def accepts(settings: Settings, mode: str) -> bool:
    """Whether credentials of a kind are looked at: if asked for, and where nobody needs any."""
    return mode in settings.web_auth or OPEN in settings.web_auth


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """The secrets that sign tokens, the one to sign with first."""
    return tuple(secret.get_secret_value() for secret in settings.jwt_secret)


def _programs(settings: Settings) -> Programs:
    keys = settings.api_token if accepts(settings, APIKEY) else ()
    admin = settings.admin_token
    return Programs(
        keys=(key.get_secret_value() for key in keys),
        admin=None if admin is None else admin.get_secret_value(),
    )


def _users(settings: Settings, clock: Clock) -> Users | None:
    keys = user_keys(settings)
    if not accepts(settings, JWT) or not (keys or settings.jwks_url):
        return None
    complain = partial(log.warning, "key_set.unavailable")
    url = settings.jwks_url
    return Users(
        keys=keys,
        key_set=KeySet(url, clock=clock, complain=lambda why: complain(why=why)) if url else None,
        audience=settings.jwt_audience,
        issuer=settings.jwt_issuer,
        clock=clock,
    )


def user_keys(settings: Settings) -> tuple[Key, ...]:
    """The keys for users' tokens that the settings hold themselves."""
    public = from_pem(settings.jwt_public_key) if settings.jwt_public_key else ()
    return (*map(from_secret, secrets_of(settings)), *public)


def _passes(settings: Settings, database: Database, clock: Clock) -> Passes | None:
    if VISITOR not in settings.web_auth:
        return None
    return Passes(
        secrets=secrets_of(settings),
        origins=frozenset(settings.web_origins),
        register=VisitorRegister(database, clock),
        clock=clock,
    )
