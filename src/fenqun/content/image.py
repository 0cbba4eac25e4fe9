"""Pictures: what an encoder of pictures offers, how the settings name one, and how a file is read."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from fenqun.content.imported import ImportedModel
from fenqun.content.media import Decoding, FileEncoder, UnreadableFileError
from fenqun.errors import ConfigError, MissingExtraError

Floats32 = npt.NDArray[np.float32]

LONGEST_SIDE = 512
"""Pixels that a picture is reduced to when it is read: no encoder here looks at more."""

CROP, SIDE = 224 / 256, 224
"""Share of the shorter side that is looked at, and the width of the square given to a torch module."""

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


@runtime_checkable
class ImageEncoder(Protocol):
    """Turns pictures into vectors; the same picture always gets the same vector.

    Attributes
    ----------
    id
        Names the model and everything else that its vectors depend on; part of the cache key.
    batch
        Pictures that are worth sending at once.
    """

    id: str
    batch: int

    def encode(self, images: Sequence[Any]) -> Floats32:
        """Return float32, shape (len(images), d), for pictures as :func:`read_image` gives them."""


class ImportedImages:
    """A function that takes a list of Pillow pictures, or a torch module that takes a normalised batch.

    A module is given float32 (b, 3, 224, 224), normalised by the mean and deviation of ImageNet.
    """

    batch = 32

    def __init__(self, name: str) -> None:
        self._model = ImportedModel(name, "content.image", _normalised)
        self.id = self._model.id

    def encode(self, images: Sequence[Any]) -> Floats32:
        """Return float32, shape (len(images), d)."""
        return self._model(images)


def make_image_encoder(name: str) -> FileEncoder | None:
    """Make the encoder of pictures that ``content.image`` names; None for ``none``.

    Raises
    ------
    ConfigError
        If the name is unknown.
    MissingExtraError
        If a library is not installed.
    """
    kind, _, model = name.partition(":")
    if name == "none":
        return None
    _pillow()
    encoder: ImageEncoder
    if name == "efficientnet-lite0":
        from fenqun.content.efficientnet import EfficientNetLite0

        encoder = EfficientNetLite0()
    elif kind == "sentence-transformers" and model:
        from fenqun.content.sentence_transformer import SentenceTransformerImages

        encoder = SentenceTransformerImages(model)
    elif kind == "callable" and model.count(":") == 1:
        encoder = ImportedImages(model)
    else:
        raise ConfigError(
            f"{name!r} names no encoder of pictures",
            where="content.image",
            mend="use one of: none, efficientnet-lite0, sentence-transformers:NAME, callable:MODULE:NAME",
        )
    return Decoding(encoder, read_image, f"{LONGEST_SIDE}")


def read_image(source: Path | bytes) -> Any:
    """Decode a picture: upright, on white, RGB, no side longer than :data:`LONGEST_SIDE`.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    UnreadableFileError
        If it cannot be decoded to its end, or is a bomb (more pixels than Pillow takes for honest).
    """
    Image, ImageOps = _pillow()
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image,
        ):
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            image = ImageOps.exif_transpose(image)
            image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            if image.mode in ("RGBA", "LA", "PA", "P"):
                over = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
            elif image.mode.startswith("I"):  # 16 or 32 bits a pixel: Pillow would clip, not scale
                levels = np.asarray(image, dtype=np.float64)
                image = Image.fromarray((levels / max(levels.max(), 1.0) * 255).astype(np.uint8))
            return image.convert("RGB")
    except (
        OSError, ValueError, SyntaxError, TypeError, IndexError, EOFError, MemoryError, struct.error, zlib.error,
        Image.DecompressionBombError,
    ) as error:  # fmt: skip
        raise UnreadableFileError(str(error)) from error


def squares(images: Sequence[Any], side: int = SIDE) -> npt.NDArray[np.uint8]:
    """Cut the middle square of each picture, uint8 (n, side, side, 3): the usual 224 of 256, bicubic."""
    Image, ImageOps = _pillow()
    cut = []
    for image in images:
        whole = ImageOps.fit(image, (round(side / CROP),) * 2, method=Image.Resampling.BICUBIC)
        margin = (whole.width - side) // 2
        cut.append(np.asarray(whole.crop((margin, margin, margin + side, margin + side)), dtype=np.uint8))
    return np.stack(cut)


def _normalised(images: Sequence[Any]) -> Any:
    import torch

    pixels = (squares(images) / 255.0 - np.array(_MEAN)) / np.array(_DEVIATION)
    pixels = pixels.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))


def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtraError("Pillow", "image") from error
    return Image, ImageOps
