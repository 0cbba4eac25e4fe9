"""Any model of the sentence-transformers library: of texts, of pictures (CLIP and its like), of sounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.content.audio import Sound
from fenqun.errors import ConfigError, MissingExtraError

Floats32 = npt.NDArray[np.float32]


class SentenceTransformerEncoder:
    """A model of texts by its hub name or its folder.

    Parameters
    ----------
    model
        Name or path.

    Raises
    ------
    MissingExtraError
        If the library is not installed.
    ConfigError
        If the model cannot be loaded.
    """

    batch = 256

    def __init__(self, model: str) -> None:
        self._model = _load(model, "content.encoder")
        self.id = f"sentence-transformers:{model}"

    def encode(self, texts: Sequence[str]) -> Floats32:
        """Return float32, shape (len(texts), d)."""
        return _encode(self._model, list(texts))


class SentenceTransformerImages:
    """A model of pictures by its hub name or its folder, such as ``clip-ViT-B-32``.

    Raises
    ------
    MissingExtraError
        If the library is not installed.
    ConfigError
        If the model cannot be loaded, or knows no pictures.
    """

    batch = 32

    def __init__(self, model: str) -> None:
        self._model = _load(model, "content.image")
        _check_medium(self._model, model, "image", "content.image", "pictures")
        self.id = f"sentence-transformers:{model}/image"

    def encode(self, images: Sequence[Any]) -> Floats32:
        """Return float32, shape (len(images), d), for Pillow pictures."""
        return _encode(self._model, list(images))


class SentenceTransformerSounds:
    """A model of sounds by its hub name or its folder.

    Raises
    ------
    MissingExtraError
        If the library is not installed.
    ConfigError
        If the model cannot be loaded, or knows no sounds.
    """

    batch = 16

    def __init__(self, model: str) -> None:
        self._model = _load(model, "content.audio")
        _check_medium(self._model, model, "audio", "content.audio", "sounds")
        self.id = f"sentence-transformers:{model}/audio"

    def encode(self, sounds: Sequence[Sound]) -> Floats32:
        """Return float32, shape (len(sounds), d)."""
        return _encode(self._model, [{"array": sound.waveform, "sampling_rate": sound.rate} for sound in sounds])


def _load(model: str, where: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtraError("sentence-transformers", "sentence-transformers") from error
    try:
        return SentenceTransformer(model, device="cpu")
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"the model {model!r} cannot be loaded ({error})",
            where=where,
            mend="give the name of a hub model or a folder that holds one",
        ) from error


def _check_medium(loaded: Any, model: str, medium: str, where: str, several: str) -> None:
    # Before 5.4 the library had no name for what a model takes; it tries, then.
    supports = getattr(loaded, "supports", None)
    if supports is not None and not supports(medium):
        raise ConfigError(
            f"the model {model!r} knows no {several}, only {', '.join(loaded.modalities)}",
            where=where,
            mend=f"give the name of a model of {several}",
        )


def _encode(loaded: Any, inputs: list[Any]) -> Floats32:
    vectors = loaded.encode(inputs, batch_size=32, show_progress_bar=False, convert_to_numpy=True)
    return np.asarray(vectors, dtype=np.float32)
