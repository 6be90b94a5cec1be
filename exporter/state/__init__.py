"""State that survives a restart: spent budgets, blocks and open circuits.

Forgetting a ban at a restart would earn a longer one; so would a crash loop that spends a fresh
budget every time.
"""

from __future__ import annotations

from exporter.state.disk import DiskStore
from exporter.state.memory import MemoryStore
from exporter.state.store import Snapshot, Store

__all__ = ["DiskStore", "MemoryStore", "Snapshot", "Store"]
