"""Renderers: threads as people read them; iterators in, iterators out, bounded memory."""
