"""A browser, and somebody at the chat page with a scripted server on the other side."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, async_playwright, expect

from tests.browser.stub import Stub

ARGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WATCH = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
"""


@dataclass
class Visit:
    """Somebody at the page, and the server on the other side."""

    page: Page
    stub: Stub
    errors: list[str] = field(default_factory=list)

    @property
    def questions(self) -> Locator:
        return self.page.locator(".question .bubble")

    @property
    def answers(self) -> Locator:
        return self.page.locator(".answer .words")

    @property
    def act(self) -> Locator:
        return self.page.locator("#act")

    async def send(self, text: str) -> None:
        await self.page.get_by_label("Message", exact=True).fill(text)
        await self.page.keyboard.press("Enter")

    async def idle(self) -> None:
        await expect(self.page.get_by_role("log")).to_have_attribute("aria-busy", "false")

    def heard(self, console: ConsoleMessage) -> None:
        # A broken connection or a refusal is written there by the browser itself.
        if console.type == "error" and not console.text.startswith("Failed to load resource"):
            self.errors.append(console.text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        reason = f"no Chromium on this machine (looked for {', '.join(names)})"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def visiting(browser: Browser, **context) -> AsyncIterator[Visit]:
    stub = Stub()
    async with TestServer(stub.app()) as server:
        guest = await browser.new_context(base_url=str(server.make_url("/")), **context)
        await guest.grant_permissions(["clipboard-read", "clipboard-write"])
        await guest.add_init_script(WATCH)
        visit = Visit(page=await guest.new_page(), stub=stub)
        visit.page.on("console", visit.heard)
        visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
        visit.page.set_default_timeout(5000)
        await visit.page.goto("/")
        yield visit
        await guest.close()
        await stub.close()
    assert visit.errors == []


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser) -> AsyncIterator[Visit]:
    async with visiting(browser) as visit:
        yield visit
