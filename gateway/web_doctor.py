"""What the doctor looks at of the web side: who may come in, and by which keys."""

from collections.abc import AsyncIterator, Iterator

from adapters.web.door.jwks import fetch
from adapters.web.door.limits import rules
from core.errors import Transient
from gateway.checks import ANY, NULL, is_loopback
from gateway.config import Settings
from gateway.findings import Finding
from gateway.sign_in import accepts, secrets_of, user_keys
from gateway.web_settings import (
    APIKEY,
    JWT,
    OPEN,
    SHORTEST_KEY,
    SHORTEST_SECRET,
    VISITOR,
)

MEANS = {
    OPEN: "everybody on this machine, nobody else",
    VISITOR: "anonymous people on your pages",
    JWT: "your site's users",
    APIKEY: "programs",
}


def web_auth(settings: Settings) -> Iterator[Finding]:
    """How people and programs sign in. A variable that is not set has no finding."""
    said = "; ".join(f"{mode}: {MEANS[mode]}" for mode in settings.web_auth)
    yield Finding("WEB_AUTH", "ok", said)
    yield from _tokens(settings)
    yield from _secrets(settings)
    yield from _public_keys(settings)
    yield from _origins(settings)
    yield from _edge(settings)


async def key_set(settings: Settings) -> AsyncIterator[Finding]:
    """Whether the provider's keys can be had."""
    if settings.jwks_url is None:
        return
    try:
        keys = await fetch(settings.jwks_url)
    except Transient as error:
        words = f"no keys can be had from it ({error}): check the address, and the way there"
        yield Finding("JWKS_URL", "fail", words)
        return
    found = sorted({key.algorithm for key in keys})
    yield _unless_unused(settings, "JWKS_URL", JWT, f"{len(keys)} keys for {', '.join(found)}")


def _tokens(settings: Settings) -> Iterator[Finding]:
    named = {"API_TOKEN": settings.api_token}
    named["ADMIN_TOKEN"] = (settings.admin_token,) if settings.admin_token else ()
    for what, keys in named.items():
        if not keys:
            continue
        if any(len(key.get_secret_value()) < SHORTEST_KEY for key in keys):
            words = f"shorter than {SHORTEST_KEY} signs: set what `gateway token --api-key` prints"
            yield Finding(what, "warn", words)
        elif what == "API_TOKEN":
            yield _unless_unused(settings, what, APIKEY, _count(len(keys), "key"))
        else:
            yield Finding(what, "ok", "is set: whoever has it sees every conversation")


def _secrets(settings: Settings) -> Iterator[Finding]:
    secrets = secrets_of(settings)
    if not secrets:
        return
    if any(len(secret) < SHORTEST_SECRET for secret in secrets):
        yield Finding(
            "JWT_SECRET",
            "warn",
            f"shorter than {SHORTEST_SECRET} bytes, so one token is enough to find it out: set"
            " what `gateway token --secret` prints",
        )
    elif accepts(settings, VISITOR):
        yield Finding("JWT_SECRET", "ok", _count(len(secrets), "secret"))
    else:
        yield _unless_unused(settings, "JWT_SECRET", JWT, _count(len(secrets), "secret"))


def _public_keys(settings: Settings) -> Iterator[Finding]:
    if settings.jwt_public_key is None:
        return
    found = [key.algorithm for key in user_keys(settings)[len(settings.jwt_secret) :]]
    yield _unless_unused(
        settings, "JWT_PUBLIC_KEY", JWT, f"{_count(len(found), 'key')} for {', '.join(found)}"
    )


def _origins(settings: Settings) -> Iterator[Finding]:
    origins = settings.web_origins
    if not origins:
        return
    if {ANY, NULL} & set(origins):
        words = "names * or null: any page at all may ask; name your pages' origins instead"
        yield Finding("WEB_ORIGINS", "warn", words)
        return
    hosts = [each.partition("://")[2].partition(":")[0] for each in origins]
    if OPEN in settings.web_auth and not all(map(is_loopback, hosts)):
        words = "names other machines' pages, which WEB_AUTH=open keeps out: leave open out there"
        yield Finding("WEB_ORIGINS", "warn", words)
    elif any(
        each.startswith("http://") and not is_loopback(host)
        for each, host in zip(origins, hosts, strict=True)
    ):
        words = "names a page without https, whose tokens can be read on the way"
        yield Finding("WEB_ORIGINS", "warn", words)
    else:
        yield Finding("WEB_ORIGINS", "ok", ", ".join(origins))


def _edge(settings: Settings) -> Iterator[Finding]:
    limits = rules(settings.rate_limit)
    if limits:
        unasked = OPEN in settings.web_auth and "rate_limit" not in settings.model_fields_set
        words = f"{settings.rate_limit} for one person, on all platforms together"
        words += "; on the web without sign-in only once you set it" if unasked else ""
        yield Finding("RATE_LIMIT", "ok", words)
    else:
        yield Finding("RATE_LIMIT", "warn", "none: one person may send any number of messages")
    if settings.trusted_proxies:
        proxies = ", ".join(map(str, settings.trusted_proxies))
        yield Finding("TRUSTED_PROXIES", "ok", f"{proxies} may say where a request comes from")


def weak_keys(settings: Settings) -> list[str]:
    """What to warn of at every start: secrets that hold on this machine alone."""
    secrets = [secret.get_secret_value().encode() for secret in settings.jwt_secret]
    if settings.web_auth == (OPEN,) or all(len(each) >= SHORTEST_SECRET for each in secrets):
        return []
    return [
        (
            f"JWT_SECRET: is shorter than {SHORTEST_SECRET} bytes, so one token is enough to find"
            " it out. Before anybody else can reach this server, also through a proxy, set what"
            " `gateway token --secret` prints."
        )
    ]


def _unless_unused(settings: Settings, what: str, mode: str, words: str) -> Finding:
    if accepts(settings, mode):
        return Finding(what, "ok", words)
    return Finding(what, "warn", f"is set, but not used: WEB_AUTH does not name {mode}")


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s, the new one and the old"
