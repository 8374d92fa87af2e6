"""The gate in front of every route, over real HTTP."""

import base64
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from aiohttp import web

from adapters.web.application import application
from adapters.web.door.guard import Gate
from adapters.web.door.limits import REQUESTS
from adapters.web.door.peers import Peers, address
from adapters.web.door.principal import caller
from adapters.web.routing import Access, Route
from adapters.web.sse import EventStream
from adapters.web.wire import reply as reply_with
from tests.adapters.web_auth.stage import KEY, OTHER, SITE, limits, passes, sign_in, signed
from tests.journeys import raw

JSON = ("Content-Type", "application/json")
EXPOSED = ["X-Session-Id", "X-Request-Id", "Retry-After", "x-vercel-ai-ui-message-stream"]


async def who(request):
    return reply_with({"who": caller(request).account, "ip": address(request)})


async def anybody(request):
    return reply_with({"ip": address(request)})


async def stream(request):
    async with EventStream(request, {"X-Session-Id": "s"}) as events:
        await events.send(b'data: {"who": "%b"}\n\n' % caller(request).account.encode())
    return events.response


def route(method, path, handler, access=Access.CALLER):
    return Route(method=method, path=path, handler=handler, says="", tag="", access=access)


ROUTES = [
    route("GET", "/who", who),
    route("POST", "/who", who),
    route("DELETE", "/who", who),
    route("POST", "/stream", stream),
    route("GET", "/mine", who, Access.SIGNED_IN),
    route("GET", "/", anybody, Access.ANYBODY),
    route("POST", "/webhook", anybody, Access.ANYBODY),
    route("GET", "/v1/models", who),
    route("GET", "/api/v1/x", who),
]


@asynccontextmanager
async def guarded(clock, *, origins=(SITE,), trusted=(), **changes):
    """The port of a server behind a gate."""
    counts = limits(clock, edge=not changes.get("anybody"))
    signing = sign_in(clock, limits=counts, **changes)
    peers = Peers([ip_network(each) for each in trusted])
    gate = Gate(origins=frozenset(origins), sign_in=signing, limits=counts, peers=peers)
    runner = web.AppRunner(application(ROUTES, gate), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def bearing(token):
    return ("Authorization", f"Bearer {token}")


def user(clock, name="ann"):
    return bearing(signed({"sub": name, "exp": clock.now() + 600}))


# --- who calls ---


async def test_who_calls_is_known_to_the_handler(clock, register):
    """By whatever token they come with."""
    ours = passes(clock, register)
    async with guarded(clock, passes=ours) as port:
        for header, account in (
            (user(clock), "user:ann"),
            (bearing(KEY), "service"),
            (("authorization", f"bearer {KEY}"), "service"),
        ):
            assert (await raw.ask(port, "GET", "/who", [header])).json["who"] == account
        mine = bearing(ours.mint(SITE).token)
        reply = await raw.ask(port, "GET", "/who", [mine, ("Origin", SITE)])
        assert reply.json["who"].startswith("visitor:v_")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/who", {"error": "No token provided"}),
        ("POST", "/stream", {"error": "No token provided"}),
        ("GET", "/mine", {"error": "No token provided"}),
        ("GET", "/api/v1/x", {"error": {"code": "unauthorized", "message": "No token provided"}}),
    ],
)
async def test_nobody_is_asked_to_sign_in(clock, method, path, body):
    """401 in the form of the path's protocol, with the challenge that HTTP demands."""
    async with guarded(clock) as port:
        reply = await raw.ask(port, method, path)
    assert (reply.status, reply.json) == (401, body)
    assert reply.header("WWW-Authenticate") == "Bearer"


@pytest.mark.parametrize(
    "credentials",
    [
        "Bearer x",
        "Bearer a.b.c",
        "Bearer \udcff",
        "Basic " + base64.b64encode(b"a:b").decode(),
        "gw_key",
    ],
)
@pytest.mark.parametrize("anybody", [True, False])
async def test_bad_credentials_are_told_so(clock, credentials, anybody):
    """401, also where none are needed; and no stream is begun."""
    header = ("Authorization", credentials.encode("utf-8", "surrogateescape"))
    async with guarded(clock, anybody=anybody) as port:
        for method, path in (("GET", "/who"), ("POST", "/stream"), ("GET", "/mine")):
            reply = await raw.ask(port, method, path, [header])
            assert (reply.status, reply.json) == (401, {"error": "Invalid token"})


async def test_who_need_not_sign_in_may(clock):
    """On this machine nobody has to, but a token counts; and some routes are for those alone."""
    async with guarded(clock, anybody=True) as port:
        assert (await raw.ask(port, "GET", "/who")).json["who"] == "public"
        assert (await raw.ask(port, "GET", "/who", [user(clock)])).json["who"] == "user:ann"
        assert (await raw.ask(port, "GET", "/mine")).status == 401
        assert (await raw.ask(port, "GET", "/mine", [user(clock)])).status == 200
        assert (await raw.ask(port, "GET", "/who", [("Authorization", "")])).status == 401


async def test_what_is_for_anybody_asks_nobody(clock):
    """Pages, signs of life and webhooks look at no credentials, and no count is kept of them."""
    async with guarded(clock) as port:
        for header in ([], [bearing("x")], [("Authorization", "Basic x")]):
            assert (await raw.ask(port, "GET", "/", header)).status == 200
            assert (await raw.ask(port, "POST", "/webhook", header)).status == 200
            assert (await raw.ask(port, "GET", "/nowhere", header)).status == 404
            assert (await raw.ask(port, "PUT", "/who", header)).status == 405


async def test_a_placeholder_counts_where_it_has_to(clock):
    """Below /v1, and nowhere else."""
    async with guarded(clock, anybody=True, placeholders=True) as port:
        header = [bearing("sk-none")]
        assert (await raw.ask(port, "GET", "/v1/models", header)).json["who"] == "public"
        assert (await raw.ask(port, "GET", "/who", header)).status == 401


async def test_a_key_in_a_page_is_refused(clock):
    """Also from a page that may use the server."""
    async with guarded(clock) as port:
        reply = await raw.ask(port, "GET", "/who", [bearing(KEY), ("Origin", SITE)])
        assert reply.status == 403
        assert reply.header("Access-Control-Allow-Origin") == SITE  # its developer can read why


# --- which pages ---


async def test_a_page_of_the_list_may_ask_and_read(clock):
    """Its preflight is granted without credentials; every answer names it, a stream's too."""
    asked = [
        ("Origin", SITE),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,x-mine"),
    ]
    async with guarded(clock) as port:
        granted = await raw.ask(port, "OPTIONS", "/stream", asked)
        assert granted.status == 204
        assert granted.header("Access-Control-Allow-Origin") == SITE
        assert granted.header("Access-Control-Allow-Headers") == "authorization,x-mine"
        assert granted.header("Access-Control-Max-Age") == "600"
        assert "DELETE" in str(granted.header("Access-Control-Allow-Methods"))
        for path, headers, status in (
            ("/stream", [user(clock)], 200),
            ("/who", [user(clock)], 200),
            ("/who", [], 401),
        ):
            reply = await raw.ask(port, "POST", path, [("Origin", SITE), *headers])
            assert reply.status == status
            assert reply.header("Access-Control-Allow-Origin") == SITE
            assert str(reply.header("Access-Control-Expose-Headers")).split(", ") == EXPOSED
            assert "Origin" in str(reply.header("Vary"))
            assert reply.header("Access-Control-Allow-Credentials") is None


@pytest.mark.parametrize(
    "origin",
    [
        *(OTHER, "null", "", "*", b"\xff", "http://localhost:3000", "http://shop.example"),
        *("https://shop.example.evil", "HTTPS://SHOP.EXAMPLE", f"{SITE}:8443", f"{SITE}/"),
        f"{SITE}@evil.example",
    ],
)
async def test_another_page_may_do_nothing_and_read_nothing(clock, origin):
    """An origin counts if it is on the list to the letter: else 403, in words for its owner."""
    async with guarded(clock) as port:
        for method, path in (("POST", "/who"), ("DELETE", "/who"), ("POST", "/webhook")):
            reply = await raw.ask(port, method, path, [("Origin", origin), user(clock)])
            assert reply.status == 403
            assert "WEB_ORIGINS" in reply.json["error"]
            assert b"Access-Control" not in reply.head
        asked = [("Origin", origin), ("Access-Control-Request-Method", "POST")]
        assert (await raw.ask(port, "OPTIONS", "/who", asked)).status == 403
        got = await raw.ask(port, "GET", "/who", [("Origin", origin), user(clock)])
        assert b"Access-Control" not in got.head


async def test_a_cross_site_form_is_refused(clock):
    """A browser that says `cross-site` is refused though it names no origin; a program is not."""
    async with guarded(clock) as port:
        crossing = ("Sec-Fetch-Site", "cross-site")
        assert (await raw.ask(port, "POST", "/who", [user(clock), crossing])).status == 403
        listed = [user(clock), crossing, ("Origin", SITE)]
        assert (await raw.ask(port, "POST", "/who", listed)).status == 200
        assert (await raw.ask(port, "POST", "/who", [user(clock)])).status == 200


async def test_a_page_of_our_own_may_ask(clock):
    """What the server itself has served need not be on its list."""
    async with guarded(clock) as port:
        at = [("Host", "chat.example"), user(clock)]
        own, other = ("Origin", "https://chat.example"), ("Origin", "https://chat.example:1")
        assert (await raw.ask(port, "POST", "/who", [*at, own])).status == 200
        assert (await raw.ask(port, "POST", "/who", [*at, other])).status == 403


async def test_a_page_of_another_site_opens_no_socket(clock):
    """WebSockets know no preflight, so their origin is looked at, also on a page for anybody."""
    opening = [("Upgrade", "WebSocket"), ("Connection", "Upgrade")]
    async with guarded(clock) as port:
        for origin, status in ((OTHER, 403), (SITE, 200), (None, 200)):
            headers = opening + ([("Origin", origin)] if origin else [])
            assert (await raw.ask(port, "GET", "/", headers)).status == status


async def test_a_star_lets_all_pages_in_but_those_without_a_name(clock):
    """`null`, which any page can be, has to be listed by itself."""
    async with guarded(clock, origins=["*"]) as port:
        for origin, status in ((OTHER, 200), ("null", 403)):
            reply = await raw.ask(port, "POST", "/who", [user(clock), ("Origin", origin)])
            assert reply.status == status
    async with guarded(clock, origins=["null"]) as port:
        reply = await raw.ask(port, "POST", "/who", [user(clock), ("Origin", "null")])
        assert reply.header("Access-Control-Allow-Origin") == "null"


async def test_caches_keep_pages_apart(clock):
    """What is answered without an origin says that with one it would be another."""
    async with guarded(clock) as port:
        assert (await raw.ask(port, "GET", "/")).header("Vary") == "Origin"
    async with guarded(clock, anybody=True, origins=[]) as port:
        assert (await raw.ask(port, "GET", "/")).header("Vary") == "Origin"


@pytest.mark.parametrize(
    "header", [("Host", "evil.example"), ("Origin", OTHER), ("X-Forwarded-For", "192.0.2.1")]
)
async def test_without_sign_in_only_this_machine_is_served(clock, header):
    """Not by another name, not for another site's page even if it is on the list, not by proxy."""
    async with guarded(clock, anybody=True, origins=[OTHER]) as port:
        for method, path in (("GET", "/who"), ("GET", "/"), ("OPTIONS", "/who")):
            reply = await raw.ask(port, method, path, [header])
            assert reply.status == 403
            assert b"Access-Control" not in reply.head
    async with guarded(clock) as port:  # with sign-in that is no matter
        assert (await raw.ask(port, "GET", "/who", [header, user(clock)])).status == 200


# --- how much, and from where ---


async def test_too_many_requests_are_told_to_wait(clock):
    """429 with `Retry-After`; for a page too, which may read it."""
    async with guarded(clock) as port:
        for _ in range(REQUESTS[0].amount // 20):
            for _ in range(20):
                last = await raw.ask(port, "GET", "/who", [user(clock)])
            assert last.status == 200
        reply = await raw.ask(port, "GET", "/who", [user(clock), ("Origin", SITE)])
        assert (reply.status, reply.header("Retry-After")) == (429, "10")
        assert reply.header("Access-Control-Allow-Origin") == SITE
        assert (await raw.ask(port, "GET", "/")).status == 200
        assert (await raw.ask(port, "GET", "/who", [bearing(KEY)])).status == 200


@pytest.mark.parametrize(
    ("trusted", "forwarded", "found"),
    [
        ([], ["192.0.2.1"], "127.0.0.1"),
        (["10.0.0.0/8"], ["192.0.2.1"], "127.0.0.1"),
        (["127.0.0.1"], ["192.0.2.1"], "192.0.2.1"),
        (["127.0.0.0/8"], ["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        (["127.0.0.0/8"], ["6.6.6.6", "192.0.2.1"], "192.0.2.1"),
        (["127.0.0.0/8", "10.0.0.0/8"], ["6.6.6.6, 192.0.2.1, 10.1.2.3"], "192.0.2.1"),
        (["127.0.0.0/8", "10.0.0.0/8"], ["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
        (["127.0.0.1"], ["[2001:db8::1]:443"], "2001:db8::1"),
        (["127.0.0.1"], ["2001:db8::1"], "2001:db8::1"),
        (["127.0.0.1"], ["192.0.2.1:5678"], "192.0.2.1"),
        (["127.0.0.1"], ["::ffff:192.0.2.1"], "192.0.2.1"),
        (["127.0.0.1"], ["6.6.6.6, unknown"], "127.0.0.1"),
        (["127.0.0.1", "10.0.0.0/8"], ["6.6.6.6, evil, 10.1.2.3"], "10.1.2.3"),
        (["127.0.0.1"], [""], "127.0.0.1"),
        (["127.0.0.1"], [",,,"], "127.0.0.1"),
        (["127.0.0.1"], [], "127.0.0.1"),
        (["127.0.0.1"], [b"\xff\xfe"], "127.0.0.1"),
        (["127.0.0.1"], ["999.1.1.1"], "127.0.0.1"),
        (["127.0.0.1"], ["1" * 5000], "127.0.0.1"),
        (["127.0.0.1"], ["192.0.2.1," * 500 + "192.0.2.9"], "192.0.2.9"),
        (["127.0.0.0/8"], ["127.0.0.1," * 500 + "127.0.0.1"], "127.0.0.1"),
    ],
)
async def test_an_address_is_believed_of_trusted_proxies_alone(clock, trusted, forwarded, found):
    """The rightmost that none of them has; what is no address ends the search, and no request."""
    headers = [("X-Forwarded-For", each) for each in forwarded]
    async with guarded(clock, trusted=trusted) as port:
        assert (await raw.ask(port, "GET", "/", headers)).json["ip"] == found
