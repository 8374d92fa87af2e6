"""What people share, and the host that it is fetched from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.fakes.slack.ask import Ask
from tests.fakes.slack.grants import need_scope
from tests.fakes.slack.refused import Refused

if TYPE_CHECKING:
    from tests.fakes.slack.server import FakeSlack
    from tests.fakes.slack.workspace import Workspace

SIGN_IN = "<!DOCTYPE html><html><title>Sign in to Slack</title></html>"


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file. `told` is what Slack tells of it; `chunked`: it comes without its length."""

    workspace: "Workspace"
    content: bytes
    kind: str
    chunked: bool
    told: dict[str, Any]


class Files:
    """All files by their ids. Whoever has no right to one is shown a page to sign in, with 200."""

    def __init__(self, fake: "FakeSlack") -> None:
        self._fake = fake
        self._files: dict[str, File] = {}

    def add(
        self,
        workspace: "Workspace",
        content: bytes,
        *,
        name: str,
        kind: str,
        chunked: bool = False,
        **more: Any,
    ) -> dict[str, Any]:
        """A new file, as a message's event tells of it; `more` goes into that as it is."""
        id_ = self._fake.number("F")
        path = f"{self._fake.host}/files-pri/{workspace.team}-{id_}"
        told = {
            "id": id_,
            "name": name,
            "title": name.partition(".")[0],
            "mimetype": kind,
            "filetype": name.rpartition(".")[2],
            "user_team": workspace.team,
            "size": len(content),
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "file_access": "visible",
            "url_private": f"{path}/{name}",
            "url_private_download": f"{path}/download/{name}",
        } | more
        self._files[id_] = File(
            workspace=workspace, content=content, kind=kind, chunked=chunked, told=told
        )
        return told

    def info(self, ask: Ask) -> dict[str, Any]:
        """files.info."""
        found = self._files.get(ask.need("file"))
        if found is None or found.workspace is not ask.workspace:
            raise Refused("file_not_found")
        return {"file": found.told}

    def serve(self, id_: str, token: str) -> web.Response:
        """What a GET with that token brings."""
        found = self._files.get(id_)
        if found is None:
            return web.Response(status=404, text="not found")
        if not self._may(found, token):
            return web.Response(text=SIGN_IN, content_type="text/html")
        served = web.Response(body=found.content, content_type=found.kind)
        if found.chunked:
            served.enable_chunked_encoding()
        return served

    def _may(self, file: File, token: str) -> bool:
        try:
            grant = self._fake.grants.find(token)
            need_scope(grant, "files:read")
        except Refused:
            return False
        return grant.workspace is file.workspace


def elsewhere(file: dict[str, Any]) -> dict[str, Any]:
    """How an event tells of a file that another workspace shared: ask for it."""
    return {"id": file["id"], "mode": "file_access", "file_access": "check_file_info"}


def info(ask: Ask) -> dict[str, Any]:
    return ask.fake.files.info(ask)


METHODS = {"files.info": info}
