"""`gateway token`: one line on standard output, and what is wrong in words."""

import jwt
import pytest
from typer.testing import CliRunner

from adapters.web.door.passes import keys
from core.errors import Misconfigured
from gateway import cli
from gateway.config import load
from gateway.web_settings import SHORTEST_SECRET

SECRET = "a secret of more than thirty-two bytes"
SITE = "https://shop.example"
VISITORS = {"WEB_AUTH": "visitor,jwt", "JWT_SECRET": SECRET, "WEB_ORIGINS": SITE}


@pytest.fixture
def made(monkeypatch, tmp_path):
    """Run the command; what it printed and what it said besides."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gateway.telemetry.configure_logging", lambda *_: None)

    def run(*arguments, **environ):
        result = CliRunner().invoke(cli.app, ["token", *arguments], env=environ)
        if isinstance(result.exception, Misconfigured):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout, result.stderr

    return run


@pytest.mark.parametrize("how", [["7"], ["--user", "7"], ["--sub", "7"]])
def test_a_users_token_is_alone_on_a_line(made, how):
    """Signed with the new one of two secrets, good for an hour, with what the settings demand."""
    out, err = made(
        *how, JWT_SECRET=f"{SECRET},old", JWT_AUDIENCE="chat", JWT_ISSUER="https://id.example"
    )
    assert err == ""
    [token, rest] = out.split("\n")
    assert rest == ""
    claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="chat")
    assert (claims["sub"], claims["iss"]) == ("7", "https://id.example")
    assert claims["exp"] - claims["iat"] == 3600
    assert "scope" not in claims


def test_a_token_may_be_short_and_allow_less(made):
    """As it is asked for."""
    out, _ = made("ann", "--ttl", "60", "--scope", "chat", JWT_SECRET=SECRET)
    claims = jwt.decode(out.strip(), SECRET, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 60
    assert claims["scope"] == "chat"


def test_a_visitors_token_is_for_one_site(made):
    """Which has to be on the list."""
    out, _ = made("--visitor", f"{SITE}/", **VISITORS)
    claims = jwt.decode(out.strip(), keys([SECRET])[0].key, algorithms=["HS256"], audience=SITE)
    assert claims["sub"].startswith("v_")


def test_keys_and_secrets_are_new_each_time_and_long_enough(made):
    """The gateway takes both, and needs no settings to make them; the hint is not in the way."""
    made_up = [made(kind, WEB_AUTH="jwt") for kind in ("--api-key", "--secret", "--secret")]
    key, secret, other = [out.strip() for out, _ in made_up]
    assert key.startswith("gw_")
    assert secret != other
    assert len(secret) >= SHORTEST_SECRET
    assert ["API_TOKEN" in err for _, err in made_up] == [True, False, False]
    load(
        {
            "HOST": "0.0.0.0",  # noqa: S104
            "WEB_AUTH": "apikey,jwt",
            "API_TOKEN": key,
            "JWT_SECRET": f"{secret},{other}",
        },
        None,
    )


@pytest.mark.parametrize(
    ("arguments", "environ", "named"),
    [
        (["ann"], {}, "JWT_SECRET: is missing"),
        (["ann"], {"JWKS_URL": "https://id.example/keys"}, "has the private key"),
        (["ann"], {"WEB_AUTH": "jwt"}, "JWT_SECRET: is missing"),
        (["ann"], VISITORS | {"WEB_AUTH": "visitor"}, "WEB_AUTH: lacks jwt"),
        (["ann", "--ttl", "86401"], VISITORS, "--ttl"),
        (["ann", "--ttl", "0"], VISITORS, "--ttl"),
        (["ann", "--scope", "admin"], VISITORS, "--scope"),
        (["ann", "--scope", ""], VISITORS, "--scope"),
        ([""], VISITORS, "SUBJECT"),
        (["x" * 256], VISITORS, "SUBJECT"),
        ([], VISITORS, "token: name one of"),
        (["ann", "--secret"], VISITORS, "token: name one of"),
        (["--visitor", "https://other.example"], VISITORS, "WEB_ORIGINS: lacks"),
        (["--visitor", "shop.example"], VISITORS, "--visitor: names something"),
        (["--visitor", SITE], {"JWT_SECRET": SECRET}, "WEB_AUTH: lacks visitor"),
        (["--visitor", SITE], {}, "JWT_SECRET: is missing"),
    ],
)
def test_what_would_not_count_is_not_made(made, arguments, environ, named):
    """The fault is told, with what to mend, and never the secret."""
    with pytest.raises(Misconfigured) as refused:
        made(*arguments, **environ)
    assert named in str(refused.value)
    assert SECRET not in str(refused.value)
