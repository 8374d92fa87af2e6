"""Anthropic's Messages API as a `Model`, and that of servers which speak the same language."""

from adapters.claude.client import Claude

__all__ = ["Claude"]
