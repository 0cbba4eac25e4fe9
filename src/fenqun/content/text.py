"""What a text encoder offers, and how the settings name one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from fenqun.config import Content
from fenqun.errors import ConfigError

Floats32 = npt.NDArray[np.float32]


@runtime_checkable
class TextEncoder(Protocol):
    """Turns texts into vectors; the same text always gets the same vector.

    Attributes
    ----------
    id
        Names the model and everything else that its vectors depend on; part of the cache key.
    batch
        Texts that are worth sending at once.
    """

    id: str
    batch: int

    def encode(self, texts: Sequence[str]) -> Floats32:
        """Return float32, shape (len(texts), d), for non-empty texts."""


def make_encoder(config: Content) -> TextEncoder | None:
    """Make the encoder that ``content.encoder`` names; None for ``none``.

    Raises
    ------
    ConfigError
        If the name is unknown.
    MissingExtraError
        If its library is not installed.
    """
    kind, _, model = config.encoder.partition(":")
    if config.encoder == "none":
        return None
    if config.encoder == "use":
        from fenqun.content.use import UniversalSentenceEncoder

        return UniversalSentenceEncoder()
    if kind == "sentence-transformers" and model:
        from fenqun.content.sentence_transformer import SentenceTransformerEncoder

        return SentenceTransformerEncoder(model)
    if kind in ("huggingface", "huggingface-random") and model:
        from fenqun.content.huggingface import HuggingFaceEncoder

        return HuggingFaceEncoder(model, random_seed=0 if kind == "huggingface-random" else None)
    if kind == "openai" and model:
        from fenqun.content.remote import RemoteEncoder

        return RemoteEncoder(model, config.base_url)
    raise ConfigError(
        f"{config.encoder!r} names no text encoder",
        where="content.encoder",
        mend="use one of: use, none, huggingface:FOLDER, sentence-transformers:NAME, openai:MODEL",
    )
