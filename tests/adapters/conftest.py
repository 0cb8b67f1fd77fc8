from __future__ import annotations

from interop.conftest import lab, oracle

__all__ = ["lab", "oracle"]
