"""Where a file may be fetched, and who is shown our credentials."""

import pytest
from yarl import URL

from adapters.whatsapp.media import onward
from core.errors import Permanent, Transient
from tests.adapters.whatsapp_media.stage import (
    API,
    ENOUGH,
    PATH,
    PNG,
    Redirecting,
    fetcher_of,
    sent,
)
from tests.fakes.twilio import ACCOUNT, TOKEN

BELOW = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/"
HERE = URL(API + PATH)


async def is_forbidden(fetcher, url):
    with pytest.raises(Permanent) as refused:
        await fetcher.fetch({"url": url}, most=ENOUGH)
    return str(refused.value) == "forbidden"


async def test_credentials_are_for_the_api_alone(fetcher, fake):
    """Whoever it sends on to sees none, however often."""
    fake.store.detours.append("{here}")
    assert await fetcher.fetch(await sent(fake), most=ENOUGH) == PNG
    [call] = fake.called("media")
    assert call.headers["Authorization"].startswith("Basic ")
    assert len(fake.store.asked) == 2
    assert fake.store.leaks == []


async def test_the_api_is_not_shown_them_twice(fetcher, fake):
    """What it sends on to is another's business, be it its own address."""
    source = await sent(fake)
    fake.answer("media", status=302, headers={"Location": fake.url + PATH})
    with pytest.raises(Permanent, match="401"):
        await fetcher.fetch(source, most=ENOUGH)
    assert ["Authorization" in call.headers for call in fake.called("media")] == [True, False]


async def test_a_way_has_an_end(fetcher, fake):
    """Two hops after the API."""
    fake.store.detours.extend(["{here}"] * 2)
    with pytest.raises(Permanent, match="redirects"):
        await fetcher.fetch(await sent(fake), most=ENOUGH)
    assert len(fake.store.asked) == 2


@pytest.mark.parametrize("host", ["mms.twiliocdn.com", "media.twiliocdn.com", "api.twilio.com"])
async def test_twilio_is_followed_to_its_other_hosts(fetcher, fake, names, host):
    """Its files are not at its API."""
    source = await sent(fake)
    fake.answer("media", status=302, headers={"Location": f"https://{host}/a?b=%2F"})
    with pytest.raises(Transient):
        await fetcher.fetch(source, most=ENOUGH)
    assert set(names.asked) == {host}


@pytest.mark.parametrize("behind", [False, True])
async def test_nobody_else_is_followed_to(fetcher, fake, names, behind):
    """Neither from the API nor from behind it."""
    source = await sent(fake)
    if behind:
        fake.store.detours.append("https://evil.example/")
    else:
        fake.answer("media", status=302, headers={"Location": "https://evil.example/"})
    assert await is_forbidden(fetcher, source["url"])
    assert names.asked == []


@pytest.mark.parametrize(
    "location",
    [
        "http://mms.twiliocdn.com/a",
        "https://twiliocdn.com/a",
        "https://eviltwiliocdn.com/a",
        "https://mms.twiliocdn.com.evil.example/a",
        "https://mms.twiliocdn.com:8443/a",
        "https://me@mms.twiliocdn.com/a",
        "https://evil.example\\.twilio.com/",
        "https://evil.example#.twilio.com/",
        "https://evil.example?.twilio.com/",
        "https://mms.twiliocdn.com./a",
        "https://mms.twiliocdn.com/a b",
        "https://mms.twiliocdn.com/é",
        "//169.254.169.254/latest",
        "https://[::1/",
        "file:///etc/passwd",
        "http://127.0.0.1:80/a",
        "http://localhost/a",
    ],
)
def test_what_only_looks_like_twilio_is_not_followed(location):
    """And the network that we are in is not for others to ask."""
    with pytest.raises(Permanent, match="forbidden"):
        onward(HERE, location, local=False)


@pytest.mark.parametrize(
    "location",
    [
        "http://10.0.0.1/a",
        "http://127.0.0.1.evil.example/a",
        "http://127.0.0.1:99999/a",
        "http://me@127.0.0.1/a",
        "http://mms.twiliocdn.com/a",
    ],
)
def test_what_stands_for_twilio_may_send_on_to_this_machine_alone(location):
    """All others need a certificate."""
    assert onward(HERE, "http://127.0.0.1:8080/a", local=True).port == 8080
    with pytest.raises(Permanent, match="forbidden"):
        onward(HERE, location, local=True)


@pytest.mark.parametrize(
    ("api_url", "local"),
    [
        ("https://api.dublin.ie1.twilio.com", False),
        ("http://127.0.0.1.evil.example", False),
        (None, False),
        ("http://localhost:8080/", True),
        ("http://[::1]:8080", True),
    ],
)
async def test_only_what_stands_for_twilio_here_may_send_on_to_here(api_url, local):
    """A region's host is Twilio's own: nothing on this machine is its business."""
    here = "http://127.0.0.1:8000/a"
    session = Redirecting(here)
    source = {"url": (api_url or API).rstrip("/") + PATH}
    with pytest.raises((Transient, Permanent)):
        await fetcher_of(session, api_url).fetch(source, most=ENOUGH)
    assert session.asked == [source["url"], *([here] if local else [])]


def test_a_link_is_followed_as_it_is():
    """It may be signed; and it may be told from where we are."""
    signed = "https://mms.twiliocdn.com/a%2Fb+c?x=%7e&y=1%2B1"
    assert str(onward(HERE, signed, local=False)) == signed
    assert str(onward(HERE, "/b", local=False)) == f"{API}/b"


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        f"http://api.twilio.com{PATH}",
        f"https://api.twilio.com:8443{PATH}",
        f"https://api.twilio.com.evil.example{PATH}",
        f"https://me:secret@api.twilio.com{PATH}",
        f"https://api.twilio.com@evil.example{PATH}",
        f"https://mms.twiliocdn.com{PATH}",
        f"{API}{PATH}".replace(ACCOUNT, "AC" + "9" * 32),
        f"{API}{BELOW}",
        f"{API}{BELOW}../../Calls/CA1",
        f"{API}{BELOW}%2e%2e/%2e%2e/Calls/CA1",
        f"{API}{BELOW}MM1\\..\\..",
        f"{API}{BELOW}MM1/Media/ME1\r\nHost: evil.example",
        f"{API}{BELOW}MM1/Media/ME1\n",
        f"http://127.0.0.1:80{PATH}",
        ["https://api.twilio.com"],
    ],
)
async def test_no_other_address_sees_our_credentials(session, names, told, url):
    """Nobody is even looked for, and it is told."""
    assert await is_forbidden(fetcher_of(session, None, told=told), url)
    assert names.asked == []
    assert [fact.outcome for fact in told] == ["forbidden"]


@pytest.mark.parametrize("base", [API, f"{API}:443"])
async def test_files_are_at_twilios_api(session, names, base):
    """Unless something stands for it."""
    with pytest.raises(Transient):
        await fetcher_of(session, None).fetch({"url": base + PATH}, most=ENOUGH)
    assert names.asked == ["api.twilio.com"]


async def test_what_stands_for_twilio_is_asked_in_its_place(fetcher, fake, names):
    """Whether a file's address is Twilio's or its own, which is no other port's."""
    twilios = await sent(fake)
    assert twilios["url"].startswith(API)
    fake.api = fake.url
    for source in (twilios, await sent(fake)):
        assert await fetcher.fetch(source, most=ENOUGH) == PNG
    assert await is_forbidden(fetcher, fake.store.url + PATH)
    assert names.asked == []
    assert TOKEN not in str(fake.store.asked)
