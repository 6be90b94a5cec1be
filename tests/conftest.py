"""What all tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

# The same examples in every run, so that a red run is the fault of a change and not of luck, and
# no example fails for being slow. To search for new ones: pytest --hypothesis-profile=default
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

LONGEST = ("test_rehearsal.py", "test_stack.py")
"""Five minutes of waiting each, on real servers."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: each in a process of its own, while the others do all the rest."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
