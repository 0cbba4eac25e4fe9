"""Any model of the sentence-transformers library."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fenqun.errors import ConfigError, MissingExtraError


class SentenceTransformerEncoder:
    """A model by its hub name or its folder.

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
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtraError("sentence-transformers", "sentence-transformers") from error
        try:
            self._model = SentenceTransformer(model, device="cpu")
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"the model {model!r} cannot be loaded ({error})",
                where="content.encoder",
                mend="give the name of a hub model or a folder that holds one",
            ) from error
        self.id = f"sentence-transformers:{model}"

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return float32, shape (len(texts), d)."""
        vectors = self._model.encode(list(texts), batch_size=32, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(vectors, dtype=np.float32)
