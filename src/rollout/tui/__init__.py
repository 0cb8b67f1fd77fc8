"""A terminal application to look at threads, with textual (extra ``tui``)."""
