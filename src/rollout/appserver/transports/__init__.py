"""How messages travel: standard input and output, a Unix socket, a WebSocket."""
