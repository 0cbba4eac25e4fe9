"""One text in two languages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Said(NamedTuple):
    """One text in both languages."""

    en: str
    zh: str

    def fill(self, **values: object) -> Said:
        """Put values into ``{names}``; a :class:`Said` goes in with its own language."""
        return Said(
            self.en.format(**{name: v.en if isinstance(v, Said) else v for name, v in values.items()}),
            self.zh.format(**{name: v.zh if isinstance(v, Said) else v for name, v in values.items()}),
        )


def same(text: object) -> Said:
    """Return a text that reads the same in both languages, such as an id."""
    return Said(str(text), str(text))


NOTHING = Said("", "")


def joined(parts: list[Said]) -> Said:
    """Join an enumeration: ``a, b and c``, ``甲、乙和丙``."""
    if len(parts) < 2:
        return parts[0] if parts else same("")
    head, last = parts[:-1], parts[-1]
    return Said(f"{', '.join(p.en for p in head)} and {last.en}", f"{'、'.join(p.zh for p in head)}和{last.zh}")


def together(parts: Iterable[Said]) -> Said:
    """Return sentences one after another, apart in English."""
    found = list(parts)
    return Said(" ".join(part.en for part in found), "".join(part.zh for part in found))
