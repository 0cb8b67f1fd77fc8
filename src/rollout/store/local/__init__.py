"""A Codex home as a store: files first, names and folders exactly as Codex has them."""
