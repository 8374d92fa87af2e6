"""Keys, clocks and memories for the tests of signing in."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from adapters.web.door.keys import from_secret
from adapters.web.door.limits import Limits
from adapters.web.door.passes import Passes
from adapters.web.door.programs import Programs
from adapters.web.door.sign_in import SignIn
from adapters.web.door.users import Users
from core.errors import NotFound
from core.visitors import Standing
from tests.fakes.clock import VirtualClock

SECRET = "a secret of more than thirty-two bytes"
OLD = "another secret of more than thirty-two bytes"
SITE, OTHER = "https://shop.example", "https://other.example"
KEY, ADMIN = "gw_key", "gw_admin"
ALGORITHMS = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


def private(algorithm: str, number: int = 0) -> Any:
    """A private key; each number is another."""
    return _private(algorithm, number)


@cache
def _private(algorithm: str, number: int) -> Any:
    del number
    if algorithm == "RS256":
        return rsa.generate_private_key(65537, 2048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def pem(key: Any) -> str:
    """Its public half as text."""
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(algorithm: str, kid: str | None, number: int = 0, **more: Any) -> dict[str, Any]:
    """Its public half as an entry of a key set."""
    public = private(algorithm, number).public_key()
    entry = json.loads(ALGORITHMS[algorithm].to_jwk(public)) | more
    return entry if kid is None else entry | {"kid": kid}


def signed(claims: dict[str, Any], key: Any = SECRET, algorithm: str = "HS256", **header: Any):
    """A token."""
    if algorithm == "HS256" and isinstance(key, str):
        key = from_secret(key).key
    return jwt.encode(claims, key, algorithm=algorithm, headers=header)


def forged(header: dict[str, Any], payload: bytes | dict[str, Any], signature: bytes = b"") -> str:
    """A token whose parts are as they are given."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    parts = (json.dumps(header).encode(), body, signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@dataclass
class Register:
    """Visitors, remembered as the database does."""

    clock: VirtualClock
    known: dict[str, Standing] = field(default_factory=dict)

    async def standing(self, visitor: str) -> Standing:
        return self.known.get(visitor, Standing())

    async def rotate(self, visitor: str, *, epoch: int) -> int:
        now = await self.standing(visitor)
        if now.retired:
            raise NotFound
        if now.epoch == epoch:
            rotated = int(self.clock.now() * 1000)
            self.known[visitor] = now = Standing(epoch=epoch + 1, rotated_at=rotated)
        return now.epoch

    def retire(self, visitor: str) -> None:
        self.known[visitor] = replace(self.known.get(visitor, Standing()), retired=True)


def users(clock: VirtualClock, *keys: Any, key_set: Any = None, **more: Any) -> Users:
    """Users by the keys given, or by the secret."""
    told = {"audience": None, "issuer": None} | more
    return Users(keys=keys or (from_secret(SECRET),), key_set=key_set, clock=clock, **told)


def passes(clock: VirtualClock, register: Register, *secrets: str, origins=(SITE,)) -> Passes:
    return Passes(
        secrets=secrets or (SECRET,), origins=frozenset(origins), register=register, clock=clock
    )


def limits(clock: VirtualClock, *, edge: bool = True, messages: Any = (), public: Any = ()):
    return Limits(messages=messages, public=public, edge=edge, clock=clock)


def sign_in(clock: VirtualClock, **changes: Any) -> SignIn:
    """All ways to sign in, none without."""
    told: dict[str, Any] = {
        "anybody": False,
        "programs": Programs(keys=[KEY], admin=ADMIN),
        "placeholders": False,
        "users": users(clock),
        "passes": passes(clock, Register(clock)),
        "limits": limits(clock),
    }
    return SignIn(**told | changes)


@dataclass
class Provider:
    """An identity provider that publishes its keys, until it is broken."""

    url: str = ""
    keys: list[Any] = field(default_factory=list)
    broken: Any = None  # a response to send instead
    asked: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        del request
        self.asked += 1
        if self.broken is not None:
            return web.Response(**self.broken)
        return web.json_response({"keys": self.keys})


@asynccontextmanager
async def provider(*keys: Any) -> AsyncIterator[Provider]:
    """A provider on loopback."""
    made = Provider(keys=list(keys))
    app = web.Application()
    app.router.add_get("/keys", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    try:
        yield made
    finally:
        await runner.cleanup()
