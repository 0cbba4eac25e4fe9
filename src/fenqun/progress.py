"""How a long computation says where it is; the command line decides how that looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Listener of a long computation."""

    def note(self, text: str) -> None:
        """Say one line worth reading."""

    def begin(self, label: str, total: int, unit: str) -> None:
        """Start a bar of ``total`` units, such as events."""

    def advance(self, amount: int) -> None:
        """Move the bar."""

    def end(self) -> None:
        """Close the bar."""


class Silent:
    """Say nothing."""

    def note(self, text: str) -> None:
        """Say one line worth reading."""

    def begin(self, label: str, total: int, unit: str) -> None:
        """Start a bar of ``total`` units, such as events."""

    def advance(self, amount: int) -> None:
        """Move the bar."""

    def end(self) -> None:
        """Close the bar."""


@contextmanager
def bar(progress: Progress, label: str, total: int, unit: str) -> Iterator[Progress]:
    """Open a bar and close it whatever happens."""
    progress.begin(label, total, unit)
    try:
        yield progress
    finally:
        progress.end()
