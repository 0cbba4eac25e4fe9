"""The intent block: vectors that do not depend on their company, and a model that learns order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch

from fenqun.behaviour.intent.batches import EventReader, with_hidden_end
from fenqun.behaviour.intent.encoder import IntentChoice, IntentEncoder, item_frequency
from fenqun.behaviour.intent.foresight import MOST, PAIRS, foretell
from fenqun.behaviour.intent.objectives import NegativeSampler, Objective, sampled_softmax
from fenqun.behaviour.intent.outlook import Outlook
from fenqun.behaviour.intent.spans import Spans, last_spans, training_spans
from fenqun.config import Intent
from fenqun.data.sequences import SequenceStore
from fenqun.errors import ConfigError, RunError

BACKBONES = ("gru", "gpt", "bert")
SMALL = {
    "width": 16,
    "depth": 2,
    "heads": 2,
    "length": 12,
    "events": 2_000,
    "negatives": 8,
    "tokens": 256,
    "checks": 2,
}
ITEMS = 12


@pytest.fixture(scope="module", params=BACKBONES)
def encoder(request: pytest.FixtureRequest, store: SequenceStore, table: np.ndarray) -> IntentEncoder:
    config = Intent(backbone=request.param, **SMALL)
    return IntentEncoder(config).fit(store, (0,), table, judged=(1,), repeats=True, seed=3)


# -- vectors -----------------------------------------------------------------------------------


def test_alone_and_in_company_a_user_is_the_same(encoder: IntentEncoder, store: SequenceStore) -> None:
    together = encoder.transform(store, (0,))
    for user in range(0, store.n_users, 7):
        alone = encoder.transform(store, (0,), np.array([user]))
        np.testing.assert_allclose(alone[0], together[user], atol=1e-5)


def test_vectors_are_finite_and_tell_users_apart(encoder: IntentEncoder, store: SequenceStore) -> None:
    vectors = encoder.transform(store, (0,))
    assert vectors.dtype == np.float32 and vectors.shape == (store.n_users, encoder.width)
    assert np.isfinite(vectors).all()
    assert vectors.std(axis=0).min() > 0


def test_what_lies_behind_the_last_events_fades(
    encoder: IntentEncoder, make_store: Callable[..., SequenceStore], ring: Callable[..., pa.Table]
) -> None:
    """Older events count in decayed sums alone, which are nothing after years."""
    long = ring(3, np.array([30, 30, 30]))
    old = np.arange(len(long)) % 30 < 5
    years = pa.array(np.where(old, 10 * 365 * 86400 * 1_000_000, 0), pa.duration("us"))
    shifted = long.set_column(2, "timestamp", pc.subtract(long["timestamp"], years))
    every = make_store(shifted), make_store(shifted.filter(pa.array(~old)))
    for user in range(3):
        rows = [int(s.user_index(pa.array([f"u{user:03}"]))[0]) for s in every]
        full, cut = (encoder.transform(s, (0, 1, 2))[row] for s, row in zip(every, rows, strict=True))
        np.testing.assert_allclose(full, cut, atol=1e-5)


def test_a_user_without_events_is_zero(
    make_store: Callable[..., SequenceStore], encoder: IntentEncoder, store: SequenceStore
) -> None:
    vectors = encoder.transform(store, (2,))
    silent = store.n_events((2,)) == 0
    assert silent.any()
    assert not vectors[silent].any()


@pytest.mark.parametrize("name", ["gru", "gpt"])
def test_a_state_does_not_know_what_comes(name: str, store: SequenceStore, table: np.ndarray) -> None:
    encoder = IntentEncoder(Intent(backbone=name, **SMALL)).fit(store, (0,), table, train=False)
    batch = next(EventReader(store, encoder.vocabulary).batches(last_spans(store, (0, 1, 2), 12), 256))
    encoder.model.eval()
    with torch.inference_mode():
        before = encoder.model.states(batch)
        batch.item[:, -1] = (batch.item[:, -1] + 1) % ITEMS
        after = encoder.model.states(batch)
    torch.testing.assert_close(before[:, :-1], after[:, :-1])
    assert not torch.allclose(before[:, -1], after[:, -1])


def test_the_last_state_by_the_short_way_is_the_same(encoder: IntentEncoder, store: SequenceStore) -> None:
    model = encoder.model.eval()
    for batch in EventReader(store, encoder.vocabulary).batches(last_spans(store, (0,), 11), 64):
        whole = batch if model.backbone.causal else with_hidden_end(batch)
        with torch.inference_mode():
            states = model.states(whole)
            if model.backbone.causal:
                states = model.later(whole, states)
            states = states[torch.arange(len(batch.users)), whole.lengths - 1]
            torch.testing.assert_close(model.users(batch)[:, : model.backbone.width], states, atol=1e-5, rtol=1e-5)


def test_time_without_events_says_something(
    make_store: Callable[..., SequenceStore], ring: Callable[..., pa.Table], table: np.ndarray, tmp_path: Path
) -> None:
    """Whoever has been silent for long is expected to do less than right after the same events."""
    store = make_store(ring(120, np.random.default_rng(3).integers(5, 40, 120)))
    alone = {name: float(name == "outlook") for name in ("next", "timing", "outlook")}
    config = Intent(
        **SMALL | {"backbone": "gru", "events": 60_000, "learning_rate": 5e-3, "dropout": 0, "objectives": alone}
    )
    end = int(store.time.max()) + 3600
    encoder = IntentEncoder(config).fit(store, (0, 1, 2), table, now=end)
    silent = end - store.time[store.offsets[1:] - 1] > 10 * 3600
    ahead = []
    for now in (
        int(store.time.min()),
        end,
    ):  # right after everyone's last event, and when it is known to be the last
        vectors = encoder.transform(store, (0, 1, 2), now=now)
        one = encoder.transform(store, (0, 1, 2), np.array([7]), now=now)
        np.testing.assert_allclose(one[0], vectors[7], atol=1e-5)
        with torch.inference_mode():
            states = torch.from_numpy(vectors[silent, : SMALL["width"]])
            ahead.append(encoder.model.ahead(states)[:, 0].numpy())
    assert silent.sum() > 30
    assert np.mean(ahead[0] > ahead[1]) > 0.9
    with pytest.raises(ValueError, match="told now"):
        encoder.transform(store, (0, 1, 2))
    encoder.save(tmp_path)
    again = IntentEncoder.load(tmp_path)
    np.testing.assert_array_equal(again.transform(store, (0, 1, 2), now=end), vectors)


def test_a_category_tells_apart_what_the_item_table_cannot(store: SequenceStore) -> None:
    encoder = IntentEncoder(Intent(backbone="gru", **SMALL)).fit(store, (0,), np.zeros((ITEMS, 8)), train=False)
    codes, names = store.categories
    with torch.inference_mode():
        rows = encoder.model.items.everything().numpy()
        with encoder.model.items.kept():
            np.testing.assert_array_equal(encoder.model.items(torch.arange(ITEMS)).numpy(), rows)
    same = codes[:, None] == codes[None]  # an item without a category starts at nothing
    assert 1 < len(names) < ITEMS
    np.testing.assert_array_equal(np.abs(rows[:, None] - rows[None]).max(axis=2) == 0, same)


# -- training ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BACKBONES)
def test_the_same_seed_gives_the_same_model_on_any_number_of_threads(
    name: str, store: SequenceStore, table: np.ndarray
) -> None:
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        encoder = IntentEncoder(Intent(backbone=name, **SMALL)).fit(store, (0,), table, seed=5)
        found.append(encoder.transform(store, (0,)))
    np.testing.assert_array_equal(*found)
    other = IntentEncoder(Intent(backbone=name, **SMALL)).fit(store, (0,), table, seed=6)
    assert np.abs(other.transform(store, (0,)) - found[0]).max() > 1e-3


@pytest.mark.parametrize("name", BACKBONES)
def test_order_is_learned(
    name: str, make_store: Callable[..., SequenceStore], ring: Callable[..., pa.Table]
) -> None:
    """Everyone takes every item, so that a bag says nothing; who walks a ring takes the one after the last."""
    store = make_store(ring(250, np.full(250, 25)))
    config = Intent(
        **SMALL | {"backbone": name, "events": 60_000, "window": 1, "learning_rate": 5e-3, "dropout": 0}
    )
    encoder = IntentEncoder(config).fit(store, (0,), np.eye(ITEMS), judged=(1,), repeats=True, seed=1)
    best = encoder.scores(encoder.transform(store, (0,))).argmax(axis=1)
    ends = store.offsets[:-1] + store.n_events((0,))
    # One event in five teaches a backbone that looks both ways: it is slower.
    assert np.mean(best == store.item[ends]) > (0.6 if name == "bert" else 0.9)
    found = list(encoder.figures["judged_by_share"].values())
    assert max(found) > found[0]


@pytest.mark.parametrize(("name", "pairs", "most"), [("gru", PAIRS, MOST), ("gpt", PAIRS, MOST), ("gru", 1, 1)])
def test_next_events_are_foretold_from_those_before_them_alone(
    name: str, pairs: int, most: int, store: SequenceStore, table: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fenqun.behaviour.intent.foresight.PAIRS", pairs)
    config = Intent(backbone=name, **SMALL)
    encoder = IntentEncoder(config).fit(store, (0,), table)
    known, both = store.n_events((0,)), store.n_events((0, 1))
    users = np.flatnonzero((known > 0) & (both > known))
    reader = EventReader(store, encoder.vocabulary)
    model = encoder.model.eval()
    gains = []
    with torch.inference_mode():
        stands, found = foretell(model, reader, (0,), (1,), users, config.length, 128)
        for user in users:
            start = store.offsets[user] + max(known[user] - config.length, 0)
            first = store.offsets[user] + known[user]
            mine = []
            for event in range(first, first + min(both[user] - known[user], most)):
                batch = reader.batch(Spans(np.array([user]), np.array([start]), np.array([event - start])))
                scores = model.scores(model.later(batch, model.states(batch))[0, -1:])[0].numpy()
                rank = 1 + np.sum(scores > scores[store.item[event]])
                mine.append(1 / np.log2(rank + 1))  # fewer items than a list is long
            gains.append(np.mean(mine))
    assert len(gains) > 20
    known_then = encoder.transform(store, (0,))[users, : config.width]
    np.testing.assert_allclose(stands, known_then, atol=1e-5)
    assert found == pytest.approx(np.mean(gains), abs=1e-4)


def test_the_best_checkpoint_is_kept_and_taken_over(store: SequenceStore, table: np.ndarray) -> None:
    config = Intent(backbone="gru", **SMALL)
    encoder = IntentEncoder(config).fit(store, (0,), table, judged=(1,), repeats=True)
    figures = encoder.figures["judged_by_share"]
    best = max(figures.values())
    assert f"{encoder.chosen.share:.3f}" == next(share for share, value in figures.items() if value == best)
    again = IntentEncoder(config, IntentChoice("gru", 0.5)).fit(store, (0, 1), table)
    assert again.chosen == IntentChoice("gru", 0.5)
    assert again.figures["events"] >= 0.5 * SMALL["events"]
    assert again.figures["events"] < 0.5 * SMALL["events"] + SMALL["tokens"]


def test_where_there_is_nothing_to_train_on_nothing_is_chosen_against_training(
    make_store: Callable[..., SequenceStore], ring: Callable[..., pa.Table], table: np.ndarray
) -> None:
    store = make_store(ring(40, np.full(40, 3)))
    assert store.n_events((0,)).max() < 2
    encoder = IntentEncoder(Intent(backbone="gru", **SMALL)).fit(store, (0,), table, judged=(1, 2), repeats=True)
    assert encoder.figures["events"] == 0
    assert encoder.chosen.share == 1.0


@pytest.mark.parametrize("objective", ["next", "timing", "outlook", "masked", "contrastive", "future"])
@pytest.mark.parametrize("name", BACKBONES)
def test_every_objective_alone_gives_a_gradient(
    name: str, objective: str, store: SequenceStore, table: np.ndarray
) -> None:
    weights = dict.fromkeys(("next", "timing", "outlook", "masked", "contrastive", "future"), 0.0) | {
        objective: 1.0
    }
    config = Intent(backbone=name, objectives=weights, **SMALL)
    encoder = IntentEncoder(config).fit(store, (0,), table, train=False)
    causal = encoder.model.backbone.causal
    sampler = NegativeSampler(torch.from_numpy(item_frequency(store, (0,))), config.negatives)
    loss_of = Objective(config, causal, sampler)
    if (objective == "masked") == causal and objective in ("next", "timing", "outlook", "masked"):
        assert not loss_of.weights  # a backbone that sees what is to be predicted cannot be trained for it
        return
    spans = training_spans(store, (0,), config.length, np.random.default_rng(0))
    ahead = Outlook.of(store, (0,), encoder.vocabulary.half_lives, None)
    reader = EventReader(store, encoder.vocabulary, outlook=ahead, ahead=True)
    batch = max(reader.batches(spans, 256, np.random.default_rng(0)), key=lambda b: b.item.numel())
    loss = loss_of(encoder.model, batch, torch.Generator().manual_seed(0))
    loss.backward()
    gradients = [p.grad for p in encoder.model.backbone.parameters() if p.grad is not None]
    assert torch.isfinite(loss) and gradients
    assert all(torch.isfinite(g).all() for g in gradients)
    assert any(g.abs().sum() > 0 for g in gradients)


def test_drawn_items_stand_for_all(store: SequenceStore, table: np.ndarray) -> None:
    """The denominator that drawn items estimate is, on average, the full softmax's."""
    encoder = IntentEncoder(Intent(backbone="gru", **SMALL)).fit(store, (0,), table, train=False)
    encoder.model.eval()
    state, target = torch.randn(1, 16, generator=torch.Generator().manual_seed(0)) / 4, torch.tensor([3])
    frequency = torch.from_numpy(item_frequency(store, (0,)))
    generator = torch.Generator().manual_seed(1)
    every, few = NegativeSampler(frequency, ITEMS), NegativeSampler(frequency, 5)
    with torch.inference_mode():
        full = sampled_softmax(encoder.model, state, target, every, generator).exp()
        drawn = [sampled_softmax(encoder.model, state, target, few, generator).exp() for _ in range(2000)]
    assert float(torch.stack(drawn).mean() / full) == pytest.approx(1, abs=0.05)


# -- settings and files ------------------------------------------------------------------------


def test_saved_and_loaded_it_says_the_same(encoder: IntentEncoder, store: SequenceStore, tmp_path: Path) -> None:
    encoder.save(tmp_path / "intent")
    loaded = IntentEncoder.load(tmp_path / "intent")
    vectors = encoder.transform(store, (0, 1, 2))
    np.testing.assert_array_equal(loaded.transform(store, (0, 1, 2)), vectors)
    np.testing.assert_array_equal(loaded.scores(vectors), encoder.scores(vectors))
    assert loaded.chosen == encoder.chosen
    assert {p.suffix for p in (tmp_path / "intent").iterdir()} == {".json", ".safetensors"}


def test_a_damaged_file_is_one_clear_line(encoder: IntentEncoder, tmp_path: Path) -> None:
    encoder.save(tmp_path)
    (tmp_path / "intent.safetensors").write_bytes(b"no weights")
    with pytest.raises(RunError, match="no readable intent encoder"):
        IntentEncoder.load(tmp_path)


@pytest.mark.parametrize("tree", [{"backbone": "lstm"}, {"backbone": "gpt", "width": 15}])
def test_settings_that_cannot_be_are_refused(tree: dict, store: SequenceStore, table: np.ndarray) -> None:
    with pytest.raises(ConfigError, match=r"behaviour\.intent"):
        IntentEncoder(Intent(**SMALL | tree)).fit(store, (0,), table)
