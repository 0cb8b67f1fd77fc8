"""Bundles: whole threads in one JSON document, from any store into any store, byte for byte.

A bundle holds every file of its threads and every file that those build on, with names, times, modes and places.
Writing and reading stream, so a thread of any size takes little memory.
"""

from rollout.bundle.exporting import Contents, contents_of, write_bundle
from rollout.bundle.importing import Imported, import_bundle
from rollout.bundle.layout import SCHEMA, open_bundle, read_bundle

__all__ = [
    "SCHEMA",
    "Contents",
    "Imported",
    "contents_of",
    "import_bundle",
    "open_bundle",
    "read_bundle",
    "write_bundle",
]
