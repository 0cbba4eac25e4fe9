"""An OpenAI-compatible ``/embeddings`` endpoint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fenqun.content.openai_client import EndpointError, make_client, requesting
from fenqun.errors import SourceError

KEY_VARIABLE = "OPENAI_API_KEY"
LONGEST = 8000
"""Characters of a text that are sent."""


class RemoteEncoder:
    """Embeddings over HTTP; the key comes from the environment and is stored nowhere.

    Parameters
    ----------
    model
        Name that the endpoint knows.
    base_url
        Of the endpoint, such as ``http://localhost:8000/v1``; None: the client's own default.

    Raises
    ------
    MissingExtraError
        If the client is not installed.
    ConfigError
        If there is no key; an endpoint of one's own may take any.
    """

    batch = 128

    def __init__(self, model: str, base_url: str | None = None) -> None:
        self.id = f"openai:{model}@{base_url or 'default'}"
        self._where = base_url or "the default endpoint"
        self._model = model
        self._client = make_client(base_url, KEY_VARIABLE, "content.encoder", timeout=60.0, retries=4)

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return float32, shape (len(texts), d), in the order of the texts.

        Raises
        ------
        SourceError
            If the endpoint cannot be reached, refuses, or answers something else.
        """
        try:
            with requesting():
                answer = self._client.embeddings.create(
                    model=self._model, input=[text[:LONGEST] for text in texts], encoding_format="float"
                )
            rows = sorted(answer.data, key=lambda row: row.index)
            vectors = np.array([row.embedding for row in rows], dtype=np.float32)
        except EndpointError as error:
            raise SourceError(
                f"the embeddings endpoint failed ({error})",
                where=self._where,
                mend="check content.base_url, the model's name and the key; what was embedded is cached",
            ) from error
        except (TypeError, ValueError, AttributeError) as error:
            raise SourceError("answered no embeddings", where=self._where, mend="check content.base_url") from error
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise SourceError(
                f"answered {len(rows)} embeddings for {len(texts)} texts, or numbers that are none",
                where=self._where,
                mend="check content.base_url",
            )
        return vectors
