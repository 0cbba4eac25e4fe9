"""Batches of events: whole, of the asked size, and with what lies behind and ahead counted right."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.behaviour.intent.batches import HIDDEN, PADDING, EventReader, with_hidden_end
from fenqun.behaviour.intent.history import decayed_history
from fenqun.behaviour.intent.outlook import Outlook
from fenqun.behaviour.intent.spans import last_spans, training_spans
from fenqun.behaviour.intent.vocabulary import Vocabulary, gap_codes
from fenqun.behaviour.intent.waiting import drawn_waits
from fenqun.data.sequence_store import SequenceStore


@settings(max_examples=25)
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


@settings(max_examples=25)
@given(seed=st.integers(0, 1000))
def test_moments_are_drawn_between_an_event_and_the_next(store: SequenceStore, seed: int) -> None:
    """What a batch says of a moment is what there is to know then: no event between, sums faded, the future ahead."""
    generator = np.random.default_rng(seed)
    vocabulary = Vocabulary.fit(store, (0, 1))
    known = store.n_events((0, 1))
    end = int(store.time[np.concatenate([store.offsets[:-1] + n for n in (known - 1,)])].max()) + 7200
    outlook = Outlook.of(store, (0, 1), vocabulary.half_lives, end)
    spans = training_spans(store, (0, 1), 9, generator)
    width = int(spans.lengths.max())
    positions = spans.starts[:, None] + np.minimum(np.arange(width), spans.lengths[:, None] - 1)
    waits = drawn_waits(store, spans, positions, outlook, np.random.default_rng(seed))
    reader = EventReader(store, vocabulary, end, outlook, ahead=True)
    batch = reader.batch(spans, np.random.default_rng(seed))
    np.testing.assert_array_equal(batch.wait.numpy(), gap_codes(waits))
    assert batch.ahead is not None
    for row in range(0, len(spans), 17):
        user = spans.users[row]
        time = np.asarray(store.time[store.offsets[user] : outlook.last[user]])
        for step in range(spans.lengths[row]):
            moment = store.time[positions[row, step]] + waits[row, step]
            place = positions[row, step] - store.offsets[user]
            following = time[place + 1] if place + 1 < len(time) else end
            assert time[place] <= moment <= following
            sums = np.exp2(-(moment - time[: place + 1])[:, None] / vocabulary.half_lives).sum(axis=0)
            lives = len(vocabulary.half_lives)
            np.testing.assert_allclose(batch.faded[row, step, :lives].numpy(), np.log1p(sums), rtol=5e-3, atol=5e-3)
            inside = ((time > moment) & (time <= moment + outlook.horizons[0])).sum()
            told = batch.ahead[row, step, 0].numpy() * outlook.scale[0] + outlook.center[0]
            assert np.isnan(told) if moment + outlook.horizons[0] > end else abs(np.expm1(told) - inside) < 1e-2
