"""One exception tree. Every message says what is wrong, where, and how to mend it, in one line."""

from __future__ import annotations


class FenqunError(Exception):
    """Base of every error that a user can cause and mend.

    Parameters
    ----------
    what
        What is wrong, without a final stop.
    where
        File, row, setting or column in which it is wrong.
    mend
        What the user can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        self.what, self.where, self.mend = what, where, mend
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return the one line shown to the user: ``where: what; mend``."""
        line = f"{self.where}: {self.what}" if self.where else self.what
        line = f"{line}; {self.mend}" if self.mend else line
        return " ".join(line.split())


class ConfigError(FenqunError):
    """A setting is unknown, malformed or contradicts another."""

    exit_code = 2


class SourceError(FenqunError):
    """A file or table cannot be read, or lacks a column that the settings name."""

    exit_code = 3


class QualityError(FenqunError):
    """What was read leaves nothing to work with."""

    exit_code = 4


class RunError(FenqunError):
    """A run directory is missing, locked, incomplete or cannot be written."""

    exit_code = 5


class MissingExtraError(FenqunError):
    """An optional library is not installed."""

    exit_code = 6

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed", mend=f"pip install 'fenqun[{extra}]'")


class LeakError(FenqunError):
    """Something that judges was seen by something that learns."""

    exit_code = 7
