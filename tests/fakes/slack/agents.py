"""The agent's surface: what it is doing, and what it may be asked."""

from typing import Any

from tests.fakes.slack.ask import Ask
from tests.fakes.slack.refused import Refused
from tests.fakes.slack.streams import SESSION


def set_status(ask: Ask) -> dict[str, Any]:
    """assistant.threads.setStatus: "" clears."""
    channel = ask.channel("channel_id")
    thread = (channel.id, ask.need("thread_ts", "invalid_thread_ts"))
    ask.thread(channel)
    if len(ask.args.get("loading_messages") or ()) > 10:
        raise Refused("invalid_arguments")
    if status := ask.args.get("status"):
        ask.workspace.statuses[thread] = str(status)
    else:
        ask.workspace.statuses.pop(thread, None)
    return {}


def set_prompts(ask: Ask) -> dict[str, Any]:
    """assistant.threads.setSuggestedPrompts: with thread_ts an agent's are not shown."""
    channel, prompts = ask.channel("channel_id"), ask.args.get("prompts")
    if not isinstance(prompts, list) or not all(_is_prompt(each) for each in prompts):
        raise Refused("invalid_arguments")
    if not ask.args.get("thread_ts"):
        ask.workspace.prompts[channel.id] = prompts[:4]
    return {}


def _is_prompt(prompt: Any) -> bool:
    return isinstance(prompt, dict) and bool(prompt.get("title") and prompt.get("message"))


def set_session(ask: Ask) -> dict[str, Any]:
    """agents.sessions.setStatus: makes the session if there is none."""
    channel = ask.channel("channel_id")
    thread = (channel.id, ask.need("thread_ts", "thread_ts_required"))
    ask.thread(channel)
    status = ask.need("status")
    if status not in SESSION or len(ask.args.get("title") or "") > 200:
        raise Refused("invalid_arguments")
    ask.workspace.sessions[thread] = status
    return {"status": status, "agent_status": status}


METHODS = {
    "assistant.threads.setStatus": set_status,
    "assistant.threads.setSuggestedPrompts": set_prompts,
    "agents.sessions.setStatus": set_session,
}
