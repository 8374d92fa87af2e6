"""Installs: who may call, with which token, until when."""

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.fakes.slack.clock import Clock
from tests.fakes.slack.refused import Refused

if TYPE_CHECKING:
    from tests.fakes.slack.workspace import Workspace

TWELVE_HOURS = 43_200


@dataclass(kw_only=True, slots=True, eq=False)
class Grant:
    """An access token. `expires_at` None: never. An org-wide one serves all of an enterprise."""

    token: str
    workspace: "Workspace"
    scopes: tuple[str, ...]
    org_wide: bool = False
    expires_at: float | None = None
    expires_in: int | None = None
    user: str = "U1"
    revoked: bool = False


def need_scope(grant: Grant, scope: str) -> None:
    """Raise `Refused` if the grant is without that scope."""
    if scope not in grant.scopes:
        raise Refused("missing_scope", needed=scope, provided=",".join(grant.scopes))


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """What an install that somebody agreed to is worth: one exchange."""

    workspace: "Workspace"
    user: str
    scopes: tuple[str, ...]
    org_wide: bool
    expires_in: int | None
    redirect_uri: str | None


@dataclass(kw_only=True, slots=True)
class Grants:
    """All tokens, codes and refresh tokens; codes and refresh tokens are good for one use."""

    clock: Clock
    tokens: dict[str, Grant] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    used_codes: set[str] = field(default_factory=set)
    refreshes: dict[str, Grant] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def add(self, grant: Grant) -> Grant:
        self.tokens[grant.token] = grant
        return grant

    def find(self, token: str | None) -> Grant:
        """The grant of a token that is good now."""
        if not token:
            raise Refused("not_authed")
        grant = self.tokens.get(token)
        if grant is None:
            raise Refused("invalid_auth")
        if grant.revoked:
            raise Refused("token_revoked")
        if grant.expires_at is not None and self.clock.now() >= grant.expires_at:
            raise Refused("token_expired")
        return grant

    def exchange(self, name: str, redirect_uri: str | None) -> dict[str, Any]:
        """A code for a token, as oauth.v2.access answers it."""
        if name in self.used_codes:
            raise Refused("code_already_used")
        code = self.codes.get(name)
        if code is None:
            raise Refused("invalid_code")
        if code.redirect_uri is not None and redirect_uri != code.redirect_uri:
            raise Refused("bad_redirect_uri")
        del self.codes[name]
        self.used_codes.add(name)
        grant = Grant(
            token=self._token(code.workspace, code.expires_in),
            workspace=code.workspace,
            scopes=code.scopes,
            org_wide=code.org_wide,
            expires_in=code.expires_in,
            user=code.user,
        )
        return self._issued(grant)

    def refresh(self, name: str) -> dict[str, Any]:
        """A refresh token for a new pair; the old access token lasts until it expires."""
        old = self.refreshes.pop(name, None)
        if old is None or old.revoked:
            raise Refused("invalid_refresh_token")
        grant = Grant(
            token=self._token(old.workspace, old.expires_in),
            workspace=old.workspace,
            scopes=old.scopes,
            org_wide=old.org_wide,
            expires_in=old.expires_in,
            user=old.user,
        )
        return self._issued(grant)

    def revoke(self, workspace: "Workspace") -> None:
        for grant in self.tokens.values():
            if grant.workspace is workspace:
                grant.revoked = True

    def _token(self, workspace: "Workspace", expires_in: int | None) -> str:
        kind = "xoxb" if expires_in is None else "xoxe.xoxb"
        return f"{kind}-{workspace.team}-{next(self._numbers)}"

    def _issued(self, grant: Grant) -> dict[str, Any]:
        workspace = grant.workspace
        answer: dict[str, Any] = {
            "access_token": grant.token,
            "token_type": "bot",
            "scope": ",".join(grant.scopes),
            "bot_user_id": workspace.bot_user,
            "app_id": workspace.app_id,
            "team": None if grant.org_wide else {"id": workspace.team, "name": workspace.name},
            "enterprise": workspace.enterprise_object,
            "is_enterprise_install": grant.org_wide,
            "authed_user": {"id": grant.user},
        }
        if grant.expires_in is not None:
            grant.expires_at = self.clock.now() + grant.expires_in
            refresh = f"xoxe-1-{workspace.team}-{next(self._numbers)}"
            self.refreshes[refresh] = grant
            answer |= {"refresh_token": refresh, "expires_in": grant.expires_in}
        self.add(grant)
        return answer
