"""What the doctor finds of the web side."""

import pytest

from adapters.web.door.programs import PREFIX
from gateway.config import load
from gateway.web_doctor import key_set, web_auth
from tests.adapters.web_auth.stage import jwk, pem, private, provider

SECRET = "a secret of more than thirty-two bytes"
KEY = f"{PREFIX}0123456789abcdefghij"


def found(**environ):
    """Each finding by its variable."""
    return {each.what: each for each in web_auth(load(environ, None))}


def test_nothing_set_is_nothing_to_mend():
    """Who may come in, and how much they may say."""
    findings = found()
    assert {what: each.verdict for what, each in findings.items()} == {
        "WEB_AUTH": "ok",
        "RATE_LIMIT": "ok",
    }
    assert "this machine" in findings["WEB_AUTH"].words


def test_all_that_is_set_has_its_line():
    """No secret is in any of them."""
    findings = found(
        WEB_AUTH="visitor,jwt,apikey",
        JWT_SECRET=f"{SECRET},{SECRET}2",
        JWT_PUBLIC_KEY=pem(private("ES256")),
        API_TOKEN=KEY,
        ADMIN_TOKEN=f"{KEY}2",
        WEB_ORIGINS="https://shop.example",
        TRUSTED_PROXIES="10.0.0.0/8",
    )
    assert {each.verdict for each in findings.values()} == {"ok"}
    assert set(findings) == {
        *("WEB_AUTH", "JWT_SECRET", "JWT_PUBLIC_KEY", "API_TOKEN", "ADMIN_TOKEN"),
        *("WEB_ORIGINS", "RATE_LIMIT", "TRUSTED_PROXIES"),
    }
    assert findings["JWT_SECRET"].words == "2 secrets, the new one and the old"
    assert findings["JWT_PUBLIC_KEY"].words == "1 key for ES256"
    assert SECRET not in str(findings)
    assert KEY not in str(findings)


@pytest.mark.parametrize(
    ("environ", "what", "words"),
    [
        ({"JWT_SECRET": "short"}, "JWT_SECRET", "gateway token --secret"),
        ({"API_TOKEN": "short"}, "API_TOKEN", "gateway token --api-key"),
        ({"ADMIN_TOKEN": "short"}, "ADMIN_TOKEN", "gateway token --api-key"),
        ({"WEB_AUTH": "apikey", "API_TOKEN": KEY, "JWT_SECRET": SECRET}, "JWT_SECRET", "jwt"),
        ({"WEB_AUTH": "jwt", "API_TOKEN": KEY, "JWT_SECRET": SECRET}, "API_TOKEN", "apikey"),
        ({"WEB_ORIGINS": "*"}, "WEB_ORIGINS", "any page"),
        ({"WEB_ORIGINS": "https://shop.example"}, "WEB_ORIGINS", "leave open out"),
        (
            {"WEB_AUTH": "jwt", "JWT_SECRET": SECRET, "WEB_ORIGINS": "http://shop.example"},
            "WEB_ORIGINS",
            "https",
        ),
        ({"RATE_LIMIT": "none"}, "RATE_LIMIT", "any number"),
    ],
)
def test_what_works_and_should_not_stay_is_a_warning(environ, what, words):
    """Weak keys, keys that nobody looks at, and doors that stand open."""
    finding = found(**environ)[what]
    assert finding.verdict == "warn"
    assert words in finding.words


async def test_the_providers_keys_are_fetched():
    """The doctor says how many there are, or why there are none."""
    async with provider(jwk("ES256", "a"), jwk("RS256", "b")) as there:
        settings = load({"WEB_AUTH": "jwt", "JWKS_URL": there.url}, None)
        [finding] = [each async for each in key_set(settings)]
        assert (finding.verdict, finding.words) == ("ok", "2 keys for ES256, RS256")
        there.broken = {"status": 404}
        [finding] = [each async for each in key_set(settings)]
        assert finding.verdict == "fail"
        assert "HTTP 404" in finding.words
    assert [each async for each in key_set(load({}, None))] == []
