"""The chat page's promises, kept in a real browser."""

import pytest
from playwright.async_api import expect

from tests.browser.conftest import visiting
from tests.browser.stub import Cut, Fail, Gate, Refuse, Snapshot

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_words_are_shown_while_the_answer_is_written(visit):
    """The first words are there, with Stop beside them, before the last are written."""
    first, rest = Gate(), Gate()
    visit.stub.answers.append([first, "Hello, ", rest, "**world**."])
    await visit.send("Hi")
    await expect(visit.page.locator(".typing")).to_be_visible()
    first.set()
    await expect(visit.answers).to_have_text("Hello, ")
    await expect(visit.page.locator(".typing")).to_be_hidden()
    await expect(visit.act).to_have_attribute("aria-label", "Stop")
    rest.set()
    await expect(visit.answers.locator("strong")).to_have_text("world")
    await visit.idle()
    await expect(visit.act).to_have_attribute("aria-label", "Send message")
    await expect(visit.page.locator("#spoken")).to_contain_text("Hello, world.")


async def test_a_snapshot_replaces_what_was_said(visit):
    """An answer that starts anew does not keep the words of its first attempt."""
    gate = Gate()
    visit.stub.answers.append(["A first try", gate, Snapshot("Another "), "try"])
    await visit.send("Hi")
    await expect(visit.answers).to_have_text("A first try")
    gate.set()
    await visit.idle()
    await expect(visit.answers).to_have_text("Another try")


async def test_stop_cancels_the_run_and_keeps_its_words(visit):
    """Stop asks the server to end the run; what was said stays, marked as stopped."""
    visit.stub.answers.append(["One two", Gate(), " three"])
    await visit.send("Count")
    await expect(visit.answers).to_have_text("One two")
    await visit.page.get_by_role("button", name="Stop").click()
    await visit.idle()
    assert visit.stub.cancelled == ["11"]
    await expect(visit.answers).to_have_text("One two")
    await expect(visit.page.locator(".note")).to_have_text("Stopped.")


async def test_a_reload_shows_the_history_and_follows_on(visit):
    """After a reload everything said is there, and a running answer goes on to its end."""
    gate = Gate()
    visit.stub.answers.extend([["The first answer"], ["The second ", gate, "answer"]])
    await visit.send("One")
    await visit.idle()
    await visit.send("Two")
    await expect(visit.answers.last).to_have_text("The second ")
    await visit.page.reload()
    await expect(visit.questions).to_have_text(["One", "Two"])
    await expect(visit.answers).to_have_text(["The first answer", "The second "])
    gate.set()
    await visit.idle()
    await expect(visit.answers).to_have_text(["The first answer", "The second answer"])
    assert len(visit.stub.posts) == 2


async def test_a_cut_connection_resumes_without_loss_or_repetition(visit):
    """The page comes back after the last event that it has seen, as often as it takes."""
    before, after = Gate(), Gate()
    script = ["one ", "two ", before, Cut(), "three ", "four ", after, "five"]
    visit.stub.answers.append(script)
    await visit.send("Count")
    await expect(visit.answers).to_have_text("one two ")
    before.set()
    await expect(visit.page.locator("#hint")).to_have_text("Reconnecting…")
    await expect(visit.answers).to_have_text("one two three four ")
    await expect(visit.page.locator("#hint")).to_be_hidden()
    assert visit.stub.resumed == ["11.1.3"]
    after.set()
    await visit.idle()
    await expect(visit.answers).to_have_text("one two three four five")
    assert len(visit.stub.posts) == 1


@pytest.mark.parametrize("lost", ["before", "after"])
async def test_a_post_without_response_is_repeated_as_the_same_message(visit, lost):
    """Whether the request or only its reply was lost, the message is taken once."""
    visit.stub.lost.append(lost)
    visit.stub.answers.append(["Here"])
    await visit.send("Are you there?")
    await expect(visit.page.locator("#hint")).to_contain_text("Your message is kept")
    await expect(visit.answers).to_have_text("Here")
    await visit.idle()
    first, second = visit.stub.posts
    assert first == second
    assert len(visit.stub.runs) == 1
    await expect(visit.questions).to_have_text(["Are you there?"])


async def test_an_unsent_message_survives_a_reload(visit):
    """A message that never arrived is sent by the next page that is opened."""
    visit.stub.lost.append("before")
    visit.stub.answers.append(["At last"])
    await visit.send("Hello?")
    await expect(visit.page.locator("#hint")).to_contain_text("Your message is kept")
    await visit.page.reload()
    await expect(visit.questions).to_have_text(["Hello?"])
    await expect(visit.answers).to_have_text("At last")
    assert len({post["messageId"] for post in visit.stub.posts}) == 1


async def test_an_unacknowledged_message_is_not_shown_twice(visit):
    """When only the reply was lost, the history has the message; the outbox adds nothing."""
    visit.stub.lost.append("after")
    visit.stub.answers.append(["Once"])
    await visit.send("Hello?")
    await expect(visit.page.locator("#hint")).to_contain_text("Your message is kept")
    await visit.page.reload()
    await expect(visit.answers).to_have_text(["Once"])
    await visit.idle()
    await expect(visit.questions).to_have_text(["Hello?"])
    assert len(visit.stub.runs) == 1


async def test_a_failed_run_can_be_tried_again(visit):
    """The error is shown where the answer would be; Try again is a new message, same words."""
    visit.stub.answers.extend([["Half", Fail("The model is not reachable.")], ["Whole"]])
    await visit.send("Try")
    await expect(visit.page.locator(".note")).to_have_text("The model is not reachable.")
    await expect(visit.answers).to_have_text("Half")
    await visit.page.get_by_role("button", name="Try again").click()
    await expect(visit.answers).to_have_text(["Whole"])
    first, second = visit.stub.posts
    assert first["text"] == second["text"]
    assert first["messageId"] != second["messageId"]
    await visit.page.reload()
    await expect(visit.questions).to_have_text(["Try"])


async def test_a_refused_message_returns_to_its_author(visit):
    """A message that the server does not take is in the composer again, with the reason."""
    visit.stub.refusals.append(Refuse(429, "Too many messages."))
    await visit.send("One too many")
    await expect(visit.page.locator("#hint")).to_have_text("Too many messages.")
    await expect(visit.page.get_by_label("Message", exact=True)).to_have_value("One too many")
    await expect(visit.questions).to_have_count(0)


async def test_markup_from_either_side_is_text(visit):
    """Nothing that a person or a model writes becomes an element, a script or an odd link."""
    attacks = [
        "<script>window.owned = 1</script>",
        "<img src=x onerror='window.owned = 1'>",
        "[click](javascript:window.owned=1)",
        "![](https://evil.example/pixel.png)",
        "<svg onload=window.owned=1>",
        '[x](https://a.example/" onmouseover="window.owned=1)',
    ]
    text = "\n\n".join([*attacks, "```<b>\n<iframe src=//evil.example>\n```"])
    visit.stub.answers.append([text[:50], text[50:]])
    await visit.send(text)
    await visit.idle()
    await expect(visit.questions).to_have_text(text, use_inner_text=True)
    for attack in (*attacks[:3], attacks[4]):
        await expect(visit.answers).to_contain_text(attack)
    await expect(visit.answers.locator("script, img, iframe, svg[onload], b")).to_have_count(0)
    links = await visit.answers.locator("a").evaluate_all("all => all.map(a => a.protocol)")
    assert set(links) <= {"https:"}
    assert await visit.page.evaluate("window.owned") is None


async def test_markdown_is_shown_as_what_it_means(visit):
    """Lists, code, tables and links are drawn; half-typed markers do not flash."""
    half, rest = Gate(), Gate()
    answer = "\n\n```py\nx = '**'\n```\n\n1. one\n   - two\n\n|a|b|\n|-|-|\n|`c`|d|\n\nhttps://a.example/b."
    visit.stub.answers.append(["# Title\n\nSome **bo", half, "ld** words", rest, answer])
    await visit.send("Show me")
    await expect(visit.answers.locator("strong")).to_have_text("bo")
    await expect(visit.answers.locator("p")).to_have_text("Some bo")
    half.set()
    await expect(visit.answers.locator("p")).to_have_text("Some bold words")
    rest.set()
    await visit.idle()
    await expect(visit.answers.locator("h3")).to_have_text("Title")
    await expect(visit.answers.locator("pre code")).to_have_text("x = '**'")
    await expect(visit.answers.locator("ol > li > ul > li")).to_have_text("two")
    await expect(visit.answers.locator("td")).to_have_text(["c", "d"])
    await expect(visit.answers.locator("a")).to_have_attribute("href", "https://a.example/b")
    await visit.page.get_by_role("button", name="Copy code").click()
    assert await visit.page.evaluate("navigator.clipboard.readText()") == "x = '**'"


async def test_who_reads_further_up_is_left_alone(visit):
    """New words never move a reader who scrolled up; one button brings them to the end."""
    gate = Gate()
    visit.stub.answers.append(["line\n\n" * 60, gate, "more\n\n" * 60])
    await visit.send("Tell me a lot")
    await expect(visit.answers.locator("p")).to_have_count(60)
    scroller = visit.page.locator("#scroller")
    await scroller.evaluate("element => { element.scrollTop = 100; }")
    jump = visit.page.get_by_role("button", name="Jump to latest")
    await expect(jump).to_be_visible()
    gate.set()
    await visit.idle()
    assert await scroller.evaluate("element => element.scrollTop") == 100
    await jump.click()
    await expect(jump).to_be_hidden()
    await expect(visit.answers.locator("p").last).to_be_in_viewport()


async def test_enter_sends_unless_a_word_is_being_composed(visit):
    """Shift+Enter makes a line, and Enter that ends an IME's composition sends nothing."""
    visit.stub.answers.append(["Good"])
    composer = visit.page.get_by_label("Message", exact=True)
    await composer.fill("first")
    await composer.press("Shift+Enter")
    await composer.press_sequentially("second")
    await composer.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    assert visit.stub.posts == []
    await composer.press("Enter")
    await expect(visit.answers).to_have_text("Good")
    assert [post["text"] for post in visit.stub.posts] == ["first\nsecond"]


async def test_a_new_conversation_starts_empty(visit):
    """New conversation shows the suggestions again, and they are sent to a new session."""
    visit.stub.answers.extend([["One"], ["Two"]])
    await visit.send("Hi")
    await visit.idle()
    await visit.page.get_by_role("button", name="New conversation").click()
    await expect(visit.answers).to_have_count(0)
    await visit.page.locator(".prompt").first.click()
    await expect(visit.answers).to_have_text(["Two"])
    assert len(visit.stub.sessions) == 2


async def test_the_page_is_usable_at_320_pixels(browser):
    """Nothing is wider than a small phone, and everything to touch is at least 44 pixels."""
    phone = {"viewport": {"width": 320, "height": 568}, "has_touch": True, "is_mobile": True}
    async with visiting(browser, **phone) as visit:
        visit.stub.answers.append([f"{'long' * 60}\n\n```\n{'wide ' * 60}\n```\n\n|{'cell|' * 12}"])
        await visit.send("https://example.com/" + "a" * 120)
        await visit.idle()
        width = "element => element.scrollWidth"
        assert await visit.page.locator("html").evaluate(width) == 320
        assert await visit.page.locator("#scroller").evaluate(width) == 320
        for button in await visit.page.get_by_role("button").all():
            box = await button.bounding_box()
            assert min(box["width"], box["height"]) >= 44, await button.get_attribute("id")


async def test_storage_may_be_forbidden(browser):
    """A browser that keeps nothing for the page can still hold a conversation."""
    async with visiting(browser) as visit:
        await visit.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no') } })",
        )
        await visit.page.reload()
        visit.stub.answers.extend([["One"], ["Two"]])
        await visit.send("Hi")
        await visit.idle()
        await visit.send("Again")
        await expect(visit.answers).to_have_text(["One", "Two"])
        assert len(visit.stub.sessions) == 1


async def test_the_demo_model_says_so(browser):
    """The banner is there when the configuration says demo, with the product's own name."""
    async with visiting(browser) as visit:
        await expect(visit.page.get_by_role("heading", level=1)).to_have_text("Gateway")
        await expect(visit.page.locator("#demo")).to_be_hidden()
        visit.stub.config |= {"name": "Ada", "demo": True, "greeting": "Welcome"}
        await visit.page.reload()
        await expect(visit.page.get_by_text("Demo model: set ANTHROPIC_API_KEY")).to_be_visible()
        await expect(visit.page.get_by_role("heading", name="Welcome")).to_be_visible()
        await expect(visit.page).to_have_title("Ada")
