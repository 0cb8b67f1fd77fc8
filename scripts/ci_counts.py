"""Add up the JUnit files below a folder: ``ci_counts.py [--need-tests] FOLDER``.

Prints ``N passed, N failed, N skipped``. With ``--need-tests`` it prints nothing and its status is 1 when no
test ran at all, skipped ones not counted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator

BAD = ("failure", "error")


def main() -> int:
    """Count, print, and tell by the status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--need-tests", action="store_true")
    asked = parser.parse_args()
    counts = Counter(outcome for path in reports(asked.folder) for outcome in outcomes(path))
    if asked.need_tests:
        return 0 if counts["passed"] + counts["failed"] else 1
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 0 if counts["passed"] and not counts["failed"] else 1


def reports(folder: str) -> Iterator[str]:
    """The XML files below a folder."""
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in sorted(names) if name.endswith(".xml"))


def outcomes(path: str) -> Iterator[str]:
    """passed, failed or skipped, once for each test; a report that cannot be read is one failure."""
    try:
        tree = ET.parse(path)
    except (OSError, ET.ParseError):
        yield "failed"
        return
    for case in tree.iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds.intersection(BAD):
            yield "failed"
        else:
            yield "skipped" if "skipped" in kinds else "passed"


if __name__ == "__main__":
    sys.exit(main())
