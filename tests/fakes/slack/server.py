"""The fake's server: what is asked of it over HTTP, and what tests ask of it."""

from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import Any, Self

from aiohttp import web

from tests.fakes.slack import http
from tests.fakes.slack.ask import Ask
from tests.fakes.slack.clock import Clock, ManualClock, stamp
from tests.fakes.slack.faults import Faults
from tests.fakes.slack.files import Files
from tests.fakes.slack.grants import TWELVE_HOURS, Code, Grant, Grants
from tests.fakes.slack.log import Log
from tests.fakes.slack.rates import Rates
from tests.fakes.slack.responses import Responses
from tests.fakes.slack.sockets import Sockets
from tests.fakes.slack.workspace import Workspace


class FakeSlack:
    """Slack on a loopback port, as strict as it is; see the package for how it is used.

    `native`: streams are known here. `native_channels`: also outside direct messages.
    `feedback_blocks`: context_actions are known. `limits_on`: calls are counted.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self.clock: Any = clock or ManualClock()
        self.native = self.native_channels = self.feedback_blocks = self.limits_on = True
        self.client_id, self.client_secret, self.app_token = "1.2", "shh", "xapp-1"
        self.host = self.url = ""
        self.log, self.faults, self.rates = Log(), Faults(), Rates()
        self.calls, self.called = self.log.calls, self.log.called
        self.came, self.until = self.log.came, self.log.until
        self.fail, self.answer = self.faults.fail, self.faults.answer
        self.drop, self.hang = self.faults.drop, self.faults.hang
        self.grants = Grants(clock=self.clock)
        self.responses, self.sockets = Responses(self), Sockets(self)
        self.files = Files(self)
        self.workspaces: dict[str, Workspace] = {}
        self._last = 0
        self._numbers = count(1)
        self._runner: web.AppRunner | None = None
        self.workspace()

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/api/{method}", partial(http.method, self))
        app.router.add_post("/response/{team}/{id}", partial(http.respond, self))
        app.router.add_get("/files-pri/{key}/{name:.+}", partial(http.file, self))
        app.router.add_get("/link", self.sockets.serve)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.01
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, backlog=1024).start()
        self.host = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.url = f"{self.host}/api/"

    async def stop(self) -> None:
        self.faults.clear()
        await self.sockets.stop()
        if self._runner:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def workspace(self, team: str = "T1", **fields: Any) -> Workspace:
        """The workspace of that id, which is made if there is none, with these of its `fields`.

        They are token, bot_user, bot_id, app_id, enterprise, scopes and name: see `Workspace`.
        The token of T1 is xoxb-1, that of T2 xoxb-2, unless it is given.
        """
        here = self.workspaces.get(team)
        if here is None:
            fields = {"token": f"xoxb-{team.removeprefix('T')}"} | fields
            here = self.workspaces[team] = Workspace(fake=self, team=team, **fields)
        for name, value in fields.items():
            setattr(here, name, value)
        if here.token and {"token", "scopes"} & fields.keys():
            self.grants.add(Grant(token=here.token, workspace=here, scopes=here.scopes))
        return here

    def code(
        self,
        workspace: Workspace,
        name: str = "",
        *,
        user: str = "U1",
        org_wide: bool = False,
        rotates: bool = False,
        expires_in: int = TWELVE_HOURS,
        redirect_uri: str | None = None,
    ) -> str:
        """A code as an install brings it; `rotates`: its token expires and can be refreshed."""
        name = name or self.number("code-")
        self.grants.codes[name] = Code(
            workspace=workspace,
            user=user,
            scopes=workspace.scopes,
            org_wide=org_wide,
            expires_in=expires_in if rotates else None,
            redirect_uri=redirect_uri,
        )
        return name

    def tick(self) -> str:
        """The next ts: of the clock, and later than all before."""
        self._last = max(int(self.clock.now() * 1_000_000), self._last) + 100
        return stamp(self._last)

    def number(self, prefix: str) -> str:
        """A new id."""
        return f"{prefix}{next(self._numbers):08}"

    def ask(self, grant: Grant, args: Mapping[str, Any]) -> Ask:
        """A call with that token: with an org-wide one its fields tell which workspace is meant."""
        here = grant.workspace
        if grant.org_wide:
            places = {args.get("channel"), args.get("channel_id")}
            among = [
                each for each in self.workspaces.values() if each.enterprise == here.enterprise
            ]
            named = [each for each in among if each.team == args.get("team_id")]
            placed = [each for each in among if places & each.channels.keys()]
            here = next(iter(named or placed), here)
        return Ask(fake=self, workspace=here, grant=grant, args=args)

    async def socket_send(
        self, workspace: Workspace, kind: str, payload: dict[str, Any], **more: Any
    ) -> str:
        """Deliver a payload by Socket Mode: see `Sockets.send`."""
        assert workspace in self.workspaces.values()
        return await self.sockets.send(kind, payload, **more)
