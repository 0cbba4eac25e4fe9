"""The intent block: vectors that do not depend on their company, and a model that learns order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.behaviour.intent.batches import HIDDEN, PADDING, EventReader, with_hidden_end
from fenqun.behaviour.intent.encoder import IntentChoice, IntentEncoder, item_frequency
from fenqun.behaviour.intent.history import decayed_history
from fenqun.behaviour.intent.objectives import NegativeSampler, Objective, sampled_softmax
from fenqun.behaviour.intent.outlook import Outlook
from fenqun.behaviour.intent.spans import last_spans, training_spans
from fenqun.behaviour.intent.vocabulary import Vocabulary
from fenqun.config import Intent
from fenqun.data.sequences import SequenceStore, build_sequences
from fenqun.data.splits import make_splits
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import ConfigError, RunError
from fenqun.settings import load_config
from fenqun.store import Run

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
ITEMS, START = 12, 1_704_067_200


def log(n_users: int, lengths: np.ndarray, seed: int = 0, ordered: bool = True) -> pa.Table:
    """Events of users who walk a ring of items in order, one step an hour; unordered users jump at random."""
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(n_users), lengths)
    step = np.arange(len(users)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    first = np.repeat(rng.integers(0, ITEMS, n_users), lengths)
    item = (first + step) % ITEMS if ordered else rng.integers(0, ITEMS, len(users))
    seconds = START + step * 3600 + users
    moment = pa.array(seconds * 1_000_000, pa.timestamp("us"))
    return pa.table(
        {
            "user_id": pa.array([f"u{u:03}" for u in users]),
            "item_id": pa.array([f"i{i:02}" for i in item]),
            "timestamp": moment.cast(pa.timestamp("us", "UTC")),
            "local": moment,
            "event_type": pa.array(np.where(step % 3 == 0, "buy", "view")),
            "weight": pa.array(np.ones(len(users))),
            "value": pa.array(np.where(step % 4 == 0, np.nan, step % 7 + 1.0), from_pandas=True),
            "quantity": pa.nulls(len(users), pa.float64()),
            "duration": pa.array(10.0 + step % 5),
            "session": pa.nulls(len(users), pa.string()),
        }
    )


def catalogue() -> pa.Table:
    ids = [f"i{i:02}" for i in range(ITEMS)]
    nothing = dict.fromkeys(("text", "category", "image", "audio"), pa.nulls(ITEMS, pa.string()))
    return pa.table({"item_id": ids, **nothing, "price": pa.nulls(ITEMS, pa.float64())})


@pytest.fixture(scope="module")
def make_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., SequenceStore]:
    source = {"path": "x", "user": "user_id", "item": "item_id", "time": "timestamp"}
    config = load_config({"data": {"events": source}, "splits": {"method": "per_user"}})

    def make(events: pa.Table) -> SequenceStore:
        engine = DuckDBEngine(threads=1, memory="500MB")
        run = Run.create(tmp_path_factory.mktemp("run"))
        try:
            run.write_table("work/events.parquet", events)
            run.write_table("work/items.parquet", catalogue())
            return build_sequences(engine, run, make_splits(config, engine, run), config)
        finally:
            engine.close()
            run.close()

    return make


@pytest.fixture(scope="module")
def store(make_store: Callable[..., SequenceStore]) -> SequenceStore:
    lengths = np.random.default_rng(1).integers(1, 40, 60)
    return make_store(log(60, lengths))


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((ITEMS, 8)).astype(np.float32)


@pytest.fixture(scope="module", params=BACKBONES)
def encoder(request: pytest.FixtureRequest, store: SequenceStore, table: np.ndarray) -> IntentEncoder:
    config = Intent(backbone=request.param, **SMALL)
    return IntentEncoder(config).fit(store, (0,), table, truth=store.counts((1,)), repeats=True, seed=3)


# -- vectors -----------------------------------------------------------------------------------


def test_alone_and_in_company_a_user_is_the_same(encoder: IntentEncoder, store: SequenceStore) -> None:
    together = encoder.transform(store, (0,))
    for user in range(0, store.n_users, 7):
        alone = encoder.transform(store, (0,), np.array([user]))
        np.testing.assert_allclose(alone[0], together[user], atol=1e-5)


def test_vectors_are_finite_and_tell_users_apart(encoder: IntentEncoder, store: SequenceStore) -> None:
    vectors = encoder.transform(store, (0,))
    assert vectors.dtype == np.float32 and vectors.shape == (store.n_users, 16)
    assert np.isfinite(vectors).all()
    assert vectors.std(axis=0).min() > 0


def test_what_lies_behind_the_last_events_fades(
    encoder: IntentEncoder, make_store: Callable[..., SequenceStore]
) -> None:
    """Older events count in decayed sums alone, which are nothing after years."""
    long = log(3, np.array([30, 30, 30]))
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
    encoder.model.eval()
    for batch in EventReader(store, encoder.vocabulary).batches(last_spans(store, (0,), 11), 64):
        whole = batch if encoder.model.backbone.causal else with_hidden_end(batch)
        with torch.inference_mode():
            states = encoder.model.states(whole)[torch.arange(len(batch.users)), whole.lengths - 1]
            torch.testing.assert_close(encoder.model.last(batch), states, atol=1e-5, rtol=1e-5)


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
def test_order_is_learned(name: str, make_store: Callable[..., SequenceStore]) -> None:
    """Everyone takes every item, so that a bag says nothing; who walks a ring takes the one after the last."""
    store = make_store(log(250, np.full(250, 25)))
    config = Intent(
        **SMALL | {"backbone": name, "events": 60_000, "window": 1, "learning_rate": 5e-3, "dropout": 0}
    )
    truth = store.counts((1,))
    encoder = IntentEncoder(config).fit(store, (0,), np.eye(ITEMS), truth=truth, repeats=True, seed=1)
    best = encoder.scores(encoder.transform(store, (0,))).argmax(axis=1)
    ends = store.offsets[:-1] + store.n_events((0,))
    # One event in five teaches a backbone that looks both ways: it is slower.
    assert np.mean(best == store.item[ends]) > (0.6 if name == "bert" else 0.9)
    found = list(encoder.figures["ndcg_by_share"].values())
    assert max(found) > found[0]


def test_the_best_checkpoint_is_kept_and_taken_over(store: SequenceStore, table: np.ndarray) -> None:
    config = Intent(backbone="gru", **SMALL)
    encoder = IntentEncoder(config).fit(store, (0,), table, truth=store.counts((1,)), repeats=True)
    figures = encoder.figures["ndcg_by_share"]
    best = max(figures.values())
    assert f"{encoder.chosen.share:.3f}" == next(share for share, value in figures.items() if value == best)
    again = IntentEncoder(config, IntentChoice("gru", 0.5)).fit(store, (0, 1), table)
    assert again.chosen == IntentChoice("gru", 0.5)
    assert again.figures["events"] >= 0.5 * SMALL["events"]
    assert again.figures["events"] < 0.5 * SMALL["events"] + SMALL["tokens"]


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
    batch = max(EventReader(store, encoder.vocabulary, ahead).batches(spans, 256), key=lambda b: b.item.numel())
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


# -- batches -----------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), length=st.integers(2, 15), tokens=st.integers(16, 300))
def test_training_spans_are_whole_and_batches_keep_their_size(
    store: SequenceStore, seed: int, length: int, tokens: int
) -> None:
    generator = np.random.default_rng(seed)
    spans = training_spans(store, (0, 1), length, generator)
    assert spans.lengths.min() >= 2 and spans.lengths.max() <= length
    covered = np.zeros(len(store.item), dtype=int)
    for start, n in zip(spans.starts, spans.lengths, strict=True):
        covered[start : start + n] += 1
    assert covered.max() == 1
    assert not covered[store.fold == 2].any()
    # Only single events at a cut or of a user with one event can be left out.
    assert (covered[store.fold < 2] == 0).sum() <= 2 * store.n_users
    vocabulary = Vocabulary.fit(store, (0, 1))
    seen = 0
    for batch in EventReader(store, vocabulary).batches(spans, tokens, generator):
        assert batch.item.numel() <= tokens or len(batch.users) == 1
        inside = torch.arange(batch.shape[1]) < batch.lengths[:, None]
        assert bool(((batch.item == PADDING) == ~inside).all())
        seen += int(batch.lengths.sum())
        for name, size in vocabulary.sizes.items():
            assert int(batch.codes[name].min()) >= 0 and int(batch.codes[name].max()) < size
    assert seen == spans.lengths.sum()


@pytest.mark.parametrize("known", [True, False])
def test_what_lies_ahead_is_counted_by_hand(known: bool, store: SequenceStore) -> None:
    """Of each event: the events after its second, within the horizon, if all of it can be known."""
    end = int(store.time.max()) + 3600
    half_lives = Vocabulary.fit(store, (0, 1)).half_lives
    outlook = Outlook.of(store, (0, 1), half_lives, end if known else None)
    spans = last_spans(store, (0, 1), 12)
    found = outlook.targets(store, spans, 12) * outlook.scale + outlook.center
    n = store.n_events((0, 1))
    for row, user in enumerate(spans.users):
        own = slice(store.offsets[user], store.offsets[user] + n[user])
        time, value = np.asarray(store.time[own]), np.nan_to_num(np.asarray(store.value[own], dtype=float))
        until = end if known else time[-1]
        for step, moment in enumerate(time[-spans.lengths[row] :]):
            for h, horizon in enumerate(outlook.horizons):
                inside = (time > moment) & (time <= moment + horizon)
                if moment + horizon > until:
                    assert np.isnan(found[row, step, [h, h + len(outlook.horizons)]]).all()
                else:
                    sums = np.log1p([inside.sum(), value[inside].sum()])
                    np.testing.assert_allclose(found[row, step, [h, h + len(outlook.horizons)]], sums, atol=1e-4)
        assert np.isnan(found[row, spans.lengths[row] :]).all()


def test_the_history_is_counted_by_hand(store: SequenceStore) -> None:
    lives = (3600, 7200)
    found = decayed_history(store, lives)
    for user in range(0, store.n_users, 9):
        own = slice(store.offsets[user], store.offsets[user + 1])
        time, value = np.asarray(store.time[own]), np.nan_to_num(np.asarray(store.value[own], dtype=float))
        for step, moment in enumerate(time):
            faded = np.exp2(-(moment - time[: step + 1])[:, None] / lives)
            sums = np.concatenate([faded.sum(axis=0), (faded * value[: step + 1, None]).sum(axis=0)])
            np.testing.assert_allclose(found[own][step], np.log1p(sums), rtol=2e-3)


def test_a_hidden_event_goes_behind_the_last(store: SequenceStore) -> None:
    vocabulary = Vocabulary.fit(store, (0,))
    for batch in EventReader(store, vocabulary).batches(last_spans(store, (0,), 11), 128):
        longer = with_hidden_end(batch)
        rows = torch.arange(len(batch.users))
        assert bool((longer.item[rows, batch.lengths] == HIDDEN).all())
        assert bool((longer.lengths == batch.lengths + 1).all())
        assert all(not code[rows, batch.lengths].any() for code in longer.codes.values())


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
