"""The gateway's own page on a gateway where everybody has to be somebody."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket

import jwt
import pytest
from playwright.async_api import Browser, Page, expect

from adapters.web.door.passes import keys, sign
from tests.databases import sqlite_url
from tests.journeys.house import House, migrate, serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
SECRET = "a secret of forty letters, all made up here"
KEEP = "(token) => localStorage.setItem('gateway.token', JSON.stringify(token))"


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def visited(
    browser: Browser, folder: Path, **settings: object
) -> AsyncIterator[tuple[House, Page]]:
    """A gateway, and a browser at its page."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    await migrate(sqlite_url(folder))
    told = {"port": port, "jwt_secret": (SECRET,), "web_origins": (base,), **settings}
    async with serving(sqlite_url(folder), **told) as house:
        guest = await browser.new_context(base_url=base)
        page = await guest.new_page()
        page.set_default_timeout(5000)
        await page.goto("/")
        yield house, page
        await guest.close()


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


async def test_the_page_makes_its_reader_a_visitor(browser: Browser, tmp_path: Path):
    """Without a question: the first message is answered, and is still there after a reload."""
    async with visited(browser, tmp_path, web_auth=("visitor",)) as (_, page):
        await say(page, "hi")
        answer = page.locator(".answer .words")
        await expect(answer).to_have_text("You said: hi")
        await page.reload()
        await expect(answer).to_have_text("You said: hi")


async def test_a_token_that_ended_is_renewed_for_the_same_visitor(browser: Browser, tmp_path: Path):
    """The next day the conversation is still theirs, and goes on."""
    async with visited(browser, tmp_path, web_auth=("visitor",)) as (house, page):
        await say(page, "hi")
        answers = page.locator(".answer .words")
        await expect(answers).to_have_text("You said: hi")
        token = await page.evaluate("() => JSON.parse(localStorage.getItem('gateway.token'))")
        claims = jwt.decode(token, options={"verify_signature": False})
        ended = sign(
            keys((SECRET,))[0], claims["aud"], claims["sub"], epoch=0, now=time.time() - 90_000
        )
        await page.evaluate(KEEP, ended.token)
        await page.reload()
        await expect(answers).to_have_text("You said: hi")
        await say(page, "again")
        await expect(answers.last).to_have_text("You said: again")
        assert house.fake.requests[-1].history[0] == ("user", "hi")


async def test_a_token_that_counts_no_more_is_replaced(browser: Browser, tmp_path: Path):
    """In both tabs of a browser, which share the new one."""
    async with visited(browser, tmp_path, web_auth=("visitor",)) as (_, page):
        await page.evaluate(KEEP, "not.a.token")
        other = await page.context.new_page()
        await other.goto("/")
        for tab in (page, other):
            await say(tab, "hi")
        for tab in (page, other):
            await expect(tab.locator(".answer .words").last).to_have_text("You said: hi")


async def test_a_page_that_cannot_sign_in_says_so(browser: Browser, tmp_path: Path):
    """In words for a reader, before they have written anything."""
    async with visited(browser, tmp_path, web_auth=("jwt",)) as (_, page):
        await expect(page.get_by_text("people who are signed in")).to_be_visible()
        await expect(page.get_by_label("Message", exact=True)).to_be_disabled()


async def test_a_page_that_is_not_on_the_list_says_so(browser: Browser, tmp_path: Path):
    """The operator reads what to mend, and the reader has their words back."""
    settings = {"web_auth": ("visitor",), "web_origins": ("https://www.example.org",)}
    async with visited(browser, tmp_path, **settings) as (house, page):
        await say(page, "hi")
        await expect(page.get_by_text("WEB_ORIGINS")).to_be_visible()
        await expect(page.get_by_label("Message", exact=True)).to_have_value("hi")
        assert house.fake.requests == []
