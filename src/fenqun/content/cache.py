"""Vectors already computed, by content and encoder; a killed run keeps what it finished."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from fenqun.store import explain_io

Floats32 = npt.NDArray[np.float32]


def content_key(text: str) -> str:
    """Hash of a text.

    >>> len(content_key("tea"))
    32
    """
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class VectorCache:
    """One folder of Parquet shards (key, vector) for one encoder.

    A shard is written under a temporary name, synced and renamed; its name is a hash of its keys. A
    shard that cannot be read is dropped: its texts are encoded again.

    Parameters
    ----------
    folder
        Holds the caches of all encoders.
    encoder
        Its id: part of the key.
    """

    def __init__(self, folder: Path, encoder: str) -> None:
        self.folder = folder / content_key(encoder)[:16]
        self._place: dict[str, tuple[int, int]] = {}
        self._shards: list[Floats32] = []
        with explain_io(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.glob("*.parquet")):
            try:
                table = pq.read_table(path)
                width = table.schema.field("vector").type.list_size
                flat = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
                self._remember(table["key"].to_pylist(), flat.reshape(-1, width))
            except (OSError, pa.ArrowException, KeyError, AttributeError, ValueError):
                path.unlink(missing_ok=True)

    def __contains__(self, text: str) -> bool:
        """Whether the text's vector is here."""
        return content_key(text) in self._place

    def add(self, texts: Sequence[str], vectors: Floats32) -> None:
        """Store vectors, shape (len(texts), d)."""
        keys = [content_key(text) for text in texts]
        flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
        table = pa.table(
            {
                "key": pa.array(keys, pa.string()),
                "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
            }
        )
        name = content_key("".join(keys))[:16]
        partial = self.folder / f".partial-{os.getpid()}-{name}"
        with explain_io(self.folder):
            try:
                pq.write_table(table, partial)
                with partial.open("rb") as stream:
                    os.fsync(stream.fileno())
                partial.replace(self.folder / f"{name}.parquet")
            finally:
                partial.unlink(missing_ok=True)
        self._remember(keys, np.asarray(vectors, dtype=np.float32))

    def get(self, texts: Sequence[str]) -> Floats32:
        """Return the vectors of texts that are all here, float32 (len(texts), d)."""
        places = [self._place[content_key(text)] for text in texts]
        return (
            np.stack([self._shards[shard][row] for shard, row in places])
            if places
            else np.zeros((0, 0), np.float32)
        )

    def _remember(self, keys: Sequence[str], vectors: Floats32) -> None:
        self._place.update({key: (len(self._shards), row) for row, key in enumerate(keys)})
        self._shards.append(vectors)
