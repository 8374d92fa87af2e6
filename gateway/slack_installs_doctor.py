"""What the doctor looks at of many workspaces: whether their stored tokens can be read."""

from adapters.slack.manifest import INSTALL_PATH
from adapters.slack.sealing import CannotOpen, Keys, read_keys
from core.database import DatabaseDown, open_database
from core.errors import Misconfigured
from core.installations import Installation, live
from gateway.config import Settings
from gateway.findings import Finding

WHAT = "ENCRYPTION_KEY"
PLATFORM = "slack"


async def workspaces(settings: Settings) -> Finding:
    """How many there are, and whether the key opens their tokens.

    The database has to be there. If a running gateway has it for itself, that is said instead.
    """
    try:
        database = open_database(settings.database_url)
    except Misconfigured:
        words = "is set; a running gateway has the database, so the workspaces are not counted"
        return Finding(WHAT, "ok", words)
    try:
        found = await database.read(live, PLATFORM)
    except DatabaseDown as error:
        return Finding(WHAT, "fail", f"the workspaces can't be counted ({error})")
    finally:
        await database.close()
    keys = read_keys(",".join(each.get_secret_value() for each in settings.encryption_key))
    return sealed(found, keys, page=f"{settings.public_url}{INSTALL_PATH}")


def sealed(found: list[Installation], keys: Keys, *, page: str) -> Finding:
    """What there is to say of installs, `page` being where one is made."""
    if not found:
        return Finding(
            WHAT, "ok", f"no workspace has installed the app yet: that is done at {page}"
        )
    shut = sum(not _opens(keys, each) for each in found)
    if shut:
        words = f"does not open the tokens of {shut} of {_workspaces(len(found))}: add the key that"
        words += " was used before, behind a comma; or have the app installed there again"
        return Finding(WHAT, "fail", words)
    old = sum(each.sealed.key_id != keys.id for each in found)
    more = f"; {old} with the old key, which has to stay until the gateway has changed it"
    words = f"{_workspaces(len(found))}, whose tokens it opens{more if old else ''}"
    return Finding(WHAT, "ok", words)


def _opens(keys: Keys, installation: Installation) -> bool:
    try:
        keys.open(installation.sealed, installation.place)
    except CannotOpen:
        return False
    return True


def _workspaces(number: int) -> str:
    return "1 workspace" if number == 1 else f"{number} workspaces"
