"""The words of core that people read, a file a language."""
