"""What validation time chose for taste."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fenqun.behaviour.weighting import Weighting

Transfer = Literal["none", "frozen", "tuned"]


@dataclass(frozen=True)
class TasteChoice:
    """What validation time chose, for later fits to take over.

    Attributes
    ----------
    weighting
        ``log`` or ``binary``.
    scale
        Confidence scale of the factorisation.
    epochs
        Epochs of tuning; 0 is the initialised table.
    text
        Whether the items' text vectors are a part of their own.
    foundation
        ``none``: from scratch; ``frozen``: the foundation's rows are a part, as they are; ``tuned``: a map of
        them, tuned on this log, is.
    """

    weighting: Weighting
    scale: float
    epochs: int
    text: bool = False
    foundation: Transfer = "none"
