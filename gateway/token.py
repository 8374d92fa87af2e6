"""Tokens and keys made on the command line."""

import secrets
import time

import jwt

from adapters.web.door.claims import DAY
from adapters.web.door.keys import HMAC, from_secret
from adapters.web.door.passes import keys, sign, somebody
from adapters.web.door.principal import PEOPLE
from adapters.web.door.programs import PREFIX
from core.errors import Misconfigured
from gateway.checks import origin
from gateway.config import Settings
from gateway.sign_in import secrets_of
from gateway.web_settings import APIKEY, JWT, OPEN, VISITOR


def api_key() -> str:
    """A new API key: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def secret() -> str:
    """A new secret to sign tokens with: 384 random bits."""
    return secrets.token_urlsafe(48)


def encryption_key() -> str:
    """A new key to encrypt stored tokens with: 256 random bits."""
    from adapters.slack.sealing import new_key  # noqa: PLC0415 - the other commands do without

    return new_key()


def for_user(settings: Settings, subject: str, *, seconds: int, scope: str | None) -> str:
    """A user's token, as a site's own server would sign it. Raises `Misconfigured`."""
    secret = _secret(settings)
    if not {JWT, OPEN} & set(settings.web_auth):
        raise Misconfigured("WEB_AUTH: lacks jwt, so no user's token would count. Add it.")
    if not 1 <= seconds <= DAY:
        raise Misconfigured(f"--ttl: is from 1 to {DAY:.0f} seconds, which is a day.")
    if not subject.strip() or len(subject) > 255 or not subject.isprintable():
        raise Misconfigured("SUBJECT: is a user's name or number, of 1 to 255 printable signs.")
    now = int(time.time())
    claims = {"sub": subject, "iat": now, "exp": now + seconds}
    if scope is not None:
        claims |= {"scope": _scope(scope)}
    if settings.jwt_audience is not None:
        claims |= {"aud": settings.jwt_audience}
    if settings.jwt_issuer is not None:
        claims |= {"iss": settings.jwt_issuer}
    return jwt.encode(claims, from_secret(secret).key, algorithm=HMAC)


def for_terminal(settings: Settings) -> str | None:
    """What the operator's own terminal signs in with; None where nobody has to."""
    if OPEN in settings.web_auth:
        return None
    if APIKEY in settings.web_auth:
        return settings.api_token[0].get_secret_value()
    if JWT in settings.web_auth and settings.jwt_secret:
        return for_user(settings, "terminal", seconds=int(DAY), scope=None)
    raise Misconfigured(
        "WEB_AUTH: names no way for a terminal to sign in. To mend it, add apikey, and API_TOKEN."
    )


def for_visitor(settings: Settings, page: str) -> str:
    """A new visitor's token for pages of the origin `page`. Raises `Misconfigured`."""
    _secret(settings)
    try:
        site = origin(page)
    except ValueError as error:
        raise Misconfigured(f"--visitor: {error}.") from error
    if VISITOR not in settings.web_auth:
        raise Misconfigured("WEB_AUTH: lacks visitor, so no visitor's token would count. Add it.")
    if site not in settings.web_origins:
        raise Misconfigured(f"WEB_ORIGINS: lacks {site}, so this token would not count. Add it.")
    key = keys(secrets_of(settings))[0]
    return sign(key, site, somebody(), epoch=0, now=time.time()).token


def _secret(settings: Settings) -> str:
    found = secrets_of(settings)
    if found:
        return found[0]
    others = settings.jwt_public_key or settings.jwks_url
    raise Misconfigured(
        "JWT_SECRET: is missing, and tokens are signed with it. To mend it, set what"
        " `gateway token --secret` prints"
        + ("; or let whoever has the private key sign it." if others else ".")
    )


def _scope(text: str) -> str:
    words = text.replace(",", " ").split()
    if not words or not set(words) <= PEOPLE:
        raise Misconfigured("--scope: is chat, history, or both with a space between.")
    return " ".join(dict.fromkeys(words))
