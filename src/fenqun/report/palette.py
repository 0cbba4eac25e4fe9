"""Colours and symbols of segments: a hue of eight and a shape of five, so that no two of 40 are alike.

The hues were searched for the greatest least distance in CIELAB under full sight, protanopia and
deuteranopia (simulated as by Machado, Oliveira and Fernandes 2009), among colours that read on a white
and on a near-black ground. Shape tells apart what hue repeats, and the label at the centroid what
neither does.
"""

from __future__ import annotations

from typing import NamedTuple

HUES = ("#2779fb", "#dd9172", "#21b5b0", "#c8325a", "#7a6e0b", "#a049ab", "#7fb216", "#30abfc")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross")

ACCENT = HUES[0]
CONTRAST = HUES[3]
MUTED = "#8b93a1"


class Mark(NamedTuple):
    """How a segment is drawn."""

    colour: str
    symbol: str


def mark(position: int) -> Mark:
    """Return the mark of the segment at a position in the order of sizes.

    >>> mark(0) == mark(8)
    False
    """
    return Mark(HUES[position % len(HUES)], SYMBOLS[(position // len(HUES)) % len(SYMBOLS)])
