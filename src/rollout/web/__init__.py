"""Threads in a browser, on loopback: an ASGI application over one store (extra ``web``)."""
