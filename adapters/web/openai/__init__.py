"""OpenAI Chat Completions, `/v1`."""
