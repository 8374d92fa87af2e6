"""`/slack/install` and `/slack/oauth_redirect`: somebody adds the app to a workspace."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import structlog
from aiohttp import web
from slack_bolt.oauth.async_callback_options import (
    AsyncCallbackOptions,
    AsyncFailureArgs,
    AsyncSuccessArgs,
)
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.oauth.installation_store.models.installation import Installation as SlackInstall
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.oauth.state_store.stateless import StatelessOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import install_page as pages
from adapters.slack.calls import Refused
from adapters.slack.exchange import Credentials, bot_id, exchange, granted
from adapters.slack.installations import Installed
from adapters.slack.manifest import INSTALL_PATH, REDIRECT_PATH
from adapters.slack.store import Store, to_slack
from core.database import DatabaseDown
from core.errors import Permanent, Transient
from core.ports import Clock

STATE_SECONDS = 600  # from the button to Slack's answer
LABEL = "chat-gateway slack install 1"
COOKIE = "__Host-slack-install"  # so that no neighbouring host can set it
# Slack's words for a code that is worth nothing; its others are about the app's own settings.
CODES = frozenset({"invalid_code", "code_already_used", "code_expired"})

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

_CODE = re.compile(r"[A-Za-z0-9._-]{1,512}")
_TEAM = re.compile(r"[TE][A-Z0-9]{1,32}")
_WORD = re.compile(r"[a-z_]{1,64}")


class States(AsyncOAuthStateStore):
    """Slack brings the state back as we gave it, in time; nothing is stored for that.

    The SDK's is the same for all who begin within a second: a random part makes it one browser's,
    whose cookie it is compared with.
    """

    def __init__(self, secret: str, *, seconds: int = STATE_SECONDS) -> None:
        self._signed = StatelessOAuthStateStore(expiration_seconds=seconds, signing_secret=secret)
        self._secret = secret.encode()

    async def async_issue(self, *_: object, **__: object) -> str:
        """A new state."""
        fresh, signed = secrets.token_urlsafe(16), self._signed.issue()
        return f"{fresh}.{self._seal(fresh, signed)}.{signed}"

    async def async_consume(self, state: str) -> bool:
        """Whether the state is one of ours, and not too old."""
        fresh, _, rest = state.partition(".")
        seal, _, signed = rest.partition(".")
        ours = hmac.compare_digest(seal.encode(), self._seal(fresh, signed).encode())
        return ours and self._signed.consume(signed)

    def _seal(self, fresh: str, signed: str) -> str:
        return hmac.new(self._secret, f"{fresh}.{signed}".encode(), hashlib.sha256).hexdigest()


class Install:
    """The two pages, whose web server and address are somebody else's business.

    The exchange of codes for tokens goes where `client` does, and so does the browser.
    """

    def __init__(  # noqa: PLR0913 - what an install is made of
        self,
        *,
        credentials: Credentials,
        scopes: Sequence[str],
        public_url: str,
        client: AsyncWebClient,
        installed: Installed,
        clock: Clock,
        states: AsyncOAuthStateStore | None = None,
    ) -> None:
        self._again = public_url + INSTALL_PATH
        self._states = states or States(_derived(credentials.client_secret))
        settings = AsyncOAuthSettings(  # all of it, or Bolt looks into the environment
            client_id=credentials.client_id,
            client_secret=credentials.client_secret,
            scopes=list(scopes),
            user_scopes=[],
            redirect_uri=public_url + REDIRECT_PATH,
            install_path=INSTALL_PATH,
            redirect_uri_path=REDIRECT_PATH,
            authorization_url=client.base_url.removesuffix("api/") + "oauth/v2/authorize",
            callback_options=AsyncCallbackOptions(success=self._succeeded, failure=self._failed),
            installation_store=Store(installed),
            installation_store_bot_only=True,
            state_store=self._states,
            state_cookie_name=COOKIE,
            state_expiration_seconds=STATE_SECONDS,
        )
        self._flow = _Flow(client=client, settings=settings, credentials=credentials, clock=clock)

    def routes(self) -> list[web.RouteDef]:
        """What to add to the application."""
        return [
            web.get(INSTALL_PATH, self.begin, allow_head=False),
            web.get(REDIRECT_PATH, self.end, allow_head=False),
        ]

    async def begin(self, request: web.Request) -> web.Response:
        """The page with the button; `?team=T…` suggests a workspace."""
        return _shown(await self._flow.handle_installation(_asked(request)))

    async def end(self, request: web.Request) -> web.Response:
        """Slack sends the browser here, with a code or with a reason why there is none."""
        try:
            return _shown(await self._flow.handle_callback(_asked(request)))
        except Refused as error:
            if error.code in CODES:
                return self._page("invalid_code", 401)
            log.warning("slack.install_refused", error=error.code)
            return self._page("slack_refused", 502)
        except DatabaseDown:
            return self._page("not_stored", 502)
        except (Transient, Permanent) as error:
            log.warning("slack.install_failed", error=type(error).__name__)
            return self._page("slack_unreachable", 502)

    async def _succeeded(self, given: AsyncSuccessArgs) -> BoltResponse:
        made = given.installation
        org_wide = made.is_enterprise_install
        team = str(made.enterprise_id if org_wide else made.team_id)
        log.info("slack.installed", team=team, app=made.app_id, org_wide=org_wide)
        text = pages.done(name=made.team_name or "", team=team, app=str(made.app_id))
        return BoltResponse(status=200, body=text, headers=self._cookie_gone())

    async def _failed(self, given: AsyncFailureArgs) -> BoltResponse:
        reason = given.reason if _WORD.fullmatch(given.reason) else "other"
        log.info("slack.not_installed", reason=reason)
        text = pages.failed(reason, again=self._again)
        status = given.suggested_status_code
        return BoltResponse(status=status, body=text, headers=self._cookie_gone())

    def _cookie_gone(self) -> dict[str, str | Sequence[str]]:
        return {"Set-Cookie": [self._flow.settings.state_utils.build_set_cookie_for_deletion()]}

    def _page(self, reason: str, status: int) -> web.Response:
        text = pages.failed(reason, again=self._again)
        return _shown(BoltResponse(status=status, body=text, headers=self._cookie_gone()))


class _Flow(AsyncOAuthFlow):
    """Bolt's flow, with pages and an exchange of our own."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        settings: AsyncOAuthSettings,
        credentials: Credentials,
        clock: Clock,
    ) -> None:
        super().__init__(client=client, settings=settings)
        self._credentials = credentials
        self._clock = clock

    async def build_authorize_url(self, state: str, request: AsyncBoltRequest) -> str:
        """Slack's page, on which somebody agrees."""
        asked = {
            "client_id": self.client_id,
            "scope": ",".join(self.settings.scopes or ()),
            "redirect_uri": self.redirect_uri,
            "state": state,
        }
        team = request.query.get("team", [""])[0]
        if _TEAM.fullmatch(team):
            asked["team"] = team
        return f"{self.settings.authorization_url}?{urlencode(asked)}"

    async def build_install_page_html(self, url: str, request: AsyncBoltRequest) -> str:
        """The page with the button."""
        del request
        return pages.begin(url)

    async def run_installation(self, code: str) -> SlackInstall | None:
        """What the code is worth; None for what is no code. Raises as `exchange` does."""
        if _CODE.fullmatch(code) is None:
            return None
        now = self._clock.now()
        said = await exchange(
            self.client, self._credentials, code=code, redirect_uri=str(self.redirect_uri)
        )
        installation, tokens = granted(said, now=now)
        made = to_slack(installation, tokens)
        try:
            made.bot_id = await bot_id(self.client, tokens.access)
        except (Transient, Permanent) as error:  # the install counts without it
            log.warning("slack.bot_not_asked", error=type(error).__name__)
        return made


def _asked(request: web.Request) -> AsyncBoltRequest:
    query: Mapping[str, Sequence[str]] = {
        name: request.query.getall(name) for name in request.query
    }
    headers = {"cookie": request.headers.getall("Cookie", [])}
    return AsyncBoltRequest(body="", query=dict(query), headers=dict(headers))


def _shown(answer: BoltResponse) -> web.Response:
    response = web.Response(
        text=answer.body, status=answer.status, content_type="text/html", headers=pages.HEADERS
    )
    for cookie in answer.headers.get("set-cookie", ()):
        response.headers.add("Set-Cookie", f"{cookie}; SameSite=Lax")
    return response


def _derived(secret: str) -> str:
    """A key for states alone: what it signs proves nothing elsewhere."""
    return hmac.digest(secret.encode(), LABEL.encode(), hashlib.sha256).hex()
