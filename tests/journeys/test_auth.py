"""Who may do what, from the first request to the answer, on a gateway that is not open."""

import time
from typing import Any

import aiohttp
import jwt
import pytest

from tests.fakes.anthropic import Answer
from tests.journeys.house import House, Viewer, serving

SECRET = "a secret of more than thirty-two bytes"
SITE, OTHER = "https://shop.example", "https://other.example"
KEY, ADMIN = "gw_0123456789abcdefghij", "gw_admin0123456789abcdef"
ALL: dict[str, Any] = {
    "web_auth": "visitor,jwt,apikey",
    "jwt_secret": SECRET,
    "api_token": KEY,
    "admin_token": ADMIN,
    "web_origins": SITE,
    "trusted_proxies": "127.0.0.1",
}
SEND, EVENTS = "/api/v1/sessions/s/messages", "/api/v1/sessions/s/events"


def bearing(token: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **more}


def user(name: str, **claims: Any) -> dict[str, str]:
    end = int(time.time()) + 600
    return bearing(jwt.encode({"sub": name, "exp": end, **claims}, SECRET, algorithm="HS256"))


async def asked(
    house: House, method: str, path: str, headers: dict[str, str], body: Any = None
) -> tuple[int, Any]:
    """Status and body of one request."""
    async with house.http.request(method, path, headers=headers, json=body) as response:
        kind = response.content_type
        return response.status, await (
            response.json() if kind == "application/json" else response.text()
        )


async def told(house: House, headers: dict[str, str], text: str, session: str = "s") -> Viewer:
    """A message to the native API, answered."""
    path = f"/api/v1/sessions/{session}/messages"
    async with house.stream("POST", path, headers=headers, json={"text": text}) as viewer:
        return await viewer.read()


async def said(house: House, headers: dict[str, str], session: str = "s") -> list[str]:
    status, body = await asked(house, "GET", f"/api/v1/sessions/{session}/messages", headers)
    return [each["text"] for each in body["messages"]] if status == 200 else []


async def visitor(house: House, origin: str = SITE) -> dict[str, str]:
    status, body = await asked(house, "POST", "/api/v1/visitor", {"Origin": origin})
    assert status == 200, body
    assert body["expiresAt"] > time.time() * 1000
    return bearing(body["token"], Origin=origin)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {"message": "hi"}),
        ("/api/chat", {"messages": [{"role": "user", "content": "hi"}]}),
        (SEND, {"text": "hi"}),
        ("/v1/chat/completions", {"model": "x", "messages": [{"role": "user", "content": "hi"}]}),
        ("/chat", {"message": "hi"}),
    ],
)
async def test_nobody_is_answered_without_a_token(url: str, path: str, body: Any):
    """401 in every dialect, with none and with a bad one, and no model hears of it."""
    async with serving(url, **ALL) as house:
        for headers, message in (
            ({}, "No token provided"),
            (bearing("x"), "Invalid token"),
            (user("ann", exp=1), "Invalid token"),
        ):
            status, refusal = await asked(house, "POST", path, headers, body)
            assert status == 401
            assert message in str(refusal)
        assert not house.fake.requests


async def test_the_page_and_the_signs_of_life_are_for_anybody(url: str):
    """Whoever watches the server, or opens its page, need not sign in."""
    async with serving(url, **ALL) as house:
        for path in ("/", "/livez", "/readyz", "/health"):
            assert (await asked(house, "GET", path, {}))[0] == 200


async def test_users_do_not_see_each_other(url: str):
    """Under one name each has a conversation of their own; of another's there is none to see."""
    async with serving(url, **ALL) as house:
        house.fake.script(Answer("To Ann."), Answer("To Ben."), Answer("To a program."))
        await told(house, user("ann"), "I am Ann.")
        for other in (user("ben"), bearing(KEY), bearing(ADMIN)):
            for method, path in (("GET", SEND), ("GET", EVENTS), ("DELETE", SEND[:-9])):
                assert (await asked(house, method, path, other))[0] == 404
        await told(house, user("ben"), "I am Ben.")
        await told(house, bearing(KEY), "Beep.")
        assert await said(house, user("ann")) == ["I am Ann.", "To Ann."]
        assert await said(house, user("ben")) == ["I am Ben.", "To Ben."]
        assert [request.said for request in house.fake.requests][1] == "I am Ben."


async def test_a_visitor_is_not_a_user_of_the_same_name(url: str):
    """Names of one kind mean nothing in another."""
    async with serving(url, **ALL) as house:
        headers = await visitor(house)
        await told(house, headers, "I am a visitor.")
        name = jwt.decode(headers["Authorization"][7:], options={"verify_signature": False})["sub"]
        assert await said(house, user(name)) == []


async def test_a_run_of_somebody_else_cannot_be_stopped(url: str):
    """404, as for a run that there is none of."""
    async with serving(url, **ALL) as house:
        viewer = await told(house, user("ann"), "hi")
        path = f"/api/v1/runs/{viewer.run}/cancel"
        assert (await asked(house, "POST", path, user("ben")))[0] == 404
        assert (await asked(house, "POST", path, user("ann")))[0] != 404


async def test_a_token_that_allows_less_is_held_to_it(url: str):
    """403, which says what is lacking."""
    async with serving(url, **ALL) as house:
        status, body = await asked(
            house, "POST", SEND, user("ann", scope="history"), {"text": "hi"}
        )
        assert status == 403
        assert "chat" in body["error"]["message"]


async def test_a_visitor_becomes_a_user(url: str):
    """All that was said goes along, under new names; the visitor's token is dead from then on."""
    async with serving(url, **ALL) as house:
        house.fake.script(Answer("Hello."), Answer("Welcome back, Ann."))
        headers = await visitor(house)
        await told(house, headers, "Hi, I am new.", "mine")
        ann = user("ann")
        body = {"token": ann["Authorization"][7:]}
        status, reply = await asked(house, "POST", "/api/v1/identify", headers, body)
        assert status == 200
        assert list(reply["sessions"]) == ["mine"]
        assert reply["token"] == body["token"]
        [new] = reply["sessions"].values()
        assert new != "mine"
        assert await said(house, ann, new) == ["Hi, I am new.", "Hello."]
        assert await said(house, ann, "mine") == []  # a name that the visitor chose leads nowhere
        for method, path in (
            ("GET", SEND),
            ("POST", "/api/v1/visitor/refresh"),
            ("POST", "/api/v1/identify"),
        ):
            status, refusal = await asked(house, method, path, headers, body)
            assert (status, refusal["error"]["message"]) == (401, "Invalid token")
        await told(house, ann, "It's me.", new)
        assert "Hi, I am new." in str(house.fake.requests[-1].body)


async def test_only_a_visitor_is_identified_and_only_as_a_user(url: str):
    """Neither may a user take another's conversations, nor a visitor become a program."""
    async with serving(url, **ALL) as house:
        token = user("ann")["Authorization"][7:]
        path, headers = "/api/v1/identify", await visitor(house)
        assert (await asked(house, "POST", path, user("ben"), {"token": token}))[0] == 403
        assert (await asked(house, "POST", path, bearing(KEY), {"token": token}))[0] == 403
        assert (await asked(house, "POST", path, {}, {"token": token}))[0] == 401
        for wrong in (KEY, ADMIN, "x", headers["Authorization"][7:]):
            assert (await asked(house, "POST", path, headers, {"token": wrong}))[0] == 401
        for nothing in ({}, {"token": ""}, {"token": 7}, []):
            assert (await asked(house, "POST", path, headers, nothing))[0] == 400
        assert (await asked(house, "GET", SEND, headers))[0] == 404  # a visitor still


async def test_a_visitor_goes_on_with_a_renewed_token(url: str):
    """The same conversations; the token before counts for a minute more."""
    async with serving(url, **ALL) as house:
        old = await visitor(house)
        await told(house, old, "hi")
        status, reply = await asked(house, "POST", "/api/v1/visitor/refresh", old)
        assert status == 200
        new = bearing(reply["token"], Origin=SITE)
        assert await said(house, new) == await said(house, old) != []
        status, again = await asked(house, "POST", "/api/v1/visitor/refresh", new)
        assert status == 200
        assert await said(house, old) == []
        assert await said(house, bearing(again["token"])) != []


@pytest.mark.parametrize("origin", [OTHER, "null", None])
async def test_visitors_are_for_pages_of_the_site(url: str, origin: str | None):
    """403 for another's page, and for what is no page."""
    async with serving(url, **ALL) as house:
        headers = {} if origin is None else {"Origin": origin}
        assert (await asked(house, "POST", "/api/v1/visitor", headers))[0] == 403
        assert (await asked(house, "POST", "/api/v1/visitor/refresh", headers))[0] in {401, 403}


async def test_a_page_reads_the_stream_that_it_may_read(url: str):
    """The permission is on the stream itself, with the headers that a page wants to see."""
    async with serving(url, **ALL) as house:
        headers = await visitor(house)
        async with house.stream("POST", SEND, headers=headers, json={"text": "hi"}) as viewer:
            sent = viewer.response.headers
            assert sent["Access-Control-Allow-Origin"] == SITE
            assert "X-Session-Id" in sent["Access-Control-Expose-Headers"]
            assert "Origin" in ",".join(sent.getall("Vary"))
            await viewer.read()


async def test_new_visitors_of_one_address_have_to_wait(url: str):
    """429; another address, as the proxy tells it, is served."""
    async with serving(url, **ALL) as house:
        headers = {"Origin": SITE, "X-Forwarded-For": "192.0.2.1"}
        statuses = [(await asked(house, "POST", "/api/v1/visitor", headers))[0] for _ in range(21)]
        assert statuses == [200] * 20 + [429]
        headers["X-Forwarded-For"] = "192.0.2.2"
        assert (await asked(house, "POST", "/api/v1/visitor", headers))[0] == 200


async def test_one_person_may_say_so_much(url: str):
    """The message too many is 429 with the time to wait, and is not stored."""
    async with serving(url, **ALL, rate_limit="2/minute") as house:
        for number in range(2):
            await told(house, user("ann"), f"{number}")
        async with house.http.post(SEND, headers=user("ann"), json={"text": "2"}) as response:
            assert response.status == 429
            assert 0 < int(response.headers["Retry-After"]) <= 60
            assert (await response.json())["error"]["code"] == "rate_limited"
        assert len(await said(house, user("ann"))) == 4
        await told(house, user("ben"), "hi")
        for number in range(3):
            await told(house, bearing(KEY), f"{number}")


async def test_without_sign_in_the_limit_holds_if_it_was_set(url: str):
    """On this machine nobody is held by the default."""
    async with serving(url, rate_limit="2/minute") as house:
        statuses = [(await asked(house, "POST", SEND, {}, {"text": "hi"}))[0] for _ in range(3)]
        assert statuses == [200, 200, 429]


async def test_without_sign_in_a_token_still_counts(url: str):
    """Whoever signs in on this machine has conversations that others do not see."""
    async with serving(url, jwt_secret=SECRET) as house:
        await told(house, user("ann"), "I am Ann.")
        assert await said(house, {}) == []
        assert (await asked(house, "GET", SEND, bearing("x")))[0] == 401
        assert await said(house, user("ann")) != []


async def test_ways_to_sign_in_that_are_off_say_so(url: str):
    """404, with what the operator would have to set; other credentials do not count."""
    async with serving(url, web_auth="jwt", jwt_secret=SECRET, api_token=KEY) as house:
        for path in ("/api/v1/visitor", "/api/v1/visitor/refresh"):
            status, body = await asked(house, "POST", path, {})
            assert (status, body["error"]["code"]) == (404, "mode_off")
            assert "WEB_AUTH" in body["error"]["message"]
        assert (await asked(house, "GET", SEND, bearing(KEY)))[0] == 401


async def test_an_api_key_is_for_programs(url: str):
    """From a page it is refused; from a program with OpenAI's path it is the key."""
    body = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "hi"}]}
    async with serving(url, **ALL) as house:
        path = "/v1/chat/completions"
        assert (await asked(house, "POST", path, bearing(KEY), body))[0] == 200
        status, refusal = await asked(house, "POST", path, bearing(KEY, Origin=SITE), body)
        assert (status, refusal["error"]["code"]) == (403, "key_in_a_page")


async def test_a_page_may_not_use_a_cookie_instead(url: str):
    """There is none: nothing that a browser sends by itself signs anybody in."""
    async with serving(url, **ALL) as house:
        headers = await visitor(house)
        await told(house, headers, "hi")
        del headers["Authorization"]
        jar: Any = house.http.cookie_jar
        assert isinstance(jar, aiohttp.CookieJar)
        assert len(jar) == 0
        assert (await asked(house, "GET", SEND, headers))[0] == 401
