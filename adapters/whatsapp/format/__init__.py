"""Markdown in WhatsApp's own notation."""

from adapters.whatsapp.format.blocks import whatsapp

__all__ = ["whatsapp"]
