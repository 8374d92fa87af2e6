"""The API is as its description says, whatever is asked of it."""

import asyncio
import sys
import time
from pathlib import Path

import jwt
import pytest

from adapters.web.description.docs import DOCUMENT
from tests.journeys.house import House, serving

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
EXAMPLES = 4  # of each operation, besides the edge cases of each parameter and field
SECRET = "a secret of forty letters, all made up here"
ORIGIN = "http://localhost:8000"
ALL = {"web_auth": ("open", "visitor", "jwt"), "jwt_secret": (SECRET,), "web_origins": (ORIGIN,)}


async def attack(house: House, folder: Path, *options: str) -> tuple[int | None, str]:
    """Let schemathesis ask all that the description allows, and what it does not."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *("run", DOCUMENT, "--url", f"http://127.0.0.1:{house.port}"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES)),
        *("--checks", ",".join(CHECKS), "--continue-on-failure", "--workers", "1"),
        *("--warnings", "off", "--no-color", "--seed", "7", *options),
        cwd=folder,  # it keeps files beside itself
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_whatever_is_asked_is_answered_as_described(url: str, tmp_path: Path, swift: None):
    """No server error, no status, type, header or body that the description does not have."""
    claims = {"sub": "ann", "exp": time.time() + 3600}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    async with serving(url, **ALL) as house:
        status, said = await attack(house, tmp_path, "--header", f"Authorization: Bearer {token}")
    assert status == 0, said


async def test_whatever_a_stranger_asks_is_answered_as_described(
    url: str, tmp_path: Path, swift: None
):
    """The same for somebody whom nobody knows, where everybody has to be known."""
    async with serving(url, web_auth=("jwt",), jwt_secret=(SECRET,)) as house:
        status, said = await attack(house, tmp_path)
    assert status == 0, said


@pytest.mark.parametrize("path", ["/docs", "/docs.css", "/openapi.json"])
async def test_the_description_is_served(house: House, path: str):
    """To anybody, and only once to whoever keeps it."""
    async with house.http.get(path) as response:
        assert response.status == 200
        assert await response.read()
        tag = {"If-None-Match": response.headers["ETag"]}
    async with house.http.get(path, headers=tag) as response:
        assert (response.status, await response.read()) == (304, b"")


async def test_the_description_is_json(house: House):
    """Byte for byte what is committed."""
    async with house.http.get("/openapi.json") as response:
        assert response.content_type == "application/json"
        assert await response.read() == DOCUMENT.read_bytes()


async def test_the_page_may_load_nothing_from_elsewhere(house: House):
    """Its policy forbids it, even if somebody put it there."""
    async with house.http.get("/docs") as response:
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_nothing_is_changed_by_asking_what_is_there(house: House):
    """HEAD is answered as GET, without the body."""
    async with house.http.head("/docs") as response:
        assert (response.status, await response.read()) == (200, b"")
