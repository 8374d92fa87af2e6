"""Installs as Bolt's own code wants to store them."""

from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.installation_store.models.bot import Bot
from slack_sdk.oauth.installation_store.models.installation import Installation as SlackInstall

from adapters.slack.installations import Installation, Installed, Tokens

UNKNOWN = ""  # what was not asked of Slack, where its SDK wants a word


class Store(AsyncInstallationStore):
    """Keeps bots' tokens in the gateway's database, and nothing of those who installed it."""

    def __init__(self, installed: Installed) -> None:
        self._installed = installed

    async def async_save(self, installation: SlackInstall) -> None:
        """Store an install. Raises `DatabaseDown`."""
        await self._installed.save(*from_slack(installation))

    async def async_find_bot(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        is_enterprise_install: bool | None = False,
    ) -> Bot | None:
        """The bot that serves a workspace. Raises `DatabaseDown`."""
        found = await self.async_find_installation(
            enterprise_id=enterprise_id,
            team_id=team_id,
            is_enterprise_install=is_enterprise_install,
        )
        return None if found is None else found.to_bot()

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> SlackInstall | None:
        """The install that serves a workspace. Raises `DatabaseDown`."""
        del user_id  # there are no tokens of people
        found = await self._installed.find(
            enterprise=enterprise_id, team=team_id, org_wide=bool(is_enterprise_install)
        )
        return None if found is None else to_slack(found, Tokens(access=found.token))

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """End an install. Raises `DatabaseDown`."""
        await self._installed.revoke(
            enterprise=enterprise_id, team=team_id, org_wide=team_id is None
        )

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        """End an install; what one person takes back is not here anyway. Raises `DatabaseDown`."""
        if user_id is None:
            await self.async_delete_bot(enterprise_id=enterprise_id, team_id=team_id)


def to_slack(installation: Installation, tokens: Tokens) -> SlackInstall:
    """An install as the SDK has it."""
    ends = tokens.expires_at
    return SlackInstall(
        app_id=installation.app,
        enterprise_id=installation.enterprise,
        team_id=installation.team,
        team_name=installation.name,
        bot_token=tokens.access,
        bot_refresh_token=tokens.refresh,
        bot_token_expires_at=None if ends is None else ends // 1000,
        bot_id=installation.bot_id,
        bot_user_id=installation.bot_user,
        bot_scopes=list(installation.scopes),
        is_enterprise_install=installation.team is None,
        user_id=UNKNOWN,
    )


def from_slack(given: SlackInstall) -> tuple[Installation, Tokens]:
    """An install of the SDK's, as it is stored."""
    ends = given.bot_token_expires_at
    tokens = Tokens(
        access=given.bot_token or "",
        refresh=given.bot_refresh_token,
        expires_at=None if ends is None else ends * 1000,
    )
    installation = Installation(
        app=given.app_id or "",
        enterprise=given.enterprise_id,
        team=None if given.is_enterprise_install else given.team_id,
        token=tokens.access,
        bot_user=given.bot_user_id,
        bot_id=given.bot_id,
        scopes=tuple(given.bot_scopes or ()),
        name=given.team_name or "",
    )
    return installation, tokens
