"""What there is to say, in any language. A text's placeholders stand in braces."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """All texts of one language, in Markdown.

    `help` has, by a command's name, what may follow it, if anything, and what it does.
    """

    # --- commands ---
    help_intro: str
    help: Mapping[str, tuple[str, str]]
    about: str  # name, version, model
    about_demo: str  # name, version
    about_help: str
    fresh: str
    stopped: str
    nothing_runs: str
    alone: str
    stranger: str

    personas: str  # list, now
    personas_none: str
    persona_unknown: str  # name, list
    persona_chosen: str  # name
    persona_usual: str
    models: str  # list, now
    model_unknown: str  # name, list
    model_chosen: str  # name
    model_usual: str
    usual: str
    usage_none: str
    usage_day: str
    usage_month: str
    left_day: str
    left_month: str

    link_code: str  # code, minutes
    linked: str
    linked_apart: str
    link_own: str
    link_wrong: str
    link_shape: str
    link_locked: str
    unlinked: str
    unread: str
    unlink_none: str

    export_web: str
    export_head: str  # count
    export_more: str
    export_none: str
    you: str
    me: str
    forget_ask: str
    forgotten: str

    # --- answers that are none, or not whole ---
    apology: str  # reference
    interrupted: str
    truncated: str
    refused: str

    # --- files; each with its name, or names ---
    file_empty: str
    file_kind: str
    file_size: str
    file_gone: str
    file_refused: str
    file_unnamed: str  # why

    # --- money and numbers ---
    spent_day: str
    spent_month: str
    full_day: str
    full_month: str
    near: str  # percent
    too_many: str  # seconds
