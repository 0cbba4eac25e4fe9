"""Foundations: what other catalogues and logs say of a text, in a folder that any run can take.

A foundation is one linear map from an item's text vector to a row for it, learned on logs that may have nothing in
common with the one at hand. It holds no row of an item or a user: only the directions of the text encoder's space
that matter to people, and by how much.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from fenqun.config import Content
from fenqun.content.cache import VectorCache
from fenqun.content.items import encode_distinct
from fenqun.content.text import make_encoder
from fenqun.errors import ConfigError
from fenqun.progress import Progress, Silent
from fenqun.store import explain_damage, explain_io, file_fingerprint

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]

VERSION = 1
TENSORS, CARD = "foundation.safetensors", "card.json"


@dataclass(frozen=True)
class Texts:
    """Raw vectors of a catalogue's texts.

    Attributes
    ----------
    vectors
        float32 (n_items, d); zero without text.
    has_text
        bool (n_items,).
    encoder
        Id of the encoder, or ``none``.
    """

    vectors: Floats32
    has_text: npt.NDArray[np.bool_]
    encoder: str

    @classmethod
    def encode(
        cls, config: Content, texts: Sequence[str | None], cache: Path, progress: Progress | None = None
    ) -> Texts:
        """Encode the distinct texts; what the cache has is taken from it."""
        cleaned = [" ".join(text.split()) if text else "" for text in texts]
        has_text = np.array([bool(text) for text in cleaned], dtype=bool)
        encoder = make_encoder(config) if has_text.any() else None
        if encoder is None:
            return cls(np.zeros((len(cleaned), 1), dtype=np.float32), np.zeros_like(has_text), "none")
        distinct = sorted({text for text in cleaned if text})
        with threadpool_limits(1):
            raw = encode_distinct(encoder, distinct, VectorCache(cache, encoder.id), progress or Silent())
        place = {text: row for row, text in enumerate(distinct)}
        vectors = np.zeros((len(cleaned), raw.shape[1]), dtype=np.float32)
        vectors[has_text] = raw[[place[text] for text in cleaned if text]]
        return cls(vectors, has_text, encoder.id)


@dataclass(frozen=True)
class Foundation:
    """A map from text vectors to item rows.

    Attributes
    ----------
    kernel
        float64 (d, width): whitening of what the sources' texts vary in.
    matrix
        float64 (width, width): what their logs made of it.
    encoder
        Id of the text encoder whose vectors it reads.
    card
        Plain values: data, objective, licence, metrics, version.
    """

    kernel: Floats
    matrix: Floats
    encoder: str
    card: dict[str, Any]

    def rows(self, texts: Texts) -> Floats32:
        """Return rows of a catalogue's items, float32 (n_items, width), unit length; zero without text.

        The texts are centred on their own mean: what all items of a catalogue share says nothing of its users.

        Raises
        ------
        ConfigError
            If there are no texts, or they were encoded by another encoder.
        """
        if not texts.has_text.any():
            raise ConfigError(
                "a foundation reads item texts, and there are none",
                where="behaviour.foundation",
                mend="set data.items.text and content.encoder, or take the foundation out",
            )
        self.check(texts.encoder)
        rows = np.zeros((len(texts.vectors), self.matrix.shape[1]), dtype=np.float32)
        rows[texts.has_text] = unit_white(texts, self.kernel)[texts.has_text] @ self.matrix.astype(np.float32)
        return rows

    def check(self, encoder: str) -> None:
        """Refuse an encoder that the foundation does not know.

        Raises
        ------
        ConfigError
            If it is not the one that the foundation was learned with.
        """
        if encoder != self.encoder:
            raise ConfigError(
                f"the foundation reads vectors of the text encoder {self.encoder!r}, this run makes vectors of "
                f"{encoder!r}",
                where="behaviour.foundation",
                mend="set content.encoder to the foundation's, or pretrain one with this encoder",
            )

    def save(self, folder: Path) -> None:
        """Write ``foundation.safetensors`` and ``card.json`` into a folder, made if need be."""
        from safetensors.numpy import save

        card = {**self.card, "encoder": self.encoder, "version": VERSION}
        with explain_io(folder):
            folder.mkdir(parents=True, exist_ok=True)
            tensors = {"kernel": self.kernel.astype(np.float32), "matrix": self.matrix.astype(np.float32)}
            (folder / TENSORS).write_bytes(save(tensors))
            text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
            (folder / CARD).write_text(text, encoding="utf-8")

    @staticmethod
    def fingerprints(folder: str | Path) -> list[str]:
        """Return what tells this foundation from another, a text a file.

        Raises
        ------
        ConfigError
            If the folder holds no foundation.
        """
        found = _found(folder)
        return [file_fingerprint(found / name) for name in (CARD, TENSORS)]

    @classmethod
    def load(cls, folder: str | Path) -> Foundation:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ConfigError
            If the folder holds no foundation of this version.
        RunError
            If a file is damaged.
        """
        from safetensors.numpy import load_file

        folder = _found(folder)
        with explain_damage("holds a damaged foundation", folder, "pretrain it again"):
            card = json.loads((folder / CARD).read_text(encoding="utf-8"))
            version, encoder = card["version"], str(card["encoder"])
            tensors = load_file(folder / TENSORS)
            kernel, matrix = tensors["kernel"].astype(np.float64), tensors["matrix"].astype(np.float64)
            if kernel.ndim != 2 or matrix.shape != (kernel.shape[1], kernel.shape[1]):
                raise ValueError("shapes")
        if version != VERSION:
            raise ConfigError(
                f"holds a foundation of version {version}, this fenqun reads {VERSION}",
                where=str(folder),
                mend="pretrain it again",
            )
        return cls(kernel, matrix, encoder, card)


def _found(folder: str | Path) -> Path:
    folder = Path(folder)
    if not all((folder / name).is_file() for name in (CARD, TENSORS)):
        raise ConfigError(
            "holds no foundation", where=str(folder), mend="fenqun pretrain writes one: check behaviour.foundation"
        )
    return folder


def centre(texts: Texts) -> Floats:
    """Centre the vectors of a catalogue's distinct texts; zero without text, shape (n_items, d)."""
    rows = texts.vectors.astype(np.float64)
    if texts.has_text.any():
        rows = np.where(texts.has_text[:, None], rows - np.unique(rows[texts.has_text], axis=0).mean(axis=0), 0.0)
    return rows


def unit_white(texts: Texts, kernel: Floats) -> Floats32:
    """Centre, whiten and scale to unit length, float32 (n_items, width)."""
    white = centre(texts) @ kernel
    norms = np.linalg.norm(white, axis=1, keepdims=True)
    unit: Floats = np.divide(white, norms, out=np.zeros_like(white), where=norms > 1e-9)
    return unit.astype(np.float32)
