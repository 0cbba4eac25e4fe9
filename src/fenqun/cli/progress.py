"""Progress on a terminal as a bar, elsewhere as plain lines."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichBar

from fenqun.progress import Progress, Silent

_EVERY = 10.0  # seconds between two plain lines


class TerminalProgress:
    """A live bar with units per second and time left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: RichBar | None = None
        self._task: TaskID | None = None
        self._unit = ""

    def note(self, text: str) -> None:
        """Say one line worth reading."""
        self._console.print(text, style="dim", highlight=False)

    def begin(self, label: str, total: int, unit: str) -> None:
        """Start a bar."""
        self.end()
        self._bar = RichBar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._unit = unit
        self._task = self._bar.add_task(label, total=total, rate="")
        self._bar.start()

    def advance(self, amount: int) -> None:
        """Move the bar."""
        if self._bar is None or self._task is None:
            return
        speed = self._bar.tasks[0].speed
        self._bar.update(self._task, advance=amount, rate=f"{speed:,.0f} {self._unit}/s" if speed else "")

    def end(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None


class PlainProgress:
    """Lines on standard error, at most one every ten seconds for a bar."""

    def __init__(self) -> None:
        self._label, self._unit, self._total, self._done = "", "", 0, 0
        self._started = self._said = 0.0

    def note(self, text: str) -> None:
        """Say one line worth reading."""
        print(text, file=sys.stderr, flush=True)

    def begin(self, label: str, total: int, unit: str) -> None:
        """Start counting."""
        self._label, self._unit, self._total, self._done = label, unit, total, 0
        self._started = self._said = time.monotonic()

    def advance(self, amount: int) -> None:
        """Count, and say so from time to time."""
        self._done += amount
        now = time.monotonic()
        if now - self._said >= _EVERY and self._done:
            rate = self._done / (now - self._started)
            left = max(self._total - self._done, 0) / rate
            self.note(
                f"{self._label}: {self._done:,}/{self._total:,} {self._unit}, {rate:,.0f}/s, {left:.0f} s left"
            )
            self._said = now

    def end(self) -> None:
        """Stop counting."""


def make_progress(quiet: bool) -> Progress:
    """Return the listener that suits where standard error goes."""
    if quiet:
        return Silent()
    console = Console(stderr=True)
    return TerminalProgress(console) if console.is_terminal else PlainProgress()
