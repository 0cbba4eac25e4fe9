"""Items to vectors: distinct texts and files are encoded once, kept, whitened and joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from fenqun.config import Content
from fenqun.content.cache import VectorCache
from fenqun.content.joining import Joining, Told
from fenqun.content.media import FileFigures, Medium, embed_files, make_file_encoder
from fenqun.content.text import TextEncoder, make_encoder
from fenqun.progress import Progress, Silent, bar

Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ItemVectors:
    """Vectors of items, in the order of their texts.

    Attributes
    ----------
    vectors
        float32 (n, width), whitened; rows of unit length where nothing is missing, shorter where a
        medium is, zero without any.
    has_content
        bool (n,): items with a text, a picture or a sound that could be encoded.
    encoders
        Id of the encoder of each medium that any item has: ``text``, ``image``, ``audio``.
    joining
        For items to come; None without any content.
    files
        The account of pictures and sounds, by medium.
    """

    vectors: Floats32
    has_content: npt.NDArray[np.bool_]
    encoders: Mapping[str, str]
    joining: Joining | None
    files: Mapping[str, FileFigures]


def embed_items(
    config: Content,
    texts: Sequence[str | None],
    cache: Path,
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
    *,
    encoder: TextEncoder | None = None,
    files: Mapping[Medium, Sequence[Path | None]] | None = None,
) -> ItemVectors:
    """Embed the texts, pictures and sounds of items.

    Parameters
    ----------
    config
        Encoders and width.
    texts
        One an item; None or blank is no text.
    cache
        Folder that keeps vectors by content and encoder.
    seed, threads
        Neither changes the result: encoders draw nothing and are given one thread of linear algebra.
    progress
        Told about distinct texts and files, and about files that gave nothing.
    encoder
        Of texts, such as one that was adapted to the log; None: the one that the settings name.
    files
        Of ``image`` and ``audio``: one an item, None for none.

    Raises
    ------
    ConfigError, MissingExtraError, SourceError
        As the encoders raise them. A file that is missing or damaged raises nothing.
    """
    progress = progress or Silent()
    media: dict[str, Told] = {}
    encoders: dict[str, str] = {}
    accounts: dict[str, FileFigures] = {}
    with threadpool_limits(1):
        cleaned = [clean_text(text) for text in texts]
        if encoder is None and any(cleaned):
            encoder = make_encoder(config)
        if encoder is not None and any(cleaned):
            media["text"], encoders["text"] = _tell_texts(encoder, cleaned, cache, progress), encoder.id
        for medium, paths in (files or {}).items():
            reader = make_file_encoder(config, medium) if any(paths) else None
            if reader is not None:
                embedded = embed_files(reader, medium, paths, cache, progress)
                media[medium], encoders[medium] = embedded.told, reader.id
                accounts[medium] = embedded.figures
        has_content = np.zeros(len(cleaned), dtype=bool)
        for told in media.values():
            has_content |= told.present
        if not has_content.any():
            nothing = np.zeros((len(cleaned), config.width), dtype=np.float32)
            return ItemVectors(nothing, has_content, encoders, None, accounts)
        joining = Joining.fit(media, config.width)
        return ItemVectors(joining.transform(media), has_content, encoders, joining, accounts)


def clean_text(text: str | None) -> str:
    """Return a text as encoders read it: blanks collapsed, empty for none."""
    return " ".join(text.split()) if text else ""


def _tell_texts(encoder: TextEncoder, cleaned: Sequence[str], cache: Path, progress: Progress) -> Told:
    distinct = sorted({text for text in cleaned if text})
    raw = encode_distinct(encoder, distinct, VectorCache(cache, encoder.id), progress)
    place = {text: row for row, text in enumerate(distinct)}
    return Told(raw, np.array([place.get(text, -1) for text in cleaned], dtype=np.int64))


def encode_distinct(
    encoder: TextEncoder,
    texts: Sequence[str],
    cache: VectorCache | None,
    progress: Progress,
    what: str = "item texts",
) -> Floats32:
    """Encode distinct texts, float32 (len(texts), d); what a cache has is taken from it. ``what`` they are is told.

    A chunk that was begun by a killed run is encoded as a whole again, so that the vectors are the
    bits that an undisturbed run would have: a model's sums may depend on what shares its batch.
    """
    chunks = [texts[start : start + encoder.batch] for start in range(0, len(texts), encoder.batch)]
    missing = [chunk for chunk in chunks if cache is None or not all(text in cache for text in chunk)]
    found = []
    with bar(progress, what, sum(len(chunk) for chunk in missing), "texts"):
        for chunk in missing:
            vectors = encoder.encode(chunk)
            if cache is None:
                found.append(vectors)
            else:
                rows = [row for row, text in enumerate(chunk) if text not in cache]
                cache.add([chunk[row] for row in rows], vectors[rows])
            progress.advance(len(chunk))
    return np.concatenate(found) if cache is None else cache.get(texts)
