"""Files beside the items, pictures and sounds, to raw vectors; a file that is missing is counted, never fatal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from fenqun.config import Content
from fenqun.content.cache import VectorCache
from fenqun.content.joining import Told
from fenqun.progress import Progress, bar

Floats32 = npt.NDArray[np.float32]
Medium = Literal["image", "audio"]
MEDIA: tuple[Medium, ...] = ("image", "audio")

WORDS: dict[Medium, tuple[str, str]] = {"image": ("picture", "pictures"), "audio": ("sound", "sounds")}
"""What a medium's files are called, one and several."""


class UnreadableFileError(Exception):
    """A file holds no picture or sound that can be decoded."""


class FileEncoder(Protocol):
    """Turns files of one medium into vectors; the same file always gets the same vector.

    Attributes
    ----------
    id
        Names the model and everything else that its vectors depend on; part of the cache key.
    batch
        Files that are worth decoding and encoding at once.
    """

    id: str
    batch: int

    def read(self, path: Path) -> Any:
        """Decode one file.

        Raises
        ------
        UnreadableFileError
            If it cannot be decoded.
        """

    def encode(self, items: Sequence[Any]) -> Floats32:
        """Return float32, shape (len(items), d), for what :meth:`read` returned."""


class Decoding:
    """An encoder of what files hold, together with how they are read: a :class:`FileEncoder`.

    Parameters
    ----------
    encoder
        Encodes what ``read`` returns; has ``id``, ``batch`` and ``encode``.
    read
        Decodes one file.
    limit
        How much of a file is read; part of the id.
    """

    def __init__(self, encoder: Any, read: Callable[[Path], Any], limit: str) -> None:
        self.encode: Callable[[Sequence[Any]], Floats32] = encoder.encode
        self.read = read
        self.id, self.batch = f"{encoder.id}/{limit}", encoder.batch


@dataclass(frozen=True)
class FileFigures:
    """The account of one medium.

    Attributes
    ----------
    encoder
        Its id.
    items
        Items that name a file.
    encoded
        Items that have a vector.
    missing, unreadable
        Items whose file is not there, or holds nothing that can be decoded.
    example
        Name of the first file that gave no vector; None where all did.
    """

    encoder: str
    items: int
    encoded: int
    missing: int
    unreadable: int
    example: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def sentence(self, medium: Medium) -> str:
        """One line on what was left out; empty where nothing was."""
        if not self.missing + self.unreadable:
            return ""
        several = WORDS[medium][1]
        return (
            f"{self.missing + self.unreadable:,} of {self.items:,} items have no {WORDS[medium][0]}: "
            f"{self.missing:,} {several} are not there, {self.unreadable:,} cannot be read, such as {self.example!r}"
        )


@dataclass(frozen=True)
class FileVectors:
    """Raw vectors of one medium, and the account of its files."""

    told: Told
    figures: FileFigures


def make_file_encoder(config: Content, medium: Medium) -> FileEncoder | None:
    """Make the encoder that ``content.image`` or ``content.audio`` names; None for ``none``.

    Raises
    ------
    ConfigError
        If the name is unknown, or the callable cannot be imported.
    MissingExtraError
        If a library is not installed.
    """
    if medium == "image":
        from fenqun.content.image import make_image_encoder

        return make_image_encoder(config.image)
    from fenqun.content.audio import make_audio_encoder

    return make_audio_encoder(config.audio)


def locate_files(paths: Sequence[str | None], folder: Path | None) -> list[Path | None]:
    """Resolve what the item table names: relative to its folder, or absolute.

    Parameters
    ----------
    paths
        One an item, None for none.
    folder
        Of the item table; None where it is no file: relative paths are then found nowhere.
    """
    nowhere = Path("/nonexistent")
    return [Path(folder or nowhere) / path if path else None for path in paths]


def embed_files(
    encoder: FileEncoder,
    medium: Medium,
    paths: Sequence[Path | None],
    cache: Path,
    progress: Progress,
) -> FileVectors:
    """Encode the files of items; files with the same content are encoded once, and kept.

    Parameters
    ----------
    encoder, medium
        What decodes and encodes, and what its files are called.
    paths
        One an item; None: the item has none.
    cache
        Folder that keeps vectors by content and encoder.
    progress
        Told about files, and in one line about those that gave no vector.
    """
    keys = [_content(path) if path else None for path in paths]
    first = {key: path for key, path in zip(reversed(keys), reversed(paths), strict=True) if key and path}
    known = VectorCache(cache, encoder.id)
    _encode_missing(encoder, medium, first, known, progress)
    # In the order of the content, so that statistics do not depend on the order of the items.
    readable = [key for key in sorted(first) if key in known]
    row = {key: number for number, key in enumerate(readable)}
    place = np.array([row.get(key, -1) if key else -1 for key in keys], dtype=np.int64)
    lost = [path for path, found in zip(paths, place, strict=True) if path and found < 0]
    figures = FileFigures(
        encoder=encoder.id,
        items=sum(path is not None for path in paths),
        encoded=int((place >= 0).sum()),
        missing=sum(path is not None and key is None for path, key in zip(paths, keys, strict=True)),
        unreadable=sum(key is not None and key not in known for key in keys),
        example=lost[0].name if lost else None,
    )
    if sentence := figures.sentence(medium):
        progress.note(sentence)
    return FileVectors(Told(known.get(readable), place), figures)


def _content(path: Path) -> str | None:
    """Hash of a file's content; None where there is no file that can be opened."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except (OSError, ValueError):  # no permission, a name too long, a zero byte in the name
        return None


def _encode_missing(
    encoder: FileEncoder, medium: Medium, files: dict[str, Path], cache: VectorCache, progress: Progress
) -> None:
    """Encode what the cache lacks, in chunks of sorted content hashes.

    As with texts, a chunk that was begun is encoded as a whole again: its vectors are then the bits
    that an undisturbed run would have.
    """
    keys = sorted(files)
    chunks = [keys[start : start + encoder.batch] for start in range(0, len(keys), encoder.batch)]
    missing = [chunk for chunk in chunks if not all(key in cache for key in chunk)]
    with bar(progress, f"item {WORDS[medium][1]}", sum(map(len, missing)), WORDS[medium][1]):
        for chunk in missing:
            read: dict[str, Any] = {}
            for key in chunk:
                try:
                    read[key] = encoder.read(files[key])
                except UnreadableFileError:
                    continue
            fresh = {key for key in read if key not in cache}
            if fresh:
                vectors = encoder.encode(list(read.values()))
                rows = [row for row, key in enumerate(read) if key in fresh]
                cache.add([key for key in read if key in fresh], vectors[rows])
            progress.advance(len(chunk))
