"""The part of the environment that says who may use the web side, and how much."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationInfo
from pydantic import field_validator as check
from pydantic_settings import BaseSettings, NoDecode

from gateway.checks import ANY, NULL, is_loopback, is_plain, is_safe_address, listed, origin

OPEN, VISITOR, JWT, APIKEY = "open", "visitor", "jwt", "apikey"
KNOWN_AUTH = (OPEN, VISITOR, JWT, APIKEY)
SHORTEST_KEY = 20  # signs of a key that is random; fewer can be guessed
SHORTEST_SECRET = 32  # bytes: as many as the hash has, of which each token shows one
RATE = "20/minute"

Names = Annotated[tuple[str, ...], NoDecode]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode]


class WebSettings(BaseSettings):
    """Each field is checked with those above it in view: what is at fault there is not there."""

    web_auth: Names = Field(
        (OPEN,), description="set open, or any of visitor, jwt and apikey with commas between"
    )
    host: str = Field(
        "127.0.0.1",
        description="set 127.0.0.1, ::1 or localhost; or WEB_AUTH to visitor, jwt or apikey",
    )
    api_token: Secrets = Field(
        (),
        repr=False,
        validate_default=True,
        description="set what `gateway token --api-key` prints (new,old while you change it)",
    )
    admin_token: SecretStr | None = Field(
        None,
        description="set what `gateway token --api-key` prints, another than in API_TOKEN",
    )
    jwt_public_key: str | None = Field(
        None,
        repr=False,  # it may be a private one, by mistake
        description="set the PEM text of a public key (RSA, EC P-256 or Ed25519), on one line"
        " with \\n for its line breaks if need be",
    )
    jwks_url: str | None = Field(
        None,
        repr=False,  # it may hold a password
        description="set the https:// address of your identity provider's key set",
    )
    jwt_secret: Secrets = Field(
        (),
        repr=False,
        validate_default=True,
        description="set what `gateway token --secret` prints (new,old while you change it)",
    )
    jwt_audience: str | None = Field(
        None, description="set what your tokens have in aud, or leave it out"
    )
    jwt_issuer: str | None = Field(
        None, description="set what your tokens have in iss, or leave it out"
    )
    web_origins: Names = Field(
        (),
        validate_default=True,
        description="set the origins of your pages, such as https://example.org, with commas"
        " between",
    )
    rate_limit: str = Field(RATE, description=f"set messages per time, such as {RATE}, or none")
    trusted_proxies: Networks = Field(
        (), description="set your proxies' addresses, such as 10.0.0.0/8, with commas between"
    )

    @check("web_auth", "api_token", "jwt_secret", "web_origins", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return listed(value)

    @check("web_auth")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(name.lower() for name in value))
        if not names or not set(names) <= set(KNOWN_AUTH):
            raise ValueError("names a way to sign in that does not exist")
        return names

    @check("host")
    @classmethod
    def _on_loopback(cls, host: str, info: ValidationInfo) -> str:
        # A WEB_AUTH that is itself at fault guards nothing, so both faults are told at once.
        if OPEN in info.data.get("web_auth", (OPEN,)) and not is_loopback(host):
            raise ValueError(
                "is not a loopback address, and without web auth anybody who reaches it could"
                " read and write every conversation"
            )
        return host

    @check("api_token")
    @classmethod
    def _keys(cls, keys: tuple[SecretStr, ...], info: ValidationInfo) -> tuple[SecretStr, ...]:
        if not keys and _asks(info, APIKEY):
            raise ValueError("is missing: WEB_AUTH names apikey, and there would be no key")
        for key in keys:
            _check_key(key, info)
        return keys

    @check("admin_token")
    @classmethod
    def _admin(cls, key: SecretStr, info: ValidationInfo) -> SecretStr:
        _check_key(key, info)
        if key in info.data.get("api_token", ()):
            raise ValueError("is in API_TOKEN too, so every program would be an administrator")
        return key

    @check("jwt_public_key")
    @classmethod
    def _public_key(cls, pem: str) -> str:
        from adapters.web.door.keys import from_pem  # noqa: PLC0415 - loaded if there is a key

        from_pem(pem)
        return pem

    @check("jwks_url")
    @classmethod
    def _key_set(cls, url: str) -> str:
        if not is_safe_address(url):
            raise ValueError(
                "is not an https:// address, and whoever changes the keys on the way signs in as"
                " anybody"
            )
        return url

    @check("jwt_secret")
    @classmethod
    def _secrets(
        cls, secrets: tuple[SecretStr, ...], info: ValidationInfo
    ) -> tuple[SecretStr, ...]:
        if not secrets and _asks(info, VISITOR):
            raise ValueError("is missing: WEB_AUTH names visitor, whose tokens it signs")
        others = ("jwt_public_key", "jwks_url")
        if not secrets and _asks(info, JWT) and not any(_given(info, name) for name in others):
            raise ValueError(
                "is missing: WEB_AUTH names jwt, which needs it, JWT_PUBLIC_KEY or JWKS_URL"
            )
        for secret in secrets:
            _check_secret(secret.get_secret_value(), info)
        return secrets

    @check("jwt_audience", "jwt_issuer")
    @classmethod
    def _one_word(cls, value: str) -> str:
        if not is_plain(value):
            raise ValueError("holds a space or a sign that is not ASCII")
        return value

    @check("web_origins")
    @classmethod
    def _origins(cls, values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        origins = tuple(dict.fromkeys(origin(value) for value in values))
        if _asks(info, VISITOR) and not origins:
            raise ValueError("is missing: WEB_AUTH names visitor, and no page could have any")
        if _asks(info, VISITOR) and {ANY, NULL} & set(origins):
            raise ValueError(
                "names * or null, where WEB_AUTH names visitor: any page at all could have visitors"
            )
        return origins

    @check("rate_limit")
    @classmethod
    def _rate(cls, value: str) -> str:
        from adapters.web.door.limits import rules  # noqa: PLC0415 - most commands do without

        rules(value)
        return value

    @check("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        return tuple(_network(entry) for entry in listed(value) or ())  # type: ignore[attr-defined]


def _network(value: Any) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise ValueError("names something that is not an address or a network") from None
    if network.prefixlen == 0:
        raise ValueError("trusts everybody, who could then come from any address they like")
    return network


def _asks(info: ValidationInfo, mode: str) -> bool:
    return mode in info.data.get("web_auth", ())


def _given(info: ValidationInfo, name: str) -> bool:
    """Whether a field above has a value; one with a fault was given too, and has been told of."""
    return name not in info.data or bool(info.data[name])


def _exposed(info: ValidationInfo) -> bool:
    return not is_loopback(info.data.get("host", ""))


def _check_key(key: SecretStr, info: ValidationInfo) -> None:
    value = key.get_secret_value()
    if not is_plain(value):
        raise ValueError("holds a space, a line break or a sign that no key has")
    if len(value) < SHORTEST_KEY and _exposed(info):
        raise ValueError(f"is shorter than {SHORTEST_KEY} signs, which can be guessed")


def _check_secret(value: str, info: ValidationInfo) -> None:
    from adapters.web.door.keys import from_secret  # noqa: PLC0415 - loaded if there is a secret

    if not value.isprintable():
        raise ValueError("holds a line break or a sign that cannot be seen")
    from_secret(value)
    if len(value.encode()) < SHORTEST_SECRET and _exposed(info):
        raise ValueError(
            f"is shorter than {SHORTEST_SECRET} bytes, so that one token is enough to find it out"
        )
