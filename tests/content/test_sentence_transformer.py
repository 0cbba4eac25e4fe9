from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fenqun.content.image import make_image_encoder
from fenqun.content.sentence_transformer import SentenceTransformerImages, SentenceTransformerSounds
from fenqun.errors import ConfigError

pytest.importorskip("sentence_transformers")
Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A CLIP of random weights that fits in a few kilobytes."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    folder = tmp_path_factory.mktemp("clip")
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**small, "vocab_size": 60, "max_position_embeddings": 16, "bos_token_id": 0, "eos_token_id": 1}
    torch.manual_seed(0)
    vision = {**small, "image_size": 32, "patch_size": 8}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)
    CLIPModel(config).save_pretrained(folder)
    letters = [letter + end for letter in "abcdefghijklmnopqrstuvwxyz" for end in ("", "</w>")]
    vocabulary = {word: row for row, word in enumerate(["<|startoftext|>", "<|endoftext|>", *letters])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(pictures, tokenizer).save_pretrained(folder)
    return str(folder)


def test_a_clip_of_pictures(clip: str) -> None:
    encoder = make_image_encoder(f"sentence-transformers:{clip}")
    assert encoder is not None
    random = np.random.default_rng(0)
    images = [Image.fromarray(random.integers(0, 255, (40, 50, 3), dtype=np.uint8)) for _ in range(5)]
    vectors = encoder.encode(images)
    assert vectors.shape == (5, 12) and vectors.dtype == np.float32
    np.testing.assert_allclose(encoder.encode(images[2:3]), vectors[2:3], atol=1e-5)


def test_a_model_that_knows_no_sounds_says_so(clip: str) -> None:
    with pytest.raises(ConfigError, match=r"content\.audio.*no sounds"):
        SentenceTransformerSounds(clip)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"content\.image"):
        SentenceTransformerImages(str(tmp_path / "absent"))
