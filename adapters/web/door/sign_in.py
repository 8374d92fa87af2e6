"""What a bearer token proves."""

from adapters.web.door.claims import is_signed
from adapters.web.door.limits import Limits
from adapters.web.door.passes import Passes, is_pass
from adapters.web.door.principal import PUBLIC, Principal
from adapters.web.door.programs import Programs
from adapters.web.door.users import Users
from adapters.web.door.verdicts import invalid, missing
from adapters.web.errors import Refused

OPENAI = "/v1"  # the SDKs for what is below cannot do without a key


class SignIn:
    """Verifies tokens: first as a program's key, then as a pass of ours or a user's token.

    `anybody` says that callers without credentials are served; those with bad ones never are,
    but for the placeholder that takes a key's place in OpenAI's SDKs.
    """

    def __init__(  # noqa: PLR0913 - each kind of caller
        self,
        *,
        anybody: bool,
        programs: Programs,
        placeholders: bool,
        users: Users | None,
        passes: Passes | None,
        limits: Limits,
    ) -> None:
        self.anybody = anybody
        self.users = users
        self.passes = passes
        self._programs = programs
        self._placeholders = placeholders
        self._limits = limits

    async def verify(self, token: str, *, path: str, origin: str | None, ip: str) -> Principal:
        """Who a token is for. `path` is the request's, `origin` its page's, if one sent it.

        Raises `Refused`: 401, 403 for a key in a page, 429 for too many tries, 503 without the
        provider's keys.
        """
        program = self._programs.find(token)
        if program is not None:
            return _off_page(program, origin)
        self._limits.request(ip)
        if self._is_placeholder(token, path):
            return PUBLIC
        try:
            return await self._person(token, origin)
        except Refused as refused:
            if refused.status == 401:
                self._limits.failure(ip)
            raise

    def _is_placeholder(self, token: str, path: str) -> bool:
        if not self.anybody or not self._placeholders or not token or is_signed(token):
            return False
        return path == OPENAI or path.startswith(f"{OPENAI}/")

    async def _person(self, token: str, origin: str | None) -> Principal:
        if not token:
            raise missing()
        if is_pass(token):
            if self.passes is None:
                raise invalid()
            return await self.passes.verify(token, origin=origin)
        if self.users is None:
            raise invalid()
        return await self.users.verify(token)


def bearer(authorization: str) -> str:
    """The token in an `Authorization` header, empty if there is none. Raises `Refused` (401)."""
    scheme, _, token = authorization.strip().partition(" ")
    if scheme and scheme.lower() != "bearer":
        raise invalid()
    return token.strip()


def _off_page(program: Principal, origin: str | None) -> Principal:
    if origin is not None:
        raise Refused(
            403,
            "key_in_a_page",
            "API keys are for servers: all who open a page can read what is in it. Let the page"
            " use a visitor's or a user's token, and make a new key, since this one was shown.",
        )
    return program
