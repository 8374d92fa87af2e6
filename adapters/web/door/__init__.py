"""Who is let in: pages, tokens, keys, and how much each may ask."""
