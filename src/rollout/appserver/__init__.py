"""The Codex app-server protocol over a store: JSON-RPC messages, methods, transports (docs/reference/app-server.md)."""
