"""Threads in PostgreSQL: many hosts, one store. See docs/design/scale.md."""
