"""One rollout file: the only code that calls the operating system on rollouts.

Bytes only, synchronous. ``source`` gives the bytes of a plain or compressed file, ``reader`` turns them into lines
and damage, ``examine`` checks what lines say about each other, ``compression`` reads and writes ``.jsonl.zst``,
``writer`` appends, ``lock`` keeps other writers out, and ``filesystem`` is the seam where tests make calls fail.
"""
